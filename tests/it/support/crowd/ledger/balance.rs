//! The ledger as far as it can be compared with what the gateway has counted.

use std::ops::RangeInclusive;
use std::time::Instant;

use super::{Fate, Ledger, Name};

/// What the gateway must have counted, in entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// Accepted: the receipts added up, and what perhaps was.
    pub accepted: RangeInclusive<usize>,
    /// Acked: where an ack cannot have come too late, and everywhere.
    pub acked: RangeInclusive<usize>,
    /// Accepted and never acked: as many at least must have expired, been replaced by a `_resync`, or been dropped.
    pub lacking: usize,
    /// Devices that do not expire.
    pub devices: usize,
}

impl Ledger {
    /// What must be in the books now that nothing is on its way any more: of all messages, or of those that were handed in
    /// since then.
    pub fn balance(&self, since: Option<Instant>) -> Balance {
        let pages = self.pages();
        let counts =
            |name: &Name| pages.sent.get(name).is_some_and(|sent| since.is_none_or(|at| sent.began > at));
        let (mut surely, mut perhaps) = (0, 0);
        for (name, sent) in pages.sent.iter().filter(|(name, _)| counts(name)) {
            match sent.fate {
                Fate::Accepted(devices) => surely += devices,
                Fate::Refused => {}
                Fate::UnderWay | Fate::Perhaps => {
                    let route = &self.routes[name.0];
                    let possible = pages.devices.iter().filter(|page| page.member.is_in(route));
                    let came = pages.devices.iter().filter(|page| page.copies.contains_key(name)).count();
                    (surely, perhaps) = (surely + came, perhaps + possible.count() - came);
                }
            }
        }
        let sure = pages.devices.iter().filter(|page| !page.may_lack() && !page.was_away);
        let sure_acks: usize = sure.map(|page| page.acked(counts)).sum();
        let all_acks = pages.devices.iter().map(|page| page.acked(counts)).sum();
        let lacking = pages.devices.iter().map(|page| page.lacks(counts)).sum();
        let devices = pages.devices.iter().filter(|page| !page.member.fleeting).count();
        Balance { accepted: surely..=surely + perhaps, acked: sure_acks..=all_acks, lacking, devices }
    }

    /// What came again and why that is right, and how many `_resync` there were, in words.
    pub fn explain(&self) -> String {
        let pages = self.pages();
        format!("came again {:?}, {} times _resync", pages.again, pages.resyncs)
    }
}
