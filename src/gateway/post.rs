//! What the store and the broker say, applied to the hub: of each site in the order in which it was said.

use std::sync::Arc;

use super::piles::{Letter, Piles};
use super::switchboard::{Load, Mail};
use super::worker::{Gateway, Outcomes};
use crate::domain::{DeviceNo, Message, Page, Receipt, SessionRef, SiteName};
use crate::hub::{CloseReason, Live, SessionId, SiteNo};
use crate::store::{StoreError, StoreEvent};

/// Neighbours that go to the same recipients: they leave as one frame.
#[derive(Default)]
enum Run {
    #[default]
    None,
    Entries {
        site: SiteName,
        devices: Arc<[DeviceNo]>,
        entries: Vec<Live>,
    },
    Broadcasts(Vec<Arc<Message>>),
}

/// Deliveries that are queued for one site before other sites get their turn. A message is one at least.
const APPLY_SLICE: usize = 4096;

impl Gateway {
    /// Puts what arrived on the piles of its sites.
    pub(super) fn sort(&self, mail: impl Iterator<Item = Mail>) {
        let mut piles = self.piles.borrow_mut();
        for mail in mail {
            match mail {
                Mail::Broadcast(message) => {
                    piles.put(self.hub.site(&message.site), Letter::Broadcast(message));
                }
                Mail::Store(events) => {
                    for event in events {
                        let site = self.site_of(&piles, &event);
                        piles.put(site, Letter::Store(event));
                    }
                }
            }
        }
    }

    /// Everything about one session, one device or one send is said in one site.
    fn site_of(&self, piles: &Piles, event: &StoreEvent) -> SiteNo {
        match event {
            StoreEvent::Entry { site, .. } => self.hub.site(site),
            StoreEvent::Appended { token, .. } => {
                self.sends.borrow().get(*token as usize).map_or(SiteNo::default(), |sending| sending.site)
            }
            StoreEvent::AppendedAll { token, .. } => {
                self.batches.borrow().get(*token as usize).map_or(SiteNo::default(), |sending| sending.site)
            }
            StoreEvent::Resync { device, .. } => {
                let known = self.hub.site_of_device(*device);
                known.or_else(|| piles.coming(*device)).unwrap_or_default()
            }
            StoreEvent::Connected { session, .. }
            | StoreEvent::ConnectFailed { session, .. }
            | StoreEvent::Page { session, .. }
            | StoreEvent::Missed { session }
            | StoreEvent::Lost { session } => self.hub.site_of(id_of(*session)),
        }
    }

    /// Applies what waits in the sites of which everything that was queued before is sent: what arrives meanwhile leaves
    /// together. Each gets one turn; where that is not enough, what it has queued is held back until the rest is.
    pub(super) fn apply_due(&self) {
        let sites = self.piles.borrow().sites();
        for _ in 0..sites {
            let Some(site) = self.piles.borrow_mut().next() else { break };
            let begun = self.piles.borrow().is_begun(site);
            if begun || !self.hub.is_waiting(site) {
                if !begun {
                    self.piles.borrow_mut().begin(site);
                }
                self.apply(site);
                self.hub.hold(site, self.piles.borrow().is_begun(site));
            }
            self.piles.borrow_mut().end(site);
        }
    }

    fn apply(&self, site: SiteNo) {
        let (mut run, mut lost, mut load, mut room) = (Run::None, 0, Load::default(), APPLY_SLICE);
        while room > 0 {
            let Some(letter) = self.piles.borrow_mut().take(site) else { break };
            let queued = match letter {
                Letter::Broadcast(message) => {
                    load.add(&message.site, &message.event);
                    self.add_broadcast(&mut run, message)
                }
                Letter::Store(event) => {
                    lost += usize::from(matches!(event, StoreEvent::Lost { .. }));
                    if let StoreEvent::Entry { site, event, .. } = &event {
                        load.add(site, event);
                    }
                    self.apply_event(&mut run, event)
                }
            };
            room = room.saturating_sub(1 + queued);
        }
        self.finish_run(&mut run);
        self.shared.parts.switchboard.applied(self.worker, &load);
        if lost > 0 {
            tracing::info!(
                sessions = lost,
                "connections closed, so that their clients connect anew: the store does not know their devices any more"
            );
        }
    }

