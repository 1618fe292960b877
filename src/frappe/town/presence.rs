//! Who is at which place: this process's own viewers, and those of its neighbours.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::notice::Notice;
use crate::domain::{Room, SessionRef, SiteName};

/// A neighbour that was not heard of for so long is gone, and its viewers with it.
const GONE: Duration = Duration::from_secs(7);

/// How often those at a place are told who is there though nothing has changed.
const RECALL: Duration = Duration::from_secs(1);

/// Most notices at one place.
const NOTICES: usize = 16;

/// A room of a site in which it matters who is there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::frappe) struct Place {
    pub(in crate::frappe) site: SiteName,
    pub(in crate::frappe) room: Room,
}

/// Somebody at a place.
#[derive(Debug, Clone)]
pub(in crate::frappe) struct Viewer {
    pub(in crate::frappe) session: SessionRef,
    pub(in crate::frappe) user: Arc<str>,
    /// When the session connected, in microseconds: viewers are named in this order.
    pub(in crate::frappe) since: u64,
}

/// Those at one place.
#[derive(Debug, Default)]
struct Gathering {
    /// What they are told.
    notices: Vec<Notice>,
    own: Vec<Viewer>,
    /// When they were told last though nothing had changed.
    recalled: Option<Instant>,
    /// By neighbour.
    others: HashMap<u64, Others>,
}

/// The viewers of a neighbour.
#[derive(Debug)]
struct Others {
    viewers: Vec<(Arc<str>, u64)>,
    /// Which roll of the neighbour they stood in.
    roll: u64,
}

/// What is known of a neighbour.
#[derive(Debug)]
struct Neighbour {
    /// When it was heard of last.
    heard: Instant,
    /// Which roll it is calling, or has called last.
    roll: u64,
}

/// Something has changed at a place.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) place: Place,
    pub(super) notices: Vec<Notice>,
}

/// Who is where. Nothing empty is kept.
#[derive(Debug, Default)]
pub(super) struct Presence {
    places: HashMap<Place, Gathering>,
    neighbours: HashMap<u64, Neighbour>,
}

impl Presence {
    /// A session comes to a place; it may be there already.
    pub(super) fn enter(&mut self, place: Place, notices: Vec<Notice>, viewer: Viewer) -> Change {
        let gathering = self.places.entry(place.clone()).or_default();
        if !gathering.own.iter().any(|own| own.session == viewer.session) {
            gathering.own.push(viewer);
        }
        gathering.learn(notices);
        Change { place, notices: gathering.notices.clone() }
    }

    /// A session leaves a place.
    pub(super) fn leave(&mut self, place: &Place, session: SessionRef) -> Change {
        let gathering = self.places.entry(place.clone()).or_default();
        gathering.own.retain(|own| own.session != session);
        self.changed(place)
    }

    /// The viewers that a neighbour has at a place.
    pub(super) fn heard(
        &mut self,
        node: u64,
        place: &Place,
        viewers: Vec<(Arc<str>, u64)>,
        notices: Vec<Notice>,
    ) -> Change {
        let roll = self.neighbours.get(&node).map_or(0, |neighbour| neighbour.roll);
        let gathering = self.places.entry(place.clone()).or_default();
        gathering.learn(notices);
        if viewers.is_empty() {
            gathering.others.remove(&node);
        } else {
            gathering.others.insert(node, Others { viewers, roll });
        }
        self.changed(place)
    }

    /// Whether those at a place may be told now who is there though nothing has changed; then it is taken as done. Seldom, however
    /// many ask for it: it needs no permission.
    pub(super) fn may_recall(&mut self, place: &Place, now: Instant) -> bool {
        let Some(gathering) = self.places.get_mut(place) else { return false };
        let may = gathering.recalled.is_none_or(|last| now.saturating_duration_since(last) >= RECALL);
        if may {
            gathering.recalled = Some(now);
        }
        may
    }

    /// A neighbour was heard of. Whether it was not known before.
    pub(super) fn alive(&mut self, node: u64, now: Instant) -> bool {
        let before = self.neighbours.len();
        match self.neighbours.get_mut(&node) {
            Some(neighbour) => neighbour.heard = now,
            None => drop(self.neighbours.insert(node, Neighbour { heard: now, roll: 0 })),
        }
        self.neighbours.len() > before
    }

    /// A neighbour begins to say all places where it has viewers.
    pub(super) fn begin_roll(&mut self, node: u64) {
        if let Some(neighbour) = self.neighbours.get_mut(&node) {
            neighbour.roll += 1;
        }
    }

