//! What was published and did not come.

use std::rc::Rc;
use std::time::Duration;

use super::fence::Fence;
use super::lane::Lane;

/// How long a publication that a tick names may still be on its way. Reading again costs more than waiting, and while
/// the subscription stands nothing is lost; where it was interrupted, something probably is.
const GRACE: Duration = Duration::from_secs(1);
const GRACE_INTERRUPTED: Duration = Duration::from_millis(100);

/// A tick names publications that may not have come yet: what does not come in time is lost, and everybody reads on.
pub(super) fn suspect(lane: &Rc<Lane>, published: u64) {
    let grace = if lane.interrupted.take() { GRACE_INTERRUPTED } else { GRACE };
    if lane.watch.borrow().is_current(published) {
        return;
    }
    let (lane, node) = (Rc::clone(lane), lane.node());
    tokio::task::spawn_local(async move {
        tokio::time::sleep(grace).await;
        if lane.node() == node && lane.watch.borrow_mut().give_up_on(published) {
            tracing::info!(shard = lane.shard.0, "publications were lost; the inboxes here are read again");
            lane.all_missed();
            lane.desk.deliver();
            lane.heard.notify_waiters();
        }
    });
}

/// Passes a fence once everything that was published so far has been heard.
pub(super) fn pass(lane: &Rc<Lane>, fence: Rc<Fence>, published: u64) {
    let (lane, node) = (Rc::clone(lane), lane.node());
    tokio::task::spawn_local(async move {
        loop {
            let heard = lane.heard.notified();
            if lane.watch.borrow().is_current(published) || lane.node() != node {
                lane.desk.deliver();
                return fence.pass();
            }
            heard.await;
        }
    });
}
