//! The store's thread and the broker's put mail on the line of a worker, which takes it, and asks how full it is.

use std::sync::Arc;

use shuttle::future::block_on;
use shuttle::thread;
use tokio::sync::mpsc::UnboundedReceiver;

#[path = "../../../../src/gateway/switchboard.rs"]
mod switchboard;
use switchboard::{Load, Mail, Switchboard};

use super::message;
use crate::broker::Reception;
use crate::domain::{Seq, SiteName, WorkerId};
use crate::store::{Outlet, StoreEvent};

const WORKER: WorkerId = WorkerId(0);

fn site() -> SiteName {
    SiteName::new("demo").unwrap()
}

fn entry() -> StoreEvent {
    let (site, event) = (site(), message("[\"kept\"]").event.clone());
    StoreEvent::Entry { seq: Seq(1), site, event, devices: Arc::default() }
}

fn load(mail: &Mail) -> Load {
    let mut load = Load::default();
    match mail {
        Mail::Broadcast(message) => load.add(&message.site, &message.event),
        Mail::Store(events) => {
            for event in events {
                let StoreEvent::Entry { site, event, .. } = event else { continue };
                load.add(site, event);
            }
        }
    }
    load
}

/// The worker: takes what comes, and asks each time whether much still waits.
fn take(switchboard: &Switchboard, line: &mut UnboundedReceiver<Mail>, wanted: usize) {
    for _ in 0..wanted {
        let mail = block_on(line.recv()).unwrap();
        switchboard.applied(WORKER, &load(&mail));
        assert!(!switchboard.is_congested(&site()), "what has not come yet counts as less than nothing");
    }
}

/// Little waits, so nobody is told that much does; at the end nothing counts as waiting.
pub fn what_waits_is_never_taken_for_much() {
    // Two pieces of mail at once fit.
    let (switchboard, mut lines) = Switchboard::new(1, 20, &[site()]);
    let mut line = lines.pop().unwrap();
    let store = {
        let switchboard = Arc::clone(&switchboard);
        thread::spawn(move || switchboard.deliver(WORKER, vec![entry()]))
    };
    let broker = {
        let switchboard = Arc::clone(&switchboard);
        thread::spawn(move || switchboard.broadcast(message("[\"plain\"]")))
    };
    take(&switchboard, &mut line, 2);
    store.join().unwrap();
    broker.join().unwrap();
    // If anything of the two still counted, or too little did, these would count wrongly.
    (0..2).for_each(|_| switchboard.deliver(WORKER, vec![entry()]));
    assert!(!switchboard.is_congested(&site()));
    switchboard.deliver(WORKER, vec![entry()]);
    assert!(switchboard.is_congested(&site()));
}