    /// A neighbour has said all places where it has viewers: elsewhere it has none, whatever it said before. What has changed by
    /// that.
    pub(super) fn end_roll(&mut self, node: u64) -> Vec<Change> {
        let roll = self.neighbours.get(&node).map(|neighbour| neighbour.roll);
        self.forget_where(node, |others| Some(others.roll) != roll)
    }

    /// The neighbours were not heard for a while, and it was not their fault: their time begins anew.
    pub(super) fn excuse(&mut self, now: Instant) {
        self.neighbours.values_mut().for_each(|neighbour| neighbour.heard = now);
    }

    /// Takes the viewers of neighbours away that were not heard of for too long; what has changed by that.
    pub(super) fn bury(&mut self, now: Instant) -> Vec<Change> {
        let gone = |neighbour: &Neighbour| now.saturating_duration_since(neighbour.heard) > GONE;
        let dead = self.neighbours.extract_if(|_, neighbour| gone(neighbour));
        let dead: Vec<u64> = dead.map(|(node, _)| node).collect();
        dead.into_iter().flat_map(|node| self.forget_where(node, |_| true)).collect()
    }

    fn forget_where(&mut self, node: u64, is_gone: impl Fn(&Others) -> bool) -> Vec<Change> {
        let is_there = |gathering: &Gathering| gathering.others.get(&node).is_some_and(&is_gone);
        let there = self.places.iter().filter(|(_, gathering)| is_there(gathering));
        let there: Vec<Place> = there.map(|(place, _)| place.clone()).collect();
        there.iter().map(|place| self.heard(node, place, Vec::new(), Vec::new())).collect()
    }

    /// Everybody at a place, in the order in which they connected; a user once for each of its sessions.
    pub(super) fn viewers(&self, place: &Place) -> Vec<Arc<str>> {
        let Some(gathering) = self.places.get(place) else { return Vec::new() };
        let own = gathering.own.iter().map(|viewer| (viewer.since, &viewer.user));
        let others = gathering.others.values().flat_map(|others| &others.viewers);
        let others = others.map(|(user, since)| (*since, user));
        let mut all: Vec<(u64, &Arc<str>)> = own.chain(others).collect();
        all.sort();
        all.into_iter().map(|(_, user)| Arc::clone(user)).collect()
    }

    /// The viewers of this process at a place.
    pub(super) fn own(&self, place: &Place) -> Vec<(Arc<str>, u64)> {
        let own = self.places.get(place).map(|gathering| gathering.own.as_slice()).unwrap_or_default();
        own.iter().map(|viewer| (Arc::clone(&viewer.user), viewer.since)).collect()
    }

    /// Every place where this process has viewers, with what they are told.
    pub(super) fn own_places(&self) -> Vec<Change> {
        let own = self.places.iter().filter(|(_, gathering)| !gathering.own.is_empty());
        own.map(|(place, gathering)| Change { place: place.clone(), notices: gathering.notices.clone() })
            .collect()
    }

    /// What has changed; a place where nobody is any more is forgotten.
    fn changed(&mut self, place: &Place) -> Change {
        let gathering = self.places.get(place);
        let notices = gathering.map(|gathering| gathering.notices.clone()).unwrap_or_default();
        if gathering.is_some_and(|gathering| gathering.own.is_empty() && gathering.others.is_empty()) {
            self.places.remove(place);
        }
        Change { place: place.clone(), notices }
    }
}

