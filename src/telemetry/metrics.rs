//! Every metric: its name, what it tells, and the text that a scrape gets.
//!
//! Names are `postroom_<thing>_<unit>[_total]`. The text is that of [OpenMetrics 1.0], which Prometheus asks for first.
//!
//! [OpenMetrics 1.0]: https://prometheus.io/docs/specs/om/open_metrics_spec/

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// The media type of [`Metrics::text`].
pub const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What a store has done with the entries of its inboxes, and holds. An entry is one message for one device. At every
/// moment `accepted = acked + expired + resynced + dropped + queued`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Books {
    /// Entries that were to go into inboxes, and those found at start.
    pub accepted: u64,
    /// Acknowledged.
    pub acked: u64,
    /// Gone with a device that was away for longer than its ttl.
    pub expired: u64,
    /// Cleared, and replaced by a `_resync`.
    pub resynced: u64,
    /// Dropped by the policy `dropOldest`.
    pub dropped: u64,
    /// Waiting now.
    pub queued: u64,
    /// Acks that came while too many waited, and were forgotten: their entries come again.
    pub acks_forgotten: u64,
    /// Devices known now.
    pub devices: u64,
    /// Of those, devices with a live session.
    pub online: u64,
}

/// Everything that can be scraped.
#[derive(Debug)]
pub struct Metrics(Registry);

impl Default for Metrics {
    fn default() -> Self {
        Self(Registry::with_prefix("postroom"))
    }
}

impl Metrics {
    /// Adds the books of the store, which are read at each scrape.
    pub fn watch_books(&mut self, read: impl Fn() -> Books + Send + Sync + 'static) {
        self.0.register_collector(Box::new(BookKeeper(Box::new(read))));
    }

    /// What a scrape gets.
    ///
    /// # Errors
    /// Never in practice: text that is written into memory.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.0)?;
        Ok(text)
    }
}

struct BookKeeper(Box<dyn Fn() -> Books + Send + Sync>);

impl fmt::Debug for BookKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BookKeeper")
    }
}

impl Collector for BookKeeper {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let books = (self.0)();
        for (name, help, value) in counters(&books) {
            write(&mut encoder, name, help, &ConstCounter::new(value))?;
        }
        for (name, help, value) in gauges(&books) {
            write(&mut encoder, name, help, &ConstGauge::new(value.cast_signed()))?;
        }
        Ok(())
    }
}

fn write(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    metric: &impl EncodeMetric,
) -> fmt::Result {
    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
}

/// `_total` is added where they are written.
fn counters(books: &Books) -> [(&'static str, &'static str, u64); 6] {
    [
        (
            "entries_accepted",
            "Entries (one message for one device) taken, and found at start",
            books.accepted,
        ),
        ("entries_acked", "Entries that their device has acknowledged", books.acked),
        (
            "entries_expired",
            "Entries gone with a device that was away for longer than device_ttl",
            books.expired,
        ),
        ("entries_resynced", "Entries cleared and replaced by a _resync", books.resynced),
        ("entries_dropped", "Entries dropped by the policy dropOldest", books.dropped),
        (
            "acks_forgotten",
            "Acks forgotten because too many waited; their entries come again",
            books.acks_forgotten,
        ),
    ]
}

fn gauges(books: &Books) -> [(&'static str, &'static str, u64); 3] {
    [
        ("entries_queued", "Entries that wait in inboxes", books.queued),
        ("devices", "Devices that are known", books.devices),
        ("devices_online", "Devices with a live session", books.online),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scrape_tells_every_number_under_its_name() {
        let mut metrics = Metrics::default();
        metrics.watch_books(|| Books {
            accepted: 31,
            acked: 16,
            expired: 8,
            resynced: 4,
            dropped: 2,
            queued: 1,
            acks_forgotten: 7,
            devices: 3,
            online: 2,
        });
        let text = metrics.text().unwrap();
        let values: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let expected = "postroom_entries_accepted_total 31\npostroom_entries_acked_total 16\n\
            postroom_entries_expired_total 8\npostroom_entries_resynced_total 4\npostroom_entries_dropped_total 2\n\
            postroom_acks_forgotten_total 7\npostroom_entries_queued 1\npostroom_devices 3\npostroom_devices_online 2";
        assert_eq!(values.join("\n"), expected);
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
