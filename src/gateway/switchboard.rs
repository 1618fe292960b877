//! One line to each worker: what the store and the broker say, in order, and how much of it waits, by site.

use std::sync::Arc;
#[cfg(not(shuttle))]
use std::sync::atomic::{AtomicUsize, Ordering};

use ahash::AHashMap;
#[cfg(shuttle)]
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::broker::Reception;
use crate::domain::{Event, Message, SiteName, WorkerId, fair_share};
use crate::store::{Outlet, StoreEvent};

/// Messages that may wait for one worker before `/send` is refused.
const MAX_MESSAGES: usize = 4096;

/// What arrives on a line.
#[derive(Debug)]
pub enum Mail {
    /// What the store says, of one commit.
    Store(Vec<StoreEvent>),
    /// A message that is not kept.
    Broadcast(Arc<Message>),
}

/// The lines to all workers. What waits on them is counted, so that a fast backend is told to slow down before
/// the outboxes of the clients overflow.
pub struct Switchboard {
    lines: Vec<Line>,
    max_bytes: usize,
}

struct Line {
    sender: UnboundedSender<Mail>,
    /// Of all sites.
    all: Waiting,
    /// Of each site of the configuration.
    sites: AHashMap<SiteName, Waiting>,
    /// Of sites that are not in the configuration (any more).
    others: Waiting,
    /// How many sites have something waiting.
    busy: AtomicUsize,
}

#[derive(Default)]
struct Waiting {
    messages: AtomicUsize,
    bytes: AtomicUsize,
}

/// Messages of one site.
#[derive(Debug, Default)]
pub(super) struct Load {
    site: Option<SiteName>,
    messages: usize,
    bytes: usize,
}

impl Load {
    /// One more message of the same site.
    pub(super) fn add(&mut self, site: &SiteName, event: &Event) {
        if self.site.is_none() {
            self.site = Some(site.clone());
        }
        self.messages += 1;
        self.bytes += event.json().len();
    }

    fn is_of(&self, site: &SiteName) -> bool {
        self.site.as_ref().is_none_or(|own| own == site)
    }
}

impl Switchboard {
    /// Lines to `workers` workers, which carry these sites; the receivers are for them. `max_bytes` of messages may
    /// wait on each; it should be well below what an outbox takes, so that one pass never overflows an empty one.
    #[must_use]
    pub fn new(
        workers: usize,
        max_bytes: usize,
        sites: &[SiteName],
    ) -> (Arc<Self>, Vec<UnboundedReceiver<Mail>>) {
        let line = |_| {
            let (sender, receiver) = unbounded_channel();
            (Line::new(sender, sites), receiver)
        };
        let (lines, receivers) = (0..workers).map(line).unzip();
        (Arc::new(Self { lines, max_bytes }), receivers)
    }

    /// Whether new messages of a site must be refused: some worker has too much waiting, and this site has more than
    /// its fair share in that. So a site is never refused for what others have waiting, and all together have at most
    /// the bound times the harmonic number of the sites (1, 1.5, 1.8, ... for one, two, three).
    #[must_use]
    pub fn is_congested(&self, site: &SiteName) -> bool {
        self.lines.iter().any(|line| line.is_full(self.max_bytes) && line.has_its_share(site, self.max_bytes))
    }

    /// Whether every message that was handed over is applied.
    pub(super) fn is_quiet(&self) -> bool {
        self.lines.iter().all(|line| line.all.messages.load(Ordering::Relaxed) == 0)
    }

    /// Takes note that a worker has applied these.
    pub(super) fn applied(&self, worker: WorkerId, load: &Load) {
        if let Some(line) = self.lines.get(usize::from(worker.0)) {
            line.less(load);
        }
    }
}

impl Line {
    fn new(sender: UnboundedSender<Mail>, sites: &[SiteName]) -> Self {
        let sites = sites.iter().map(|site| (site.clone(), Waiting::default())).collect();
        let (all, others) = (Waiting::default(), Waiting::default());
        Self { sender, all, sites, others, busy: AtomicUsize::new(0) }
    }

    fn is_full(&self, max_bytes: usize) -> bool {
        self.all.messages.load(Ordering::Relaxed) > MAX_MESSAGES
            || self.all.bytes.load(Ordering::Relaxed) > max_bytes
    }

    fn has_its_share(&self, site: &SiteName, max_bytes: usize) -> bool {
        let (waiting, busy) = (self.of(site), self.busy.load(Ordering::Relaxed));
        waiting.messages.load(Ordering::Relaxed) > fair_share(MAX_MESSAGES, busy)
            || waiting.bytes.load(Ordering::Relaxed) > fair_share(max_bytes, busy)
    }

    fn of(&self, site: &SiteName) -> &Waiting {
        self.sites.get(site).unwrap_or(&self.others)
    }

