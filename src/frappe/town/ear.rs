//! What comes from the Redis of a bench.

use std::sync::Arc;
use std::time::Instant;

use super::letter::{Letter, Say};
use super::presence::{Change, Place};
use super::{EVERYBODY, Town, Towns};
use crate::domain::{Event, Room, Site, SiteName};
use crate::protocol::frappe::{Bench, BenchEar, Publication};
use crate::telemetry::Seldom;

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
        for Change { place, notices } in presence.own_places() {
            town.tell_viewers(bench, &presence, &place, &notices, None);
        }
    }

    fn beat(&self, bench: &Bench) {
        let town = self.of(bench);
        town.tell(bench, Say::Alive);
        let mut presence = town.presence();
        for Change { place, notices } in presence.bury(Instant::now()) {
            town.tell_clients(&place, &notices, &presence.viewers(&place), None);
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
        if is_new || matches!(say, Say::Hello) {
            for Change { place, notices } in presence.own_places() {
                self.tell_viewers(bench, &presence, &place, &notices, None);
            }
        }
        match say {
            Say::Alive | Say::Hello => {}
            Say::Viewers { site, room, viewers, notices, by } => {
                let Some(place) = place(&site, &room) else { return };
                let before = presence.viewers(&place);
                let Change { place, notices } = presence.heard(node, &place, viewers, notices);
                let now = presence.viewers(&place);
                // A letter that only repeats what is known is not for the clients; an act of somebody is, as on one node.
                if by.is_some() || before != now {
                    self.tell_clients(&place, &notices, &now, by.as_ref());
                }
            }
            Say::Relay { site, room, event } => {
                let Some(place) = place(&site, &room) else { return };
                let event = Event::stored(event.get().to_owned().into());
                self.emit(&place.site, place.room.as_str(), event, None);
            }
        }
    }
}

fn place(site: &str, room: &str) -> Option<Place> {
    let site = SiteName::new(site).ok()?;
    Some(Place { site, room: Room::stored(room) })
}
