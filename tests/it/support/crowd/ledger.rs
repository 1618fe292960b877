//! What was sent, and what became of it at each device.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

mod balance;
mod member;
mod story;

pub use balance::Balance;
pub use member::{Cause, Here, Member, Route};
use member::{Copy, Page};
use story::Story;

/// An ack that came so shortly before a crash may be forgotten: the store writes acks back once a second, and the
/// machine may be busy.
pub const FORGETTABLE: Duration = Duration::from_secs(3);

/// So long an ack may be on its way within the gateway, while the device is back already on another worker.
pub const UNDER_WAY: Duration = Duration::from_millis(200);

/// Who sent it, and its number among what that one sent.
pub type Name = (usize, u64);

/// What is known of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    UnderWay,
    /// Answered by 2xx, with that many recipients.
    Accepted(usize),
    /// No answer, or one that leaves it open.
    Perhaps,
    /// Answered by "nothing of it was kept".
    Refused,
}

struct Sent {
    began: Instant,
    fate: Fate,
}

struct Pages {
    devices: Vec<Page>,
    sent: HashMap<Name, Sent>,
    story: Story,
    deliveries: usize,
    /// What came again, and why that is right.
    again: BTreeMap<Cause, usize>,
    resyncs: usize,
}

/// The ledger.
pub struct Ledger {
    pages: Mutex<Pages>,
    routes: Vec<Route>,
    changed: Notify,
    /// A store that may lose what it has not promised yet may also be given it, and deliver it, a second time.
    twice: AtomicBool,
    /// A device may be forgotten that was away for so long.
    ttl: Option<Duration>,
    /// What a violation is told with: how to have the same run again.
    preface: String,
}

impl Ledger {
    /// `routes`: where each sender sends to.
    pub fn new(routes: Vec<Route>) -> Self {
        let pages = Pages {
            devices: Vec::new(),
            sent: HashMap::new(),
            story: Story::new(),
            deliveries: 0,
            again: BTreeMap::new(),
            resyncs: 0,
        };
        Self {
            pages: Mutex::new(pages),
            routes,
            changed: Notify::new(),
            twice: AtomicBool::default(),
            ttl: None,
            preface: String::new(),
        }
    }

    /// Devices are forgotten after this time, at the earliest.
    pub fn forgetting_after(self, ttl: Duration) -> Self {
        Self { ttl: Some(ttl), ..self }
    }

    /// Stands above every report of violations.
    pub fn preface(self, preface: String) -> Self {
        Self { preface, ..self }
    }

    /// From now on a message may come more than once.
    pub fn allow_twice(&self) {
        self.twice.store(true, Ordering::SeqCst);
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap()
    }

    /// Where a sender sends to.
    pub fn route(&self, sender: usize) -> Route {
        self.routes[sender].clone()
    }

    /// One more device; its number.
    pub fn enrol(&self, member: Member) -> usize {
        let mut pages = self.pages();
        pages.devices.push(Page::new(member));
        pages.devices.len() - 1
    }

    /// Something that happened.
    pub fn note(&self, device: Option<usize>, names: &[Name], text: impl Into<String>) {
        self.pages().story.note(device, names, text.into());
    }

    /// Something that must not be.
    pub fn complain(&self, device: Option<usize>, name: Option<Name>, text: String) {
        self.pages().story.violation(device, name, text);
        self.changed.notify_one();
    }

    /// A message is about to be handed in.
    pub fn begun(&self, name: Name) {
        let mut pages = self.pages();
        pages.sent.insert(name, Sent { began: Instant::now(), fate: Fate::UnderWay });
        pages.story.note(None, &[name], "is handed in:".to_owned());
    }

