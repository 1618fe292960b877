//! Whom a list of devices in a publication means on this node. Messages for one room carry the same list, so it is
//! worked out once for as long as nobody comes or goes.

use std::sync::Arc;

use ahash::AHashMap;

use super::watch::Watch;
use super::words::{Dno, ShardNo};
use crate::domain::{DeviceNo, SiteName, WorkerId};

/// Lists remembered; beyond, all are forgotten.
const LISTS: usize = 1024;

/// The devices of a list that have sessions here.
#[derive(Debug, Clone)]
pub(super) struct Recipients {
    pub(super) site: SiteName,
    /// Ascending.
    pub(super) devices: Arc<[DeviceNo]>,
    /// The workers that carry their sessions.
    pub(super) workers: Arc<[WorkerId]>,
}

/// Lists that were worked out.
#[derive(Debug, Default)]
pub(super) struct Lists {
    epoch: u64,
    known: AHashMap<Box<[u8]>, Recipients>,
}

impl Lists {
    /// Who is meant by `list`, decimal numbers with commas; `None` when nobody here.
    pub(super) fn resolve(&mut self, shard: ShardNo, list: &[u8], watch: &mut Watch) -> Option<Recipients> {
        if self.epoch != watch.epoch() || self.known.len() > LISTS {
            self.known.clear();
            self.epoch = watch.epoch();
        }
        if let Some(known) = self.known.get(list) {
            return Some(known.clone());
        }
        let (mut site, mut devices, mut workers, mut strangers) = (None, Vec::new(), Vec::new(), false);
        for dno in numbers(list) {
            let Some((of, sessions)) = watch.sessions(dno) else {
                strangers = true;
                continue;
            };
            site.get_or_insert_with(|| of.clone());
            devices.push(shard.device(dno));
            for session in sessions {
                if !workers.contains(&session.worker) {
                    workers.push(session.worker);
                }
            }
        }
        let recipients = Recipients { site: site?, devices: devices.into(), workers: workers.into() };
        // A stranger has to be noted with each publication that names it.
        if !strangers {
            self.known.insert(list.into(), recipients.clone());
        }
        Some(recipients)
    }
}

/// The numbers of a list. What is no number is passed over.
fn numbers(list: &[u8]) -> impl Iterator<Item = Dno> {
    let numbers = list.split(|byte| *byte == b',');
    numbers.filter_map(|number| std::str::from_utf8(number).ok()?.parse().ok().map(Dno))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SessionRef;

    fn session(worker: u16) -> SessionRef {
        SessionRef { worker: WorkerId(worker), slot: 0, serial: 0 }
    }

    #[test]
    fn a_list_is_shared_until_somebody_comes_or_goes() {
        let (mut lists, mut watch, site) = (Lists::default(), Watch::default(), SiteName::new("s").unwrap());
        for (worker, dno) in [(0, 4), (1, 9), (1, 11)] {
            let generation = watch.next_generation();
            watch.admitted(session(worker), &site, (Dno(dno), generation), 0);
        }
        let resolve = |lists: &mut Lists, watch: &mut Watch, list: &str| {
            lists.resolve(ShardNo(2), list.as_bytes(), watch)
        };
        let first = resolve(&mut lists, &mut watch, "4,9,11").unwrap();
        assert_eq!(*first.devices, [4, 9, 11].map(|dno| ShardNo(2).device(Dno(dno))));
        assert_eq!(*first.workers, [WorkerId(0), WorkerId(1)]);
        let again = resolve(&mut lists, &mut watch, "4,9,11").unwrap();
        assert!(Arc::ptr_eq(&first.devices, &again.devices));
        watch.left(session(0), Dno(4));
        let less = resolve(&mut lists, &mut watch, "4,9,11").unwrap();
        assert_eq!((less.devices.len(), &*less.workers), (2, &[WorkerId(1)][..]));
        assert!(resolve(&mut lists, &mut watch, "4,77").is_none());
    }

    #[test]
    fn strangers_are_noted_each_time() {
        let (mut lists, mut watch, site) = (Lists::default(), Watch::default(), SiteName::new("s").unwrap());
        let generation = watch.next_generation();
        watch.admitted(session(0), &site, (Dno(1), generation), 0);
        for number in 1..=3 {
            watch.heard(number);
            lists.resolve(ShardNo(0), b"1,2", &mut watch);
        }
        // The answer of 2's connect was given behind publication 2, so only 3 was missed.
        let generation = watch.next_generation();
        assert!(watch.admitted(session(1), &site, (Dno(2), generation), 2));
    }
}
