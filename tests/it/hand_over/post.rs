//! The way from the store to the workers. Pages can be held back on it, while entries go on: the answer to a read may be
//! overtaken (`Store::read`).

use std::sync::{Arc, Mutex};

use postroom::domain::WorkerId;
use postroom::gateway::Switchboard;
use postroom::store::{Outlet, StoreEvent};

pub(super) struct Post {
    switchboard: Arc<Switchboard>,
    /// Pages that are held back, where they are.
    held: Mutex<Option<Vec<(WorkerId, StoreEvent)>>>,
}

impl Post {
    pub(super) fn new(switchboard: Arc<Switchboard>) -> Arc<Self> {
        Arc::new(Self { switchboard, held: Mutex::default() })
    }

    /// Pages wait from now on.
    pub(super) fn hold(&self) {
        self.held.lock().unwrap().get_or_insert_default();
    }

    /// Pages go on.
    pub(super) fn release(&self) {
        let mut held = self.held.lock().unwrap();
        for (worker, page) in held.take().into_iter().flatten() {
            self.switchboard.deliver(worker, vec![page]);
        }
    }
}

impl Outlet for Post {
    fn deliver(&self, worker: WorkerId, mut events: Vec<StoreEvent>) {
        let mut held = self.held.lock().unwrap();
        if let Some(held) = held.as_mut() {
            let pages = events.extract_if(.., |event| matches!(event, StoreEvent::Page { .. }));
            held.extend(pages.map(|page| (worker, page)));
        }
        if !events.is_empty() {
            self.switchboard.deliver(worker, events);
        }
    }
}
