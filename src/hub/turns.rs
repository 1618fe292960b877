//! Whose turn it is to be sent to: links with something to send, by site. Sites take turns, so that what is said in a
//! busy one does not stand in front of what is said in the others: the site whose last turn is longest ago comes first,
//! and in it who has waited longest.

use std::collections::VecDeque;

use ahash::AHashMap;

use crate::domain::SiteName;

/// A site on one worker; the first number is for what belongs to no site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SiteNo(u32);

impl SiteNo {
    /// As a place in a list.
    #[must_use]
    pub fn place(self) -> usize {
        self.0 as usize
    }
}

/// What waits in one site.
#[derive(Debug, Default)]
struct Waiting {
    /// Slots of links.
    links: VecDeque<u32>,
    /// When it had its last turn, counted in turns.
    last: u64,
    /// Stands in the order.
    queued: bool,
    /// More is about to be queued, and is to leave with what there is.
    held: bool,
}

/// Links with something to send.
#[derive(Debug)]
pub(super) struct Turns {
    numbers: AHashMap<SiteName, SiteNo>,
    /// By number. One for each site that there ever was here: as many as the configuration has.
    sites: Vec<Waiting>,
    /// Sites with links that may be sent to; longest ago first.
    order: VecDeque<SiteNo>,
    /// How many turns there were.
    count: u64,
}

impl Default for Turns {
    fn default() -> Self {
        let nobody = Waiting::default();
        Self { numbers: AHashMap::new(), sites: vec![nobody], order: VecDeque::new(), count: 0 }
    }
}

impl Turns {
    /// The number of a site.
    pub(super) fn number(&mut self, site: &SiteName) -> SiteNo {
        if let Some(number) = self.numbers.get(site) {
            return *number;
        }
        let number = SiteNo(self.sites.len() as u32);
        self.sites.push(Waiting::default());
        self.numbers.insert(site.clone(), number);
        number
    }

    /// A link has something to send, said in this site.
    pub(super) fn add(&mut self, site: SiteNo, slot: u32) {
        if let Some(waiting) = self.sites.get_mut(site.place()) {
            waiting.links.push_back(slot);
            self.line_up(site);
        }
    }

    /// Whether links wait in a site.
    pub(super) fn is_waiting(&self, site: SiteNo) -> bool {
        self.sites.get(site.place()).is_some_and(|waiting| !waiting.links.is_empty())
    }

    /// Holds a site back, or no longer.
    pub(super) fn hold(&mut self, site: SiteNo, held: bool) {
        if let Some(waiting) = self.sites.get_mut(site.place()) {
            waiting.held = held;
            self.line_up(site);
        }
    }

    /// The site whose turn it is, and how many of its links wait.
    pub(super) fn next(&mut self) -> Option<(SiteNo, usize)> {
        while let Some(site) = self.order.pop_front() {
            let Some(waiting) = self.sites.get_mut(site.place()) else { continue };
            waiting.queued = false;
            if !waiting.held && !waiting.links.is_empty() {
                return Some((site, waiting.links.len()));
            }
        }
        None
    }

    /// The link of a site that has waited longest.
    pub(super) fn take(&mut self, site: SiteNo) -> Option<u32> {
        self.sites.get_mut(site.place())?.links.pop_front()
    }

    /// A site has had its turn: what is left there waits for the next one.
    pub(super) fn end(&mut self, site: SiteNo) {
        self.count += 1;
        if let Some(waiting) = self.sites.get_mut(site.place()) {
            waiting.last = self.count;
            self.line_up(site);
        }
    }

    /// Whether somebody may be sent to.
    pub(super) fn is_due(&self) -> bool {
        let due = |site: &SiteNo| self.sites.get(site.place()).is_some_and(|waiting| !waiting.held);
        self.order.iter().any(due)
    }

    /// Nobody is held back any more.
    pub(super) fn release_all(&mut self) {
        for place in 0..self.sites.len() {
            self.hold(SiteNo(place as u32), false);
        }
    }

    fn line_up(&mut self, site: SiteNo) {
        let Self { sites, order, .. } = self;
        let Some(waiting) = sites.get_mut(site.place()) else { return };
        if waiting.queued || waiting.held || waiting.links.is_empty() {
            return;
        }
        waiting.queued = true;
        let last = waiting.last;
        let before = |other: &SiteNo| sites.get(other.place()).is_some_and(|other| other.last <= last);
        let place = order.partition_point(before);
        order.insert(place, site);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Site;

    fn served(turns: &mut Turns, slice: usize) -> Vec<u32> {
        let Some((site, waiting)) = turns.next() else { return Vec::new() };
        let slots = (0..waiting.min(slice)).filter_map(|_| turns.take(site)).collect();
        turns.end(site);
        slots
    }

    #[test]
    fn sites_take_turns_and_each_keeps_its_order() {
        let mut turns = Turns::default();
        let [loud, quiet] = ["loud", "quiet"].map(|name| turns.number(&Site::sample(name).name));
        (0..5).for_each(|slot| turns.add(loud, slot));
        turns.add(quiet, 100);
        let slices: Vec<Vec<u32>> = (0..4).map(|_| served(&mut turns, 2)).collect();
        assert_eq!(slices, [vec![0, 1], vec![100], vec![2, 3], vec![4]]);
        assert!(!turns.is_due() && turns.next().is_none());
    }

    #[test]
    fn who_has_not_had_a_turn_for_long_comes_first_and_nobody_waits_for_ever() {
        let mut turns = Turns::default();
        let [loud, quiet] = ["loud", "quiet"].map(|name| turns.number(&Site::sample(name).name));
        (0..9).for_each(|slot| turns.add(loud, slot));
        assert_eq!(served(&mut turns, 3), [0, 1, 2]);
        turns.add(quiet, 100);
        assert_eq!(served(&mut turns, 3), [100]);
        turns.add(quiet, 101);
        assert_eq!(served(&mut turns, 3), [3, 4, 5]);
        assert_eq!(served(&mut turns, 3), [101]);
    }

    #[test]
    fn a_site_that_is_held_back_waits_and_loses_nothing() {
        let mut turns = Turns::default();
        let [loud, quiet] = ["loud", "quiet"].map(|name| turns.number(&Site::sample(name).name));
        turns.add(loud, 1);
        turns.hold(loud, true);
        assert!(!turns.is_due() && turns.is_waiting(loud));
        turns.add(loud, 2);
        turns.add(quiet, 3);
        assert_eq!((served(&mut turns, 9), turns.is_due()), (vec![3], false));
        turns.hold(loud, false);
        turns.hold(loud, false);
        assert_eq!((served(&mut turns, 9), served(&mut turns, 9)), (vec![1, 2], vec![]));
    }

    #[test]
    fn a_site_has_one_number() {
        let mut turns = Turns::default();
        let [a, b] = ["a", "b"].map(|name| Site::sample(name).name);
        let numbers = [turns.number(&a), turns.number(&b), turns.number(&a)];
        assert_eq!((numbers[0], numbers[0] == numbers[1]), (numbers[2], false));
        assert!(!numbers.contains(&SiteNo::default()), "that is nobody's");
    }
}