impl Gathering {
    fn learn(&mut self, notices: Vec<Notice>) {
        for notice in notices {
            self.notices.retain(|known| !notice.replaces(known));
            self.notices.push(notice);
        }
        // What clients said is in them: there must be an end.
        if self.notices.len() > NOTICES {
            self.notices.drain(..self.notices.len() - NOTICES);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::WorkerId;

    fn place(name: &str) -> Place {
        Place { site: SiteName::new("s").unwrap(), room: Room::stored(&format!("open_doc:ToDo/{name}")) }
    }

    fn notice() -> Notice {
        Notice::Doc { doctype: "ToDo".to_owned(), docname: "1".to_owned() }
    }

    fn session(slot: u32) -> SessionRef {
        SessionRef { worker: WorkerId(0), slot, serial: 1 }
    }

    fn viewer(slot: u32, user: &str) -> Viewer {
        Viewer { session: session(slot), user: user.into(), since: u64::from(slot) * 10 }
    }

    fn names(presence: &Presence, place: &Place) -> String {
        presence.viewers(place).join(" ")
    }

    #[test]
    fn viewers_of_all_neighbours_are_named_in_the_order_in_which_they_connected() {
        let (mut presence, here) = (Presence::default(), place("1"));
        presence.enter(here.clone(), vec![notice()], viewer(2, "bob"));
        presence.enter(here.clone(), vec![notice()], viewer(2, "bob"));
        presence.heard(7, &here, vec![("ann".into(), 15), ("cid".into(), 25)], vec![notice()]);
        assert_eq!(names(&presence, &here), "ann bob cid");
        presence.heard(7, &here, vec![("cid".into(), 25)], Vec::new());
        assert_eq!(names(&presence, &here), "bob cid");
        let change = presence.leave(&here, session(2));
        assert_eq!((names(&presence, &here).as_str(), change.notices), ("cid", vec![notice()]));
    }

    #[test]
    fn a_neighbour_that_is_gone_takes_its_viewers_along() {
        let (mut presence, here, start) = (Presence::default(), place("1"), Instant::now());
        assert!(presence.alive(7, start) && !presence.alive(7, start) && presence.alive(8, start));
        presence.heard(7, &here, vec![("ann".into(), 15)], vec![notice()]);
        presence.enter(here.clone(), vec![notice()], viewer(2, "bob"));
        let late = start + GONE + Duration::from_millis(1);
        presence.alive(8, late);
        assert!(presence.bury(start + GONE).is_empty());
        presence.excuse(late);
        assert!(presence.bury(late + GONE).is_empty());
        let changes = presence.bury(late + GONE + GONE);
        assert_eq!((changes.len(), names(&presence, &here).as_str()), (1, "bob"));
        assert!(presence.neighbours.is_empty());
    }

    fn of_app(event: &str, room: &str, id: i32) -> Notice {
        let payload = crate::frappe::rules::Filled::Value(id.into());
        Notice::App { event: event.into(), room: room.into(), payload }
    }

    #[test]
    fn what_an_app_says_anew_takes_the_place_of_what_it_said_and_there_is_an_end() {
        let (mut presence, here) = (Presence::default(), place("1"));
        let mut enter = |notice: Notice| presence.enter(here.clone(), vec![notice], viewer(1, "ann")).notices;
        enter(notice());
        enter(of_app("e", "r", 1));
        assert_eq!(enter(of_app("e", "r", 2)), [notice(), of_app("e", "r", 2)]);
        assert_eq!(enter(of_app("e", "q", 3)).len(), 3);
        for number in 0..100 {
            assert!(enter(of_app("e", &format!("r{number}"), 4)).len() <= NOTICES);
        }
    }

    #[test]
    fn what_a_roll_does_not_name_is_no_more() {
        let (mut presence, start) = (Presence::default(), Instant::now());
        presence.alive(7, start);
        for name in ["1", "2"] {
            presence.heard(7, &place(name), vec![("ann".into(), 15)], vec![notice()]);
        }
        presence.heard(8, &place("2"), vec![("bob".into(), 25)], vec![notice()]);
        assert!(presence.end_roll(7).is_empty(), "the beginning of it was not heard");
        presence.begin_roll(7);
        presence.heard(7, &place("1"), vec![("ann".into(), 15)], vec![notice()]);
        let changes = presence.end_roll(7);
        assert_eq!(changes.iter().map(|change| &change.place).collect::<Vec<_>>(), [&place("2")]);
        assert_eq!(
            (names(&presence, &place("1")), names(&presence, &place("2"))),
            ("ann".into(), "bob".into())
        );
        assert!(presence.end_roll(7).is_empty());
    }

    #[test]
    fn those_at_a_place_are_told_again_seldom() {
        let (mut presence, start) = (Presence::default(), Instant::now());
        assert!(!presence.may_recall(&place("1"), start), "nobody is there");
        presence.enter(place("1"), vec![notice()], viewer(1, "ann"));
        presence.enter(place("2"), vec![notice()], viewer(1, "ann"));
        assert!(presence.may_recall(&place("1"), start) && !presence.may_recall(&place("1"), start));
        assert!(presence.may_recall(&place("2"), start));
        assert!(presence.may_recall(&place("1"), start + RECALL));
    }

    #[test]
    fn nothing_empty_is_kept() {
        let (mut presence, here) = (Presence::default(), place("1"));
        presence.leave(&here, session(1));
        presence.heard(7, &here, Vec::new(), vec![notice()]);
        presence.enter(here.clone(), vec![notice()], viewer(1, "ann"));
        presence.leave(&here, session(1));
        assert!(presence.places.is_empty());
    }
}