    /// It was answered with 2xx: so many devices, and so many inboxes in which it waits.
    pub fn accepted(&self, name: Name, devices: usize, queued: usize) {
        let (mut pages, route) = (self.pages(), &self.routes[name.0]);
        let Pages { devices: all, sent, story, .. } = &mut *pages;
        story.note(None, &[name], format!("is accepted for {devices} devices:"));
        let Some(sent) = sent.get_mut(&name) else { return };
        sent.fate = Fate::Accepted(devices);
        let (mut sure, mut possible, mut lossy) = (0, 0, false);
        for page in all.iter_mut().filter(|page| page.member.is_in(route)) {
            possible += 1;
            lossy |= page.member.lossy;
            let is_due = page.is_known(sent.began, self.ttl);
            sure += usize::from(is_due);
            if is_due && page.copies.get(&name).is_none_or(|copy| copy.acked.is_none()) {
                page.due.insert(name);
            }
        }
        // Also right after a restart every device is known.
        if devices < sure || devices > possible {
            story.violation(None, Some(name), format!("reached {devices} of {sure} to {possible} devices"));
        }
        if !lossy && queued != devices {
            story.violation(None, Some(name), format!("waits in {queued} inboxes of {devices} devices"));
        }
        drop(pages);
        self.changed.notify_one();
    }

    /// It was answered with "nothing of it was kept".
    pub fn refused(&self, name: Name) {
        let mut pages = self.pages();
        pages.story.note(None, &[name], "is refused, nothing of it kept:".to_owned());
        if let Some(sent) = pages.sent.get_mut(&name) {
            sent.fate = Fate::Refused;
        }
        let came = pages.devices.iter().position(|page| page.copies.contains_key(&name));
        if let Some(device) = came {
            pages.story.violation(Some(device), Some(name), "came, though nothing of it was kept".to_owned());
        }
    }

    /// Whether it was accepted is not known.
    pub fn perhaps(&self, name: Name) {
        let mut pages = self.pages();
        pages.story.note(None, &[name], "has no answer that says whether it was kept:".to_owned());
        if let Some(sent) = pages.sent.get_mut(&name) {
            sent.fate = Fate::Perhaps;
        }
    }

    /// A device was let in.
    pub fn joined(&self, device: usize) {
        let mut pages = self.pages();
        pages.story.note(Some(device), &[], "is let in".to_owned());
        let (now, page) = (Instant::now(), &mut pages.devices[device]);
        let away = page.away.take().map(|away| now - away);
        if away.zip(self.ttl).is_some_and(|(away, ttl)| away >= ttl) {
            page.forgive();
        }
        page.joined.get_or_insert(now);
        self.changed.notify_one();
    }

    /// A session of a device ended.
    pub fn left(&self, device: usize, here: &Here) {
        if here.joined {
            self.pages().devices[device].away = Some(Instant::now());
        }
    }

    /// A device does not come back.
    pub fn gone(&self, device: usize) {
        self.pages().devices[device].gone = true;
        self.changed.notify_one();
    }

    /// A device got messages, together. `here` is what it got in this session before.
    pub fn delivered(&self, device: usize, names: &[Name], here: &mut Here) {
        let mut pages = self.pages();
        pages.story.note(Some(device), names, "gets".to_owned());
        for name in names {
            self.came(&mut pages, device, *name, here);
        }
    }

    fn came(&self, pages: &mut Pages, device: usize, name: Name, here: &mut Here) {
        let Pages { devices, sent, story, deliveries, again, .. } = pages;
        *deliveries += 1;
        let (page, twice) = (&mut devices[device], self.twice.load(Ordering::SeqCst));
        let mut wrong = Vec::new();
        if !here.names.insert(name) {
            if twice {
                return;
            }
            wrong.push("came twice in one session".to_owned());
        }
        let fate = sent.get(&name).map(|sent| sent.fate);
        match fate {
            None => wrong.push("came, and nobody has sent it".to_owned()),
            Some(Fate::Refused) => wrong.push("came, though nothing of it was kept".to_owned()),
            Some(_) if !page.member.is_in(&self.routes[name.0]) => {
                wrong.push("came to whom it was not for".to_owned());
            }
            Some(_) => {}
        }
        // A sender goes on only when it has its answer; what was not accepted may come whenever it likes.
        let latest = here.latest.entry(name.0).or_default();
        if matches!(fate, Some(Fate::Accepted(_))) && *latest > name.1 {
            wrong.push(format!("came behind a later one, #{latest}"));
        }
        *latest = name.1.max(*latest);
        // Everything earlier must have come in this session, or be settled.
        let earlier = page.due.range((name.0, 0)..name).find(|earlier| !here.names.contains(*earlier));
        if let Some(earlier) = earlier.filter(|_| !page.member.lossy) {
            wrong.push(format!("came before an earlier one, #{}", earlier.1));
        }
        wrong.extend(came_again(page.copies.entry(name).or_default(), again, twice));
        for text in wrong {
            story.violation(Some(device), Some(name), text);
        }
    }

