//! Sites take turns: what waits in one does not stand in front of what waits in the others, and keeps its own order.

use std::collections::VecDeque;

use ahash::AHashMap;

use crate::domain::SiteName;

/// What waits, by site.
#[derive(Debug)]
pub(super) struct Turns<T> {
    sites: AHashMap<SiteName, VecDeque<T>>,
    /// Sites in which something waits.
    order: VecDeque<SiteName>,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { sites: AHashMap::new(), order: VecDeque::new() }
    }
}

impl<T> Turns<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Adds to what waits in a site.
    pub(super) fn push(&mut self, site: SiteName, item: T) {
        let waiting = self.sites.entry(site.clone()).or_default();
        if waiting.is_empty() {
            self.order.push_back(site);
        }
        waiting.push_back(item);
    }

    /// The first that waits in the site whose turn it is.
    pub(super) fn pop(&mut self) -> Option<(SiteName, T)> {
        let site = self.order.pop_front()?;
        let waiting = self.sites.get_mut(&site)?;
        let item = waiting.pop_front()?;
        if waiting.is_empty() {
            self.sites.remove(&site);
        } else {
            self.order.push_back(site.clone());
        }
        Some((site, item))
    }

    /// Everything that waits.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.sites.values().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Site;

    #[test]
    fn sites_take_turns_and_each_keeps_its_order() {
        let mut turns = Turns::default();
        for (name, item) in [("loud", 1), ("loud", 2), ("loud", 3), ("quiet", 10), ("loud", 4), ("quiet", 11)]
        {
            turns.push(Site::sample(name).name, item);
        }
        assert_eq!(turns.iter().count(), 6);
        let order: Vec<u32> = std::iter::from_fn(|| turns.pop()).map(|(_, item)| item).collect();
        assert_eq!(order, [1, 10, 2, 11, 3, 4]);
        assert!(turns.is_empty() && turns.sites.is_empty());
    }
}
