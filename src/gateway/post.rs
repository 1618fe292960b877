//! What the store and the broker say, applied to the hub in the order in which it was said.

use std::sync::Arc;

use super::switchboard::{Said, Weight};
use super::worker::{Gateway, Outcomes};
use crate::domain::{DeviceNo, Message, Page, Receipt, SessionRef, SiteName};
use crate::hub::{CloseReason, Live, SessionId};
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

impl Gateway {
    /// Applies what was said, as much as one turn may hold. Whether that was filled: then more may be to come.
    pub(super) fn apply(&self, said: &mut impl Iterator<Item = Said>) -> bool {
        let (mut run, mut lost, mut weight, mut full) = (Run::None, 0, Weight::default(), false);
        while !full && let Some(said) = said.next() {
            match said {
                Said::Broadcast(message) => {
                    weight.add(&message.event);
                    self.add_broadcast(&mut run, message);
                }
                Said::Store(event) => {
                    match &event {
                        StoreEvent::Entry { event, .. } => weight.add(event),
                        StoreEvent::Lost { .. } => lost += 1,
                        _ => {}
                    }
                    self.apply_event(&mut run, event);
                }
            }
            full = weight.is_slice();
        }
        self.finish_run(&mut run);
        self.shared.parts.switchboard.taken(self.worker, weight);
        if lost > 0 {
            tracing::info!(
                sessions = lost,
                "connections closed, so that their clients connect anew: the store does not know their devices any more"
            );
        }
        full
    }

    fn apply_event(&self, run: &mut Run, event: StoreEvent) {
        match event {
            StoreEvent::Entry { seq, site, event, devices } => {
                let live = (seq, event);
                match run {
                    Run::Entries { devices: same, entries, site: first }
                        if Arc::ptr_eq(same, &devices) && *first == site =>
                    {
                        entries.push(live);
                    }
                    _ => {
                        self.finish_run(run);
                        *run = Run::Entries { site, devices, entries: vec![live] };
                    }
                }
            }
            StoreEvent::Appended { token, outcome } => self.answer_send(token, outcome),
            StoreEvent::AppendedAll { token, outcomes } => self.answer_batch(token, outcomes),
            other => {
                self.finish_run(run);
                self.apply_session_event(other);
            }
        }
    }

    fn add_broadcast(&self, run: &mut Run, message: Arc<Message>) {
        match run {
            Run::Broadcasts(messages)
                if messages.first().is_some_and(|m| m.site == message.site && m.rooms == message.rooms) =>
            {
                messages.push(message);
            }
            _ => {
                self.finish_run(run);
                *run = Run::Broadcasts(vec![message]);
            }
        }
    }

    fn finish_run(&self, run: &mut Run) {
        match std::mem::take(run) {
            Run::None => {}
            Run::Entries { site, devices, entries } => {
                self.hub.entries(&entries, &site, &devices, self.now());
            }
            Run::Broadcasts(messages) => {
                let messages: Vec<&Message> = messages.iter().map(Arc::as_ref).collect();
                self.hub.broadcast(&messages);
            }
        }
    }

    fn apply_session_event(&self, event: StoreEvent) {
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
        if let Some(reply) = self.sends.borrow_mut().try_remove(token as usize) {
            // A backend that hung up does not read its answer; the message is kept all the same.
            let _ = reply.send(outcome);
        }
    }

    fn answer_batch(&self, token: u32, outcomes: Outcomes) {
        if let Some(reply) = self.batches.borrow_mut().try_remove(token as usize) {
            let _ = reply.send(outcomes);
        }
    }
}

fn id_of(session: SessionRef) -> SessionId {
    SessionId { slot: session.slot, serial: session.serial }
}
