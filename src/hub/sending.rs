//! Distribution to sessions, and the sending: the hub writes to the carriers itself, no task per link.

use std::rc::Rc;

use super::flow::{Live, Step};
use super::frame::Frame;
use super::link::{CloseReason, Flushed, LinkId, Wire};
use super::session::{Dialect, Kept, ResyncDue, Session, SessionId};
use super::turns::SiteNo;
use super::worker::{Hub, Inner, queue, queue_all, session};
use crate::domain::{AckId, DeviceNo, Message, Page, Seq, SiteName};

/// Bytes after which a turn ends, however few links had them.
const SLICE_BYTES: u64 = 4 << 20;

/// A link to close, found while sending.
type Closing = (Rc<dyn Wire>, LinkId, CloseReason);

/// One frame per kind of client, made when the first of the kind needs it.
struct Frames<'a> {
    make: &'a dyn Fn(&dyn Dialect, &mut Frame),
    made: Vec<(&'static dyn Dialect, Rc<Frame>)>,
}

impl<'a> Frames<'a> {
    fn new(make: &'a dyn Fn(&dyn Dialect, &mut Frame)) -> Self {
        Self { make, made: Vec::new() }
    }

    fn of(&mut self, dialect: &'static dyn Dialect) -> Rc<Frame> {
        // By type too: dialects without size may stand at one address.
        let same =
            |other: &dyn Dialect| std::ptr::addr_eq(other, dialect) && other.type_id() == dialect.type_id();
        let known = self.made.iter().find(|(other, _)| same(*other));
        if let Some((_, frame)) = known {
            return Rc::clone(frame);
        }
        let mut frame = Frame::default();
        (self.make)(dialect, &mut frame);
        let frame = Rc::new(frame);
        self.made.push((dialect, Rc::clone(&frame)));
        frame
    }
}

impl Hub {
    /// Emits new entries, all for the same devices, on the sessions that are live; the others come to know
    /// them from their inbox. `now` is in seconds of any clock that only grows. How many sessions it went to.
    pub fn entries(&self, run: &[Live], site: &SiteName, devices: &[DeviceNo], now: u32) -> usize {
        let (Some((first, _)), Some((last, _))) = (run.first(), run.last()) else { return 0 };
        let make_run = |dialect: &dyn Dialect, frame: &mut Frame| {
            for (seq, event) in run {
                dialect.event(site, Some(AckId::entry(*seq)), event, frame);
            }
        };
        let (mut frames, mut count) = (Frames::new(&make_run), 0);
        let mut inner = self.inner.borrow_mut();
        let Inner { links, sessions, index, turns, .. } = &mut *inner;
        for slot in devices.iter().flat_map(|device| index.device(*device)) {
            let Some(session) = sessions.get_mut(*slot as usize) else { continue };
            let Some(kept) = &mut session.kept else { continue };
            let frame = if kept.flow.skip_to(*first, *last) {
                frames.of(session.seed.dialect)
            } else if let Some(frame) = single(&session.seed, kept, run) {
                frame
            } else {
                continue;
            };
            note_waiting(&session.seed, kept, now);
            queue(links, turns, session.seed.link, session.site, frame, self.options.outbox_limit);
            count += 1;
        }
        self.ring();
        count
    }

    /// Emits a message on the sessions that listen to its rooms by themselves; once each, without an ack; not on `except`. How
    /// many they are.
    pub fn broadcast(&self, run: &[&Message], except: Option<SessionId>) -> usize {
        let Some(message) = run.first() else { return 0 };
        let make = |dialect: &dyn Dialect, frame: &mut Frame| {
            for message in run {
                dialect.event(&message.site, None, &message.event, frame);
            }
        };
        let (mut frames, mut count) = (Frames::new(&make), 0);
        let mut inner = self.inner.borrow_mut();
        inner.mark = inner.mark.wrapping_add(1);
        let Inner { links, sessions, index, turns, mark, .. } = &mut *inner;
        for slot in message.rooms.iter().flat_map(|room| index.room(&message.site, room)) {
            let Some(session) = sessions.get_mut(*slot as usize) else { continue };
            if !session.joined
                || session.mark == *mark
                || except == Some(SessionId { slot: *slot, serial: session.serial })
            {
                continue;
            }
            session.mark = *mark;
            let frame = frames.of(session.seed.dialect);
            queue(links, turns, session.seed.link, session.site, frame, self.options.outbox_limit);
            count += 1;
        }
        self.ring();
        count
    }

