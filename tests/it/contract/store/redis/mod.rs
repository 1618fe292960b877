//! The store on Redis: the contract on one server, on a cluster, and behind sentinels.

mod bench;

use super::contract;
use super::rig::*;

/// On one server.
mod single {
    use super::super::{away, bounds, delivery, inbox, model, restart, resync, sessions};
    use super::contract;
    contract!(super::super::bench::single);
}

/// On a cluster of three.
mod cluster {
    use super::super::{away, bounds, delivery, inbox, model, restart, resync, sessions};
    use super::contract;
    contract!(super::super::bench::cluster);
}
