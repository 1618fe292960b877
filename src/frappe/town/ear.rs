//! What comes from the Redis of a bench.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::letter::{Letter, Say, Stay};
use super::presence::{Change, Place, Presence};
use super::{EVERYBODY, Town, Towns, stay};
use crate::domain::{Event, Room, Site, SiteName};
use crate::protocol::frappe::{Bench, BenchEar, Publication};
use crate::telemetry::Seldom;

/// Places in one letter of a roll.
const PIECE: usize = 200;

/// The line about what was published and is no event.
static UNUSABLE: Seldom = Seldom::new();

impl BenchEar for Towns {
    fn published(&self, bench: &Bench, payload: &[u8]) -> bool {
        match Publication::parse(payload) {
            Ok(publication) => self.of(bench).deliver(publication),
            Err(why) => {
                if let Some(more) = UNUSABLE.due() {
                    tracing::warn!(%why, bytes = payload.len(), more, "a message on the channel `events` was skipped");
                }
                false
            }
        }
    }

    fn told(&self, bench: &Bench, payload: &[u8]) {
        let Some(Letter { node, say }) = Letter::read(payload) else {
            tracing::debug!(bytes = payload.len(), "a letter of a neighbour was not understood");
            return;
        };
        if node != self.node {
            self.of(bench).hear(bench, node, say);
        }
    }

    fn reached(&self, bench: &Bench) {
        let town = self.of(bench);
        let mut presence = town.presence();
        presence.excuse(Instant::now());
        town.tell(bench, Say::Hello);
        town.call_roll(bench, &presence);
    }

    fn beat(&self, bench: &Bench) {
        let town = self.of(bench);
        town.tell(bench, Say::Alive);
        let mut presence = town.presence();
        let changes = presence.bury(Instant::now());
        town.tell_changes(&presence, changes);
        let has_lost = bench.has_lost_letters();
        if town.duties.is_stranger_there.swap(false, Ordering::Relaxed) || has_lost {
            town.tell(bench, Say::Hello);
        }
        if town.duties.is_roll_due.swap(false, Ordering::Relaxed) || has_lost {
            town.call_roll(bench, &presence);
        }
    }

    fn is_pressed(&self, bench: &Bench) -> bool {
        let town = self.of(bench);
        town.all_sites().iter().any(|site| town.is_congested(site))
    }
}

impl Town {
    /// Hands an event to the sessions of this process. Whether its site has too much waiting.
    fn deliver(&self, publication: Publication) -> bool {
        let Publication { event, room, namespace } = publication;
        let Some(room) = room else {
            let sites = self.all_sites();
            for site in &sites {
                self.emit(&site.name, EVERYBODY, event.clone(), None);
            }
            return sites.iter().any(|site| self.is_congested(site));
        };
        let found = match &namespace {
            Some(name) => self.site(name).map(|site| (site, room.as_str())),
            None => self.prefixed(&room),
        };
        let Some((site, room)) = found else { return false };
        self.emit(&site.name, room, event, None);
        self.is_congested(&site)
    }

    /// Versions up to 14 put the site before the room.
    fn prefixed<'a>(&self, room: &'a str) -> Option<(Arc<Site>, &'a str)> {
        let (name, room) = room.split_once(':')?;
        Some((self.site(name)?, room))
    }

    fn is_congested(&self, site: &Site) -> bool {
        self.shared.switchboard().is_congested(&site.name)
    }

    fn hear(&self, bench: &Bench, node: u64, say: Say) {
        let mut presence = self.presence();
        let is_new = presence.alive(node, Instant::now());
        // Counted among the dead it may have been while it lives: it does not know that it has to say again who is there.
        if is_new && !matches!(say, Say::Hello | Say::Roll { begins: true, .. }) {
            self.duties.is_stranger_there.store(true, Ordering::Relaxed);
        }
        match say {
            Say::Alive => {}
            Say::Hello => self.answer_hello(bench, &presence),
            Say::Viewers { stay, by } => self.hear_stay(&mut presence, node, stay, by.as_ref()),
            Say::Roll { stays, begins, ends } => {
                if begins {
                    presence.begin_roll(node);
                }
                for stay in stays {
                    self.hear_stay(&mut presence, node, stay, None);
                }
                if ends {
                    let changes = presence.end_roll(node);
                    self.tell_changes(&presence, changes);
                }
            }
            Say::Relay { site, room, event } => {
                let Some(place) = place(&site, &room) else { return };
                if self.shared.switchboard().is_congested(&place.site) {
                    return;
                }
                let event = Event::stored(event.get().to_owned().into());
                self.emit(&place.site, place.room.as_str(), event, None);
            }
        }
    }
}

impl Town {
    fn hear_stay(&self, presence: &mut Presence, node: u64, stay: Stay, by: Option<&Arc<str>>) {
        let Some(place) = place(&stay.site, &stay.room) else { return };
        let before = presence.viewers(&place);
        let Change { place, notices } = presence.heard(node, &place, stay.viewers, stay.notices);
        let now = presence.viewers(&place);
        // A letter that only repeats what is known is not for the clients; an act of somebody is, as on one node.
        if by.is_some() || before != now {
            self.tell_clients(&place, &notices, &now, by);
        }
    }

    /// At once, but not to each of many who come at the same time, as after a restart of Redis: all hear the same roll.
    fn answer_hello(&self, bench: &Bench, presence: &Presence) {
        if self.duties.may_call_roll(Instant::now()) {
            self.call_roll(bench, presence);
        } else {
            self.duties.is_roll_due.store(true, Ordering::Relaxed);
        }
    }

    /// Says where there are viewers of this process, in letters that are not too long.
    fn call_roll(&self, bench: &Bench, presence: &Presence) {
        let places = presence.own_places();
        let pieces = places.len().div_ceil(PIECE).max(1);
        for piece in 0..pieces {
            let places = places.iter().skip(piece * PIECE).take(PIECE);
            let stays = places.map(|change| stay(presence, &change.place, &change.notices)).collect();
            self.tell(bench, Say::Roll { stays, begins: piece == 0, ends: piece + 1 == pieces });
        }
    }

    fn tell_changes(&self, presence: &Presence, changes: Vec<Change>) {
        for Change { place, notices } in changes {
            self.tell_clients(&place, &notices, &presence.viewers(&place), None);
        }
    }
}

fn place(site: &str, room: &str) -> Option<Place> {
    let site = SiteName::new(site).ok()?;
    Some(Place { site, room: Room::stored(room) })
}
