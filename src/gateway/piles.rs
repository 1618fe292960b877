//! What arrived for a worker and is not applied yet, by site: each site's in the order in which it was said, and sites
//! beside each other, so that much for one of them does not stand in front of a little for another.

use std::collections::VecDeque;
use std::sync::Arc;

use ahash::AHashMap;

use crate::domain::{DeviceNo, Message};
use crate::hub::SiteNo;
use crate::store::StoreEvent;

/// Letters of one site that leave together at most.
const TOGETHER: usize = 4096;

/// One thing that was said.
#[derive(Debug)]
pub(super) enum Letter {
    /// By the store.
    Store(StoreEvent),
    /// By the broker.
    Broadcast(Arc<Message>),
}

impl Letter {
    /// The device that has connected with this.
    fn coming(&self) -> Option<DeviceNo> {
        match self {
            Self::Store(StoreEvent::Connected { device, .. }) => Some(*device),
            _ => None,
        }
    }
}

/// What waits in one site.
#[derive(Debug, Default)]
struct Pile {
    letters: VecDeque<Letter>,
    /// How many of them are being applied, and leave together.
    due: usize,
    /// Stands in the order.
    queued: bool,
}

/// What waits in all sites.
#[derive(Debug, Default)]
pub(super) struct Piles {
    /// By number of the site.
    all: Vec<Pile>,
    /// Sites in which something waits.
    order: VecDeque<SiteNo>,
    /// Devices of which a connecting waits, how many, and in which site: the hub does not know them yet.
    coming: AHashMap<DeviceNo, (SiteNo, usize)>,
}

impl Piles {
    /// Puts a letter on the pile of its site.
    pub(super) fn put(&mut self, site: SiteNo, letter: Letter) {
        if self.all.len() <= site.place() {
            self.all.resize_with(site.place() + 1, Pile::default);
        }
        let Some(pile) = self.all.get_mut(site.place()) else { return };
        if let Some(device) = letter.coming() {
            self.coming.entry(device).or_insert((site, 0)).1 += 1;
        }
        pile.letters.push_back(letter);
        if !pile.queued {
            pile.queued = true;
            self.order.push_back(site);
        }
    }

    /// The site in which a connecting of the device waits. What is said about the device belongs behind that.
    pub(super) fn coming(&self, device: DeviceNo) -> Option<SiteNo> {
        self.coming.get(&device).map(|(site, _)| *site)
    }

    /// In how many sites something waits.
    pub(super) fn sites(&self) -> usize {
        self.order.len()
    }

    /// The site whose turn it is. It has to be given back by [`Piles::end`].
    pub(super) fn next(&mut self) -> Option<SiteNo> {
        self.order.pop_front()
    }

    /// A site has had its turn.
    pub(super) fn end(&mut self, site: SiteNo) {
        let Some(pile) = self.all.get_mut(site.place()) else { return };
        pile.queued = !pile.letters.is_empty();
        if pile.queued {
            self.order.push_back(site);
        }
    }

    /// Whether some of a pile was applied, and the rest of what leaves with it was not.
    pub(super) fn is_begun(&self, site: SiteNo) -> bool {
        self.all.get(site.place()).is_some_and(|pile| pile.due > 0)
    }

    /// What there is now is to leave together, up to a bound: all of it is queued before the first of it is sent.
    pub(super) fn begin(&mut self, site: SiteNo) {
        if let Some(pile) = self.all.get_mut(site.place()) {
            pile.due = pile.letters.len().min(TOGETHER);
        }
    }

    /// The next letter of those that leave together.
    pub(super) fn take(&mut self, site: SiteNo) -> Option<Letter> {
        let pile = self.all.get_mut(site.place())?;
        pile.due = pile.due.checked_sub(1)?;
        let letter = pile.letters.pop_front()?;
        if let Some(device) = letter.coming() {
            self.came(device);
        }
        Some(letter)
    }

    fn came(&mut self, device: DeviceNo) {
        if let Some((_, count)) = self.coming.get_mut(&device) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.coming.remove(&device);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Site, WorkerId};
    use crate::hub::{Hub, HubOptions};

    fn letter(token: u32) -> Letter {
        let session = crate::domain::SessionRef { worker: WorkerId(0), slot: token, serial: 0 };
        Letter::Store(StoreEvent::Missed { session })
    }

    fn token(letter: &Letter) -> u32 {
        match letter {
            Letter::Store(StoreEvent::Missed { session }) => session.slot,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_comes_while_a_pile_is_applied_waits_for_the_next_time() {
        let hub = Hub::new(HubOptions { outbox_limit: 1 });
        let [a, b] = ["a", "b"].map(|name| hub.site(&Site::sample(name).name));
        let mut piles = Piles::default();
        (0..3).for_each(|token| piles.put(a, letter(token)));
        piles.put(b, letter(10));
        assert_eq!((piles.sites(), piles.next()), (2, Some(a)));
        piles.begin(a);
        assert_eq!(piles.take(a).as_ref().map(token), Some(0));
        piles.put(a, letter(3));
        piles.end(a);
        assert!(piles.is_begun(a) && !piles.is_begun(b));
        assert_eq!(piles.next(), Some(b));
        piles.begin(b);
        assert!(piles.take(b).is_some() && piles.take(b).is_none());
        piles.end(b);
        assert_eq!((piles.sites(), piles.next()), (1, Some(a)));
        let rest: Vec<u32> = std::iter::from_fn(|| piles.take(a)).map(|letter| token(&letter)).collect();
        assert_eq!((rest, piles.is_begun(a)), (vec![1, 2], false));
        piles.end(a);
        assert_eq!(piles.sites(), 1);
    }

    #[test]
    fn however_much_waits_only_so_much_is_queued_before_it_is_sent() {
        let (mut piles, site) = (Piles::default(), SiteNo::default());
        for _ in 0..=TOGETHER {
            piles.put(site, Letter::Store(StoreEvent::AppendedAll { token: 0, outcomes: Vec::new() }));
        }
        for expected in [TOGETHER, 1] {
            assert_eq!(piles.next(), Some(site));
            piles.begin(site);
            assert_eq!(std::iter::from_fn(|| piles.take(site)).count(), expected);
            assert!(!piles.is_begun(site));
            piles.end(site);
        }
        assert_eq!(piles.sites(), 0);
    }
}