    /// Lets a session in that bears a device: the welcome goes out, then what the first page holds.
    /// `None` when the session has gone meanwhile.
    pub fn admit(&self, id: SessionId, device: DeviceNo, page: &Page, now: u32) -> Option<Step> {
        {
            let mut inner = self.inner.borrow_mut();
            let Inner { sessions, index, .. } = &mut *inner;
            let session = session(sessions, id)?;
            session.kept = Some(Kept::new(device));
            index.bear(device, id.slot);
            let link = session.seed.link;
            inner.know(link);
        }
        self.put_page(id, page, now)
    }

    /// Emits a page as one `_batch`, and what was held back behind it. `None` when the session has gone.
    pub fn page(&self, id: SessionId, page: &Page, now: u32) -> Option<Step> {
        self.put_page(id, page, now)
    }

    /// The welcome and the first page are weighed as one: a message that just fits into an outbox would not fit
    /// behind the welcome, and its client would be closed each time it comes.
    fn put_page(&self, id: SessionId, page: &Page, now: u32) -> Option<Step> {
        let mut inner = self.inner.borrow_mut();
        let Inner { links, sessions, turns, .. } = &mut *inner;
        let session = session(sessions, id)?;
        let (frame, step) = page_frame(session, page, now)?;
        let first = session.seed.welcome.take();
        let page = (!frame.is_empty()).then(|| Rc::new(frame));
        let frames = first.into_iter().chain(page);
        queue_all(links, turns, session.seed.link, session.site, frames, self.options.outbox_limit);
        self.ring();
        Some(step)
    }

    /// Tells the sessions of a device that its inbox was cleared. What to do next, per session.
    pub fn resync(&self, device: DeviceNo, through: Seq) -> Vec<(SessionId, Step)> {
        let mut steps = Vec::new();
        let mut inner = self.inner.borrow_mut();
        let Inner { links, sessions, index, turns, .. } = &mut *inner;
        for slot in index.device(device) {
            let Some(session) = sessions.get_mut(*slot as usize) else { continue };
            let Some(kept) = &mut session.kept else { continue };
            let Some(step) = kept.cleared(through) else { continue };
            let id = SessionId { slot: *slot, serial: session.serial };
            steps.push((id, step));
            let mut frame = Frame::default();
            session.seed.dialect.resync(&session.seed.site.name, &mut frame);
            queue(links, turns, session.seed.link, session.site, Rc::new(frame), self.options.outbox_limit);
        }
        self.ring();
        steps
    }

    /// Starts over on each session that has waited too long for an ack; the steps to take.
    pub fn overdue(&self, now: u32) -> Vec<(SessionId, DeviceNo, Step)> {
        let mut inner = self.inner.borrow_mut();
        let mut steps = Vec::new();
        for (slot, session) in &mut inner.sessions {
            let (Some(limit), Some(kept)) = (session.seed.site.ack_timeout, &mut session.kept) else {
                continue;
            };
            if kept.waiting_since.is_some_and(|since| u64::from(now.saturating_sub(since)) >= limit.as_secs())
            {
                // Where a page is on its way the time begins anew: another page must not be asked for.
                kept.waiting_since = Some(now);
                let step = kept.flow.restart();
                if step != Step::Rest {
                    kept.waiting_since = None;
                    let id = SessionId { slot: slot as u32, serial: session.serial };
                    steps.push((id, kept.device, step));
                }
            }
        }
        steps
    }

    /// Whether links wait in a site.
    pub fn is_waiting(&self, site: SiteNo) -> bool {
        self.inner.borrow().turns.is_waiting(site)
    }

    /// Holds back what waits in a site, or no longer: more is about to be queued, and is to leave with it.
    pub fn hold(&self, site: SiteNo, held: bool) {
        self.inner.borrow_mut().turns.hold(site, held);
    }

    /// Sends what waits: sites take turns of up to `slice` links (and about four megabytes), until so many were sent to.
    /// Whether more is to be sent.
    pub fn flush(&self, slice: usize) -> bool {
        let mut closings: Vec<Closing> = Vec::new();
        let more = {
            let mut inner = self.inner.borrow_mut();
            let (mut sent, enough) = (0, inner.written + SLICE_BYTES);
            while sent < slice
                && inner.written < enough
                && let Some((site, waiting)) = inner.turns.next()
            {
                sent += inner.turn(site, waiting.min(slice), &mut closings);
            }
            inner.turns.is_due()
        };
        for (wire, _, reason) in closings {
            wire.close(reason);
        }
        more
    }

    /// Sends everything, in one go; what was held back, too.
    pub fn flush_all(&self) {
        self.inner.borrow_mut().turns.release_all();
        while self.flush(usize::MAX) {}
    }
}

