//! Real gateways under everything that can go wrong at once, and a ledger that must close.
//!
//! Users with several devices come and go by WebSocket, by polling, and from one to the other; they leave out acks as they
//! like. Senders number their messages. Between clients and gateways, and between gateways and Redis, proxies
//! cut, stall, delay and throttle; nodes are killed, stopped and started again, disks are full, Redis is killed.
//!
//! What must hold: every message that was answered with 2xx is acked by every device it was for, or a counter says what
//! became of it; what was answered with "nothing of it was kept" never comes; on a session nothing comes twice and nothing
//! overtakes; what comes again has a reason; in each lull everybody who is connected gets all that is
//! due, without coming anew; and at the end `/metrics` agrees with the ledger.
//!
//! `POSTROOM_SEED` repeats the plan of a run, `POSTROOM_CHAOS` sets about how many seconds it takes: `scripts/chaos`.

mod books;
mod plan;
mod town;
mod weather;

use crate::support::random::seed;
use plan::{Shape, plan};
use town::Town;

#[tokio::test]
async fn embedded_the_ledger_closes_whatever_breaks() {
    Town::found(plan(seed(), Shape::lasting(1, false, seconds(12)))).await.live().await;
}

#[tokio::test]
async fn redis_the_ledger_closes_whatever_breaks() {
    // Three nodes where there is time for them.
    let (short, seconds) = (13, seconds(13));
    let nodes = if seconds > short { 3 } else { 2 };
    Town::found(plan(seed(), Shape::lasting(nodes, true, seconds))).await.live().await;
}

/// `POSTROOM_CHAOS`, or what is enough for every day.
fn seconds(short: u64) -> u64 {
    std::env::var("POSTROOM_CHAOS").map_or(short, |text| text.parse().expect("POSTROOM_CHAOS: seconds"))
}
