//! The store on Redis under everything that can go wrong at once: three nodes, each with its own way to one real Redis,
//! devices that wander between them, connections that are cut, late or stalled, nodes and Redis that die.
//!
//! What is promised must hold all the same: on a session entries come in order and none twice, everything that was taken
//! reaches its devices, in order, nothing comes again once it is acknowledged, and at the end nothing is left over.
//!
//! Whoever sees the devices of a user with `dropOldest`, or after a `_resync`, out of order sees what is allowed: a paused node may
//! still show what is gone from the inbox meanwhile. `POSTROOM_SEED` repeats the faults of a run (not its timing), `POSTROOM_SOAK` sets its seconds: `scripts/soak`.

mod device;
mod finale;
mod ledger;
mod living;
mod node;
mod plan;
mod session;
mod vault;
mod world;

use plan::Plan;

#[test]
fn three_nodes_keep_their_promises_whatever_breaks() {
    finale::carry_out(Plan::steady());
}

#[test]
fn bursts_and_forgotten_devices_change_nothing_about_that() {
    finale::carry_out(Plan::bursts());
}