    /// How many deliveries were queued meanwhile.
    fn apply_event(&self, run: &mut Run, event: StoreEvent) -> usize {
        match event {
            StoreEvent::Entry { seq, site, event, devices } => {
                let live = (seq, event);
                match run {
                    Run::Entries { devices: same, entries, site: first }
                        if Arc::ptr_eq(same, &devices) && *first == site =>
                    {
                        entries.push(live);
                        0
                    }
                    _ => {
                        let queued = self.finish_run(run);
                        *run = Run::Entries { site, devices, entries: vec![live] };
                        queued
                    }
                }
            }
            StoreEvent::Appended { token, outcome } => {
                self.answer_send(token, outcome);
                0
            }
            StoreEvent::AppendedAll { token, outcomes } => {
                self.answer_batch(token, outcomes);
                0
            }
            other => {
                let queued = self.finish_run(run);
                queued + self.apply_session_event(other)
            }
        }
    }

    fn add_broadcast(&self, run: &mut Run, message: Arc<Message>) -> usize {
        match run {
            Run::Broadcasts(messages)
                if messages.first().is_some_and(|m| can_leave_together(m, &message)) =>
            {
                messages.push(message);
                0
            }
            _ => {
                let queued = self.finish_run(run);
                *run = Run::Broadcasts(vec![message]);
                queued
            }
        }
    }

    fn finish_run(&self, run: &mut Run) -> usize {
        match std::mem::take(run) {
            Run::None => 0,
            Run::Entries { site, devices, entries } => {
                self.hub.entries(&entries, &site, &devices, self.now())
            }
            Run::Broadcasts(messages) => {
                let own = messages.first().and_then(|message| message.except);
                let own = own.filter(|own| own.worker == self.worker).map(id_of);
                let messages: Vec<&Message> = messages.iter().map(Arc::as_ref).collect();
                self.hub.broadcast(&messages, own)
            }
        }
    }

    fn apply_session_event(&self, event: StoreEvent) -> usize {
        let entries = match &event {
            StoreEvent::Connected { page, .. } | StoreEvent::Page { page, .. } => page.entries.len(),
            _ => 0,
        };
        match event {
            StoreEvent::Connected { session, device, page } => self.admit(session, device, &page),
            StoreEvent::ConnectFailed { session, error } => self.answer_arrival(id_of(session), Err(error)),
            StoreEvent::Page { session, page } => self.turn_page(session, &page),
            StoreEvent::Resync { device, through } => {
                for (id, step) in self.hub.resync(device, through) {
                    self.take(step, id, device);
                }
            }
            StoreEvent::Missed { session } => self.read_missed(id_of(session)),
            // Not told to leave its namespace: clients do not come back by themselves from that.
            StoreEvent::Lost { session } => self.hub.finish_session(id_of(session), CloseReason::Forgotten),
            StoreEvent::Entry { .. } | StoreEvent::Appended { .. } | StoreEvent::AppendedAll { .. } => {}
        }
        entries
    }

    fn admit(&self, session: SessionRef, device: DeviceNo, page: &Page) {
        let id = id_of(session);
        if let Some(step) = self.hub.admit(id, device, page, self.now()) {
            self.take(step, id, device);
            self.answer_arrival(id, Ok(()));
        }
    }

    fn turn_page(&self, session: SessionRef, page: &Page) {
        let id = id_of(session);
        let device = self.hub.with_kept(id, |kept| kept.device);
        if let (Some(device), Some(step)) = (device, self.hub.page(id, page, self.now())) {
            self.take(step, id, device);
        }
    }

    fn read_missed(&self, id: SessionId) {
        let missed = self.hub.with_kept(id, |kept| (kept.device, kept.flow.missed()));
        if let Some((device, step)) = missed {
            self.take(step, id, device);
        }
    }

    fn answer_arrival(&self, id: SessionId, outcome: Result<(), StoreError>) {
        if let Some(reply) = self.arrivals.borrow_mut().remove(&id) {
            // Whoever waited may have gone away meanwhile; its end was told to the store by its attendance.
            let _ = reply.send(outcome);
        }
    }

    fn answer_send(&self, token: u32, outcome: Result<Receipt, StoreError>) {
        if let Some(sending) = self.sends.borrow_mut().try_remove(token as usize) {
            // A backend that hung up does not read its answer; the message is kept all the same.
            let _ = sending.reply.send(outcome);
        }
    }

    fn answer_batch(&self, token: u32, outcomes: Outcomes) {
        if let Some(sending) = self.batches.borrow_mut().try_remove(token as usize) {
            let _ = sending.reply.send(outcomes);
        }
    }
}

fn can_leave_together(first: &Message, next: &Message) -> bool {
    first.site == next.site && first.rooms == next.rooms && first.except == next.except
}

fn id_of(session: SessionRef) -> SessionId {
    SessionId { slot: session.slot, serial: session.serial }
}
