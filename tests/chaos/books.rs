//! What the gateways have counted: `GET /metrics` of each node.

use std::time::Duration;

use crate::support::crowd::ledger::Balance;
use crate::support::http::try_ask;

/// The counters of the inboxes, of all sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Books {
    pub accepted: u64,
    pub acked: u64,
    pub expired: u64,
    pub resynced: u64,
    pub dropped: u64,
    pub queued: u64,
    pub devices: u64,
    pub online: u64,
}

impl Books {
    /// Those of the node whose metrics are at this port; `None` where it does not answer.
    pub async fn read(port: u16) -> Option<Self> {
        let asked = try_ask(port, "GET", "/metrics", &[], b"");
        let answer = tokio::time::timeout(Duration::from_secs(2), asked).await.ok()??;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let text = answer.text();
        let sum = |name: &str| {
            let of_name =
                |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']));
            let value = |line: &str| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
            let values: Vec<f64> = text.lines().filter(of_name).map(value).collect();
            assert!(!values.is_empty(), "no {name} in\n{text}");
            values.into_iter().sum::<f64>() as u64
        };
        Some(Self {
            accepted: sum("postroom_entries_accepted_total"),
            acked: sum("postroom_entries_acked_total"),
            expired: sum("postroom_entries_expired_total"),
            resynced: sum("postroom_entries_resynced_total"),
            dropped: sum("postroom_entries_dropped_total"),
            queued: sum("postroom_entries_queued"),
            devices: sum("postroom_devices"),
            online: sum("postroom_devices_online"),
        })
    }

    /// Ended in another way than by an ack.
    fn lost(&self) -> u64 {
        self.expired + self.resynced + self.dropped
    }

    /// What is wrong with them by themselves.
    pub fn imbalance(&self) -> Option<String> {
        let ended = self.acked + self.lost() + self.queued;
        (self.accepted != ended).then(|| format!("accepted {} is not {ended}", self.accepted))
    }

    /// What does not fit, when nothing waits any more and as many devices remain, all of them there.
    pub fn unrest(&self, devices: usize) -> Option<String> {
        let equal = |what: &str, value: u64, wanted: usize| {
            (value as usize != wanted).then(|| format!("{what} {value}, not {wanted}"))
        };
        self.imbalance()
            .or_else(|| equal("queued", self.queued, 0))
            .or_else(|| equal("devices", self.devices, devices))
            .or_else(|| equal("online", self.online, devices))
    }

    /// What does not fit the ledger, of what was counted behind `base`. What waited at that time may have been acked since.
    pub fn contradiction(&self, base: &Self, ledger: &Balance) -> Option<String> {
        let range = |what: &str, value: u64, from: usize, to: usize| {
            (!(from..=to).contains(&(value as usize)))
                .then(|| format!("{what} {value}, by the ledger {from} to {to}"))
        };
        let (accepted, acked) = (&ledger.accepted, &ledger.acked);
        let (lacking, lost) = (ledger.lacking as u64, self.lost() - base.lost());
        let unstated =
            || (lacking > lost).then(|| format!("{lacking} were never acked, and the counters state {lost}"));
        range("accepted", self.accepted - base.accepted, *accepted.start(), *accepted.end())
            .or_else(|| {
                let most = acked.end() + base.queued as usize;
                range("acked", self.acked - base.acked, *acked.start(), most)
            })
            .or_else(unstated)
    }
}
