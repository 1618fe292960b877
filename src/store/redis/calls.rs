//! Which script calls the steps of a flight are.

use super::desk::Desk;
use super::flight::{Sending, Step};
use super::words::{Arrival, NodeId, ShardNo};
use crate::domain::Seq;

/// Entries that one script reads, for all inboxes together.
const ENTRIES: usize = 256;

/// Bytes of the pages of one flight, and the least of one page: what all shards answer has to come in time over one
/// connection, or it is asked for again for ever.
const PAGES: usize = 8 << 20;
const PAGE: usize = 64 << 10;

/// Publishes to a node that there is not: whether this user may publish.
pub(super) fn publish_nothing(desk: &Desk, shard: ShardNo) -> redis::Pipeline {
    let mut pipeline = redis::pipe();
    let command = if desk.options.sharded_pubsub { "SPUBLISH" } else { "PUBLISH" };
    pipeline.cmd(command).arg(desk.keys.channel(shard, NodeId(0))).arg("");
    pipeline
}

/// The script calls of these steps, in their order; behind messages the question how many replicas have them.
pub(super) fn pipeline(desk: &Desk, shard: ShardNo, node: NodeId, steps: &[Step]) -> redis::Pipeline {
    let (scripts, p) = (&desk.scripts, desk.keys.prefix(shard));
    let (lease, ttl) = (desk.options.lease.as_millis() as u64, desk.ttl_ms());
    let mut pipeline = redis::pipe();
    let mut sends = false;
    let bytes = (PAGES / pages(steps).max(1)).max(PAGE);
    for step in steps {
        pipeline.add_command(match step {
            Step::Acks(acks) => scripts.ack(p, acks),
            Step::Tick(forgotten, _) => scripts.tick(p, node, lease, ttl, forgotten),
            Step::Connect(txn, generation, arriving) => {
                let arrival = arriving.arrival(*generation);
                scripts.connect(p, node, *txn, &Arrival { bytes: arrival.bytes.min(bytes), ..arrival })
            }
            Step::Disconnect(txn, pairs) => scripts.disconnect(p, node, *txn, ttl, pairs),
            Step::Adopt(txn, pairs) => scripts.adopt(p, node, *txn, pairs),
            Step::Reads(readings) => {
                let each = (ENTRIES / readings.len().max(1)).max(1);
                let pages = readings
                    .iter()
                    .map(|r| (r.dno, r.after, r.limit.entries.min(each), r.limit.bytes.min(bytes)));
                scripts.read(p, &pages.collect::<Vec<(_, Seq, _, _)>>())
            }
            Step::Enlist(listing, _) => scripts.enlist(p, listing.shard, &listing.rooms),
            Step::Strike(listing) => scripts.strike(p, listing.shard, &listing.rooms),
            Step::Ask(rooms, _) => scripts.ask(p, rooms),
            Step::Send(txn, sendings) => {
                sends = true;
                let messages: Vec<_> = sendings.iter().map(Sending::outgoing).collect();
                scripts.send(p, node, *txn, &messages)
            }
            Step::Void(txn) => scripts.send(p, node, *txn, &[]),
        });
    }
    if sends && desk.options.wait_replicas > 0 {
        let wait = desk.options.wait_replicas;
        // All shards of a server share the connection, and behind this nothing on it is carried out.
        let patience = if desk.is_replicated.get() { super::WAIT_MS } else { super::WAIT_SHORT_MS };
        pipeline.cmd("WAIT").arg(wait).arg(patience);
    }
    pipeline
}

/// How many pages these steps ask for.
fn pages(steps: &[Step]) -> usize {
    let of = |step: &Step| match step {
        Step::Connect(..) => 1,
        Step::Reads(readings) => readings.len(),
        _ => 0,
    };
    steps.iter().map(of).sum()
}
