//! How much waits for the writer, of whom, and who may not add to it.

use std::sync::Arc;

use ahash::AHashMap;

use super::MaxWaiting;
use crate::domain::{Message, SiteName, fair_share};

/// What a waiting message costs besides its event and rooms, in bytes.
const MESSAGE_OVERHEAD: usize = 256;

/// Messages, and what they cost in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Weight {
    messages: usize,
    bytes: usize,
}

impl Weight {
    pub(super) fn of(message: &Message) -> Self {
        let rooms = message.rooms.iter().map(|room| room.as_str().len());
        let bytes = message.event.json().len() + rooms.sum::<usize>() + MESSAGE_OVERHEAD;
        Self { messages: 1, bytes }
    }

    pub(super) fn of_all(messages: &[Arc<Message>]) -> Self {
        let mut all = Self::default();
        for message in messages {
            all.add(Self::of(message));
        }
        all
    }

    fn add(&mut self, more: Self) {
        self.messages += more.messages;
        self.bytes += more.bytes;
    }

    fn less(&mut self, less: Self) {
        self.messages -= less.messages;
        self.bytes -= less.bytes;
    }

    fn exceeds(self, limit: MaxWaiting) -> bool {
        self.messages > limit.messages || self.bytes > limit.bytes
    }
}

/// How much waits, of whom.
#[derive(Debug, Clone, Default)]
pub(super) struct Loads {
    all: Weight,
    sites: AHashMap<SiteName, Weight>,
}

impl Loads {
    pub(super) fn add(&mut self, site: &SiteName, weight: Weight) {
        self.all.add(weight);
        match self.sites.get_mut(site) {
            Some(own) => own.add(weight),
            None => drop(self.sites.insert(site.clone(), weight)),
        }
    }

    pub(super) fn less(&mut self, site: &SiteName, weight: Weight) {
        self.all.less(weight);
        if let Some(own) = self.sites.get_mut(site) {
            own.less(weight);
            if own.messages == 0 {
                self.sites.remove(site);
            }
        }
    }

    /// Whether this much more of a site is too much: for the bound, and for its fair share of that. A message that is
    /// too large for either by itself may still go where nothing else of its site waits.
    pub(super) fn refuses(&self, site: &SiteName, more: Weight, limit: MaxWaiting) -> bool {
        let with = |mut weight: Weight| {
            weight.add(more);
            weight
        };
        if !with(self.all).exceeds(limit) {
            return false;
        }
        let Some(own) = self.sites.get(site) else { return limit.messages == 0 };
        let sites = self.sites.len();
        let (messages, bytes) = (fair_share(limit.messages, sites), fair_share(limit.bytes, sites));
        with(*own).exceeds(MaxWaiting { messages, bytes })
    }

    /// As another one, without memory of its own where that can be.
    pub(super) fn copy(&mut self, other: &Self) {
        self.all = other.all;
        self.sites.clear();
        self.sites.extend(other.sites.iter().map(|(site, weight)| (site.clone(), *weight)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Site;

    const ONE: Weight = Weight { messages: 1, bytes: 10 };

    fn refused(loads: &Loads, limit: MaxWaiting) -> [bool; 3] {
        ["loud", "quiet", "new"].map(|name| loads.refuses(&Site::sample(name).name, ONE, limit))
    }

    fn fill(loads: &mut Loads, name: &str, count: usize) {
        (0..count).for_each(|_| loads.add(&Site::sample(name).name, ONE));
    }

    #[test]
    fn who_fills_the_bound_is_refused_and_nobody_else() {
        for limit in [MaxWaiting { messages: 8, bytes: 1 << 20 }, MaxWaiting { messages: 100, bytes: 80 }] {
            let mut loads = Loads::default();
            fill(&mut loads, "loud", 7);
            assert_eq!(refused(&loads, limit), [false; 3]);
            fill(&mut loads, "loud", 1);
            assert_eq!(refused(&loads, limit), [true, false, false]);
            fill(&mut loads, "quiet", 3);
            assert_eq!(refused(&loads, limit), [true, false, false]);
            fill(&mut loads, "quiet", 1);
            assert_eq!(refused(&loads, limit), [true, true, false], "each has half of it");
            (0..8).for_each(|_| loads.less(&Site::sample("loud").name, ONE));
            assert_eq!(refused(&loads, limit), [false; 3]);
        }
    }

    #[test]
    fn a_message_that_is_too_large_goes_alone_and_none_goes_where_nothing_may_wait() {
        let (limit, site) = (MaxWaiting { messages: 8, bytes: 5 }, Site::sample("loud").name);
        let mut loads = Loads::default();
        assert!(!loads.refuses(&site, ONE, limit));
        loads.add(&site, ONE);
        assert!(loads.refuses(&site, ONE, limit));
        assert!(Loads::default().refuses(&site, ONE, MaxWaiting { messages: 0, bytes: 5 }));
    }
}