    /// A device was told to load everything anew.
    pub fn resynced(&self, device: usize) {
        let mut pages = self.pages();
        pages.resyncs += 1;
        pages.story.note(Some(device), &[], "gets _resync".to_owned());
        if !pages.devices[device].member.lossy {
            pages.story.violation(Some(device), None, "got _resync, for no reason".to_owned());
        }
    }

    /// A device has acknowledged; `sure` where the writing went well.
    pub fn acked(&self, device: usize, names: &[Name], sure: bool) {
        let mut pages = self.pages();
        pages.story.note(Some(device), names, if sure { "acks" } else { "acks, perhaps," }.to_owned());
        let page = &mut pages.devices[device];
        for name in names {
            let copy = page.copies.entry(*name).or_default();
            copy.acked = Some(Instant::now());
            copy.doubt = (!sure).then_some(Cause::LineBroke);
            page.due.remove(name);
            page.forgiven.remove(name);
        }
        drop(pages);
        self.changed.notify_one();
    }

    /// Acks of the time before `at` may be lost, or not be known yet: of this device, or of all.
    pub fn doubt(&self, device: Option<usize>, at: Instant, before: Duration, cause: Cause) {
        let mut pages = self.pages();
        if device.is_none() {
            pages.story.note(None, &[], format!("acks of the last {before:?} are in doubt: {cause:?}"));
        }
        let concerned = device.map_or(0..pages.devices.len(), |device| device..device + 1);
        for page in &mut pages.devices[concerned] {
            for copy in page.copies.values_mut() {
                if copy.acked.is_some_and(|acked| acked + before > at) {
                    copy.doubt = copy.doubt.or(Some(cause));
                }
            }
        }
    }

    /// What was accepted and is not acked by a device that must have it.
    fn missing(&self) -> Vec<(usize, Name)> {
        let pages = self.pages();
        let lacking = pages.devices.iter().enumerate().filter(|(_, page)| !page.may_lack() && !page.gone);
        lacking.flat_map(|(device, page)| page.due.iter().map(move |name| (device, *name))).collect()
    }

    /// Waits until every device that must have everything that was accepted has acked it.
    pub async fn complete(&self, limit: Duration) {
        let all = async {
            while !self.missing().is_empty() {
                self.changed.notified().await;
                self.check();
            }
        };
        if tokio::time::timeout(limit, all).await.is_err() {
            for (device, name) in self.missing() {
                self.complain(Some(device), Some(name), "never came, or never came again".to_owned());
            }
        }
    }

    /// Nothing was wrong so far.
    pub fn check(&self) {
        let pages = self.pages();
        let violations = pages.story.violations();
        if violations > 0 {
            println!("violations: {violations}");
        }
        assert!(violations == 0, "{violations} wrong\n{}{}", self.preface, pages.story.tell());
    }

    /// In words, and that there was enough of it to mean something.
    pub fn sum(&self) -> (usize, usize, usize) {
        let pages = self.pages();
        let accepted = pages.sent.values().filter(|sent| matches!(sent.fate, Fate::Accepted(_))).count();
        (accepted, pages.deliveries, pages.again.values().sum())
    }
}

/// One more delivery of a message to a device; what is wrong with that.
fn came_again(copy: &mut Copy, again: &mut BTreeMap<Cause, usize>, twice: bool) -> Option<String> {
    copy.came += 1;
    if copy.came == 1 {
        return None;
    }
    let Some(acked) = copy.acked else {
        *again.entry(Cause::NotAcked).or_default() += 1;
        return None;
    };
    // The earlier ack may have arrived all the same.
    match copy.doubt.replace(Cause::CameAgain) {
        Some(cause) => *again.entry(cause).or_default() += 1,
        None if twice => *again.entry(Cause::CameAgain).or_default() += 1,
        None => return Some(format!("came again, though it was acked {:?} ago", acked.elapsed())),
    }
    None
}