    fn more(&self, load: &Load) {
        let Some(site) = &load.site else { return };
        self.all.more(load);
        if self.of(site).more(load) == 0 {
            self.busy.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn less(&self, load: &Load) {
        let Some(site) = &load.site else { return };
        self.all.less(load);
        if self.of(site).less(load) == load.messages {
            self.busy.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn put(&self, mail: Mail) {
        let mut load = Load::default();
        for_messages(&mail, |site, event| {
            if !load.is_of(site) {
                self.more(&std::mem::take(&mut load));
            }
            load.add(site, event);
        });
        self.more(&load);
        // A line without a receiver belongs to a worker that has stopped: nobody is left to be told.
        let _ = self.sender.send(mail);
    }
}

impl Waiting {
    /// How many messages waited before.
    fn more(&self, load: &Load) -> usize {
        self.bytes.fetch_add(load.bytes, Ordering::Relaxed);
        self.messages.fetch_add(load.messages, Ordering::Relaxed)
    }

    /// How many messages waited before.
    fn less(&self, load: &Load) -> usize {
        self.bytes.fetch_sub(load.bytes, Ordering::Relaxed);
        self.messages.fetch_sub(load.messages, Ordering::Relaxed)
    }
}

impl Outlet for Switchboard {
    fn deliver(&self, worker: WorkerId, events: Vec<StoreEvent>) {
        if let Some(line) = self.lines.get(usize::from(worker.0)) {
            line.put(Mail::Store(events));
        }
    }
}

impl Reception for Switchboard {
    fn broadcast(&self, message: Arc<Message>) {
        for line in &self.lines {
            line.put(Mail::Broadcast(Arc::clone(&message)));
        }
    }
}

fn for_messages(mail: &Mail, mut work: impl FnMut(&SiteName, &Event)) {
    match mail {
        Mail::Broadcast(message) => work(&message.site, &message.event),
        Mail::Store(events) => {
            for event in events {
                if let StoreEvent::Entry { site, event, .. } = event {
                    work(site, event);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DeviceNo, Seq, Site};

    struct Rig {
        switchboard: Arc<Switchboard>,
        receivers: Vec<UnboundedReceiver<Mail>>,
    }

    fn site(name: &str) -> SiteName {
        Site::sample(name).name
    }

    impl Rig {
        fn new(max_bytes: usize) -> Self {
            let (switchboard, receivers) =
                Switchboard::new(2, max_bytes, &["loud", "quiet", "third"].map(site));
            Self { switchboard, receivers }
        }

        fn say(&self, name: &str, count: usize, bytes: usize) {
            let event = Event::stored(vec![b'x'; bytes].into());
            let devices: Arc<[DeviceNo]> = Arc::default();
            let entry = StoreEvent::Entry { seq: Seq(1), site: site(name), event, devices };
            self.switchboard.deliver(WorkerId(1), vec![entry; count]);
        }

        fn apply(&self, name: &str, count: usize, bytes: usize) {
            let load = Load { site: Some(site(name)), messages: count, bytes: count * bytes };
            self.switchboard.applied(WorkerId(1), &load);
        }

        fn congested(&self) -> [bool; 3] {
            ["loud", "quiet", "third"].map(|name| self.switchboard.is_congested(&site(name)))
        }
    }

    #[test]
    fn who_fills_the_bound_is_refused_and_nobody_else() {
        let rig = Rig::new(1 << 20);
        assert!(rig.switchboard.is_quiet());
        rig.say("loud", MAX_MESSAGES, 1);
        assert!(!rig.switchboard.is_quiet());
        assert_eq!(rig.congested(), [false; 3], "there is room");
        rig.say("loud", 1, 1);
        assert_eq!(rig.congested(), [true, false, false]);
        // A second one may have half of it, and then the first one's share is half.
        rig.say("quiet", MAX_MESSAGES / 2, 1);
        assert_eq!(rig.congested(), [true, false, false]);
        rig.say("quiet", 1, 1);
        assert_eq!(rig.congested(), [true, true, false]);
        rig.apply("loud", MAX_MESSAGES + 1, 1);
        assert_eq!(rig.congested(), [false; 3], "there is room again");
    }

    #[test]
    fn as_long_as_there_is_room_nobody_is_refused_for_having_more_than_others() {
        let rig = Rig::new(1 << 20);
        rig.say("loud", MAX_MESSAGES - 1, 1);
        rig.say("quiet", 1, 1);
        assert_eq!(rig.congested(), [false; 3]);
    }

    #[test]
    fn bytes_count_as_well() {
        let rig = Rig::new(1000);
        rig.say("loud", 2, 600);
        rig.say("quiet", 1, 400);
        assert_eq!(rig.congested(), [true, false, false]);
        rig.apply("quiet", 1, 400);
        rig.apply("loud", 1, 600);
        assert_eq!(rig.congested(), [false; 3]);
    }

    #[test]
    fn every_message_on_the_line_is_counted_for_its_site() {
        let mut rig = Rig::new(1 << 20);
        let event = Event::stored(bytes::Bytes::from_static(b"[]"));
        let entry = |name| {
            let (site, event) = (site(name), event.clone());
            StoreEvent::Entry { seq: Seq(1), site, event, devices: Arc::default() }
        };
        let turns = ["loud", "gone", "quiet", "loud"].map(entry);
        rig.switchboard.deliver(WorkerId(1), turns.into());
        let line = &rig.switchboard.lines[1];
        let count = |waiting: &Waiting| waiting.messages.load(Ordering::Relaxed);
        let counts = [count(&line.all), count(line.of(&site("loud"))), count(&line.others)];
        assert_eq!((counts, line.busy.load(Ordering::Relaxed)), ([4, 2, 1], 3));
        for (name, messages) in [("loud", 2), ("gone", 1), ("quiet", 1)] {
            rig.apply(name, messages, 2);
        }
        let bytes = rig.switchboard.lines[1].all.bytes.load(Ordering::Relaxed);
        assert_eq!((bytes, rig.switchboard.lines[1].busy.load(Ordering::Relaxed)), (0, 0));
        assert!(rig.receivers[1].try_recv().is_ok());
    }
}