impl Inner {
    /// Sends to so many links of a site, or fewer where they get much. How many they were.
    fn turn(&mut self, site: SiteNo, links: usize, closings: &mut Vec<Closing>) -> usize {
        let (mut sent, enough) = (0, self.written + SLICE_BYTES);
        while sent < links
            && self.written < enough
            && let Some(slot) = self.turns.take(site)
        {
            closings.extend(self.flush_link(slot));
            sent += 1;
        }
        self.turns.end(site);
        sent
    }

    fn flush_link(&mut self, slot: u32) -> Option<Closing> {
        let link = self.links.get_mut(slot as usize).filter(|link| link.dirty)?;
        link.dirty = false;
        let id = LinkId { slot, serial: link.serial };
        // Who does not read, or has said good-bye, is not waited for.
        if let Some(reason @ (CloseReason::TooSlow | CloseReason::ByPeer)) = link.closing {
            return Some((Rc::clone(&link.wire), id, reason));
        }
        // Nothing comes any more for the forgotten: they get what is written, and are not kept waiting for the rest.
        let forgotten = link.closing.filter(|reason| *reason == CloseReason::Forgotten);
        if link.blocked {
            return forgotten.map(|reason| (Rc::clone(&link.wire), id, reason));
        }
        let flushed = if link.outbox.is_empty() {
            Flushed::All
        } else {
            let before = link.outbox.weight();
            let flushed = link.wire.flush(&mut link.outbox, &mut self.scratch);
            self.written += before.saturating_sub(link.outbox.weight()) as u64;
            flushed
        };
        match (flushed, link.closing) {
            (Flushed::Gone, _) => Some((Rc::clone(&link.wire), id, CloseReason::Gone)),
            (Flushed::All, Some(reason)) => Some((Rc::clone(&link.wire), id, reason)),
            (Flushed::All, None) => None,
            (Flushed::Blocked, Some(reason @ CloseReason::Forgotten)) => {
                Some((Rc::clone(&link.wire), id, reason))
            }
            (Flushed::Blocked, _) => {
                link.blocked = true;
                Rc::clone(&link.wire).await_room(id);
                None
            }
        }
    }
}

impl Kept {
    fn new(device: DeviceNo) -> Self {
        Self { device, flow: super::flow::Flow::default(), resync: None, told: None, waiting_since: None }
    }

    /// The inbox was cleared, and the client is about to be told. `None` where it was told that already, since the news
    /// comes on two ways: by itself and with a page.
    fn cleared(&mut self, through: Seq) -> Option<Step> {
        if self.told >= Some(through) {
            return None;
        }
        let step = self.flow.cleared(through);
        self.waiting_since = None;
        self.told = Some(through);
        // Behind all that was written, not behind `through`: entries above it may have been written before this.
        self.resync = Some(ResyncDue::new(through, self.flow.top()));
        Some(step)
    }
}

/// The frame of a session that is not ready for the whole run: of each entry that may go out.
fn single(seed: &super::SessionSeed, kept: &mut Kept, run: &[Live]) -> Option<Rc<Frame>> {
    let mut frame = Frame::default();
    for (seq, event) in run {
        if kept.flow.entry(*seq, event) {
            seed.dialect.event(&seed.site.name, Some(AckId::entry(*seq)), event, &mut frame);
        }
    }
    (!frame.is_empty()).then(|| Rc::new(frame))
}

/// A page also tells of the `_resync` that the device owes, where the session was not told yet: what came to be owed while
/// it lives is told by itself too, but that may have been missed on the way here.
fn page_frame(session: &mut Session, page: &Page, now: u32) -> Option<(Frame, Step)> {
    let (seed, kept) = (&session.seed, session.kept.as_mut()?);
    let site = &seed.site.name;
    let mut frame = Frame::default();
    // What comes next for this session is up to the page.
    if page.resync.and_then(|through| kept.cleared(through)).is_some() {
        seed.dialect.resync(site, &mut frame);
    }
    let known = page.entries.partition_point(|(seq, _)| *seq <= kept.flow.last());
    let fresh = page.entries.get(known..).unwrap_or_default();
    let last = fresh.last().map(|(seq, _)| *seq);
    if let Some(last) = last {
        kept.flow.batched(fresh.iter().map(|(seq, _)| *seq));
        seed.dialect.batch(site, AckId::batch(last), fresh, &mut frame);
    }
    let (step, held) = kept.flow.page(last, page.through, page.more);
    for (seq, event) in &held {
        seed.dialect.event(site, Some(AckId::entry(*seq)), event, &mut frame);
    }
    if last.is_some() || !held.is_empty() {
        note_waiting(seed, kept, now);
    }
    Some((frame, step))
}

fn note_waiting(seed: &super::SessionSeed, kept: &mut Kept, now: u32) {
    if seed.site.ack_timeout.is_some() {
        kept.waiting_since.get_or_insert(now);
    }
}

#[cfg(test)]
mod tests;
