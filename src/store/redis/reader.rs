//! What a shard publishes to this node, on its way to the workers.

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;

use super::lane::Lane;

use super::watch::Heard;
use super::words::{Dno, Note, Publication};
use crate::backplane::{News, Subscription};
use crate::domain::{Event, Seq};
use crate::store::StoreEvent;

/// News taken before the workers get what they mean.
const TOGETHER: usize = 256;

/// Hears the channel of this node until it is aborted.
pub(super) async fn run(lane: Rc<Lane>, mut subscription: Subscription) {
    loop {
        let mut news = Some(subscription.next().await);
        let mut count = 0;
        while let Some(one) = news {
            hear(&lane, one);
            count += 1;
            news = if count < TOGETHER { subscription.try_next() } else { None };
        }
        lane.desk.deliver();
        lane.heard.notify_waiters();
    }
}

fn hear(lane: &Lane, news: News) {
    match news {
        // Something may have been published before: the tick tells.
        News::Ready => {
            lane.ready.notify_one();
            lane.interrupted.set(true);
            lane.tick_now();
        }
        News::Payload(payload) => match Publication::parse(payload) {
            Ok(publication) => published(lane, publication),
            Err(garbled) => {
                tracing::error!(shard = lane.shard.0, %garbled, "a publication cannot be understood");
                lane.all_missed();
            }
        },
    }
}

fn published(lane: &Lane, publication: Publication) {
    let heard = lane.watch.borrow_mut().heard(publication.number);
    match heard {
        Heard::Old => return,
        Heard::Next => {}
        Heard::Gap => {
            tracing::info!(shard = lane.shard.0, "publications were lost; the inboxes here are read again");
            lane.all_missed();
        }
    }
    for note in publication.notes {
        match note {
            Note::Entry { seq, devices, event } => entry(lane, seq, &devices, event),
            Note::Resync { dno, through } => resync(lane, dno, through),
        }
    }
}

fn entry(lane: &Lane, seq: Seq, devices: &[u8], event: Bytes) {
    let mut watch = lane.watch.borrow_mut();
    let resolved = lane.lists.borrow_mut().resolve(lane.shard, devices, &mut watch);
    let Some(recipients) = resolved else { return };
    let event = Event::stored(event);
    for worker in recipients.workers.iter() {
        let (site, event) = (recipients.site.clone(), event.clone());
        let devices = Arc::clone(&recipients.devices);
        lane.desk.tell(*worker, StoreEvent::Entry { seq, site, event, devices });
    }
}

fn resync(lane: &Lane, dno: Dno, through: Seq) {
    let mut watch = lane.watch.borrow_mut();
    let device = lane.shard.device(dno);
    let mut told = Vec::new();
    for session in watch.sessions(dno).map(|(_, sessions)| sessions).unwrap_or_default() {
        if !told.contains(&session.worker) {
            told.push(session.worker);
            lane.desk.tell(session.worker, StoreEvent::Resync { device, through });
        }
    }
}
