//! The broker of a single node.

use std::sync::Arc;

use postroom::broker::*;

use super::contract;
use super::rig::*;

struct Local;

impl Backend for Local {
    fn node(&self, reception: Arc<Heard>) -> Box<dyn Broker> {
        Box::new(LocalBroker::new(reception))
    }
}

contract!(|| super::Local);
