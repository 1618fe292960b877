//! Workloads with figures of their own.

use super::speed::{bottlenecks, count, counts, delivered, median, pair};
use crate::figures::{Spread, ratio, short, spread, whole};
use crate::markdown::Table;
use crate::raw::{Record, Workload};

/// Memory and heartbeats of connections that do nothing.
pub(super) fn idle(record: &Record, workload: &Workload) -> Table {
    let mut table = Table::new([
        "",
        "KiB per connection",
        "ratio to Node",
        "slope, KiB",
        "projected 100,000, MiB",
        "CPU s a minute",
        "ratio to Node",
        "CPU us per connect",
    ]);
    for peer in super::measured_in(record, workload) {
        let at = |field: &str| spread(record, &workload.name, peer, field);
        let to_node =
            |field: &str| ratio(record, &workload.name, peer, "node", field).map(short).unwrap_or_default();
        table.row([
            record.title(peer).into(),
            median(at("kib_per_connection")),
            to_node("kib_per_connection"),
            median(at("slope_kib")),
            median(at("projected_100k_mib")),
            median(at("idle_cpu_s_per_min")),
            to_node("idle_cpu_s_per_min"),
            median(at("connect_us_cpu")),
        ]);
    }
    table
}

/// Everybody comes back at once.
pub(super) fn storm(record: &Record, workload: &Workload) -> Table {
    let mut table = Table::new([
        "",
        "all had everything after, s",
        "clients that had",
        "failed connects",
        "connect p50 / p99 ms",
        "ready p50 / p99 ms",
        "CPU us per connect",
        "messages delivered",
        "limited by",
    ]);
    for peer in super::measured_in(record, workload) {
        let at = |field: &str| spread(record, &workload.name, peer, field);
        table.row([
            record.title(peer).into(),
            median(at("storm_seconds")),
            at("through").map(|s| whole(s.low)).unwrap_or_default(),
            count(at("failures")),
            pair(at("connect_p50_ms"), at("connect_p99_ms")),
            pair(at("ready_p50_ms"), at("ready_p99_ms")),
            median(at("connect_us_cpu")),
            delivered(record, workload, peer),
            bottlenecks(record, workload, peer),
        ]);
    }
    table
}

/// One client does not read.
pub(super) fn slow_reader(record: &Record, workload: &Workload) -> Table {
    let mut table = Table::new([
        "",
        "all read: delivery p50 / p99 ms",
        "one does not: delivery p50 / p99 ms",
        "slow ones closed",
        "after, s",
        "memory at its peak, besides, MiB",
        "delivered to the fast ones",
    ]);
    for peer in super::measured_in(record, workload) {
        let at = |field: &str| spread(record, &workload.name, peer, field);
        let grown = record
            .of(&workload.name, peer)
            .filter_map(|m| Some((m.number("rss_peak_kib")? - m.number("rss_before_kib")?) / 1024.0));
        table.row([
            record.title(peer).into(),
            pair(at("reading_delivery_p50_ms"), at("reading_delivery_p99_ms")),
            pair(at("delivery_p50_ms"), at("delivery_p99_ms")),
            count(at("slow_closed")),
            at("slow_closed_after_s").map_or("never".into(), |s| short(s.median)),
            median(Spread::of(grown)),
            delivered(record, workload, peer),
        ]);
    }
    table
}

/// What a noisy site does to a quiet one.
pub(super) fn noisy(record: &Record, workload: &Workload) -> Table {
    let mut table = Table::new([
        "",
        "quiet alone: delivery p50 / p99 ms",
        "beside the noise",
        "p99 beside / alone",
        "quiet alone: POST p50 / p99 ms",
        "beside the noise",
        "p99 beside / alone",
        "503 to the quiet / the noisy",
        "noisy deliveries/s",
        "limited by",
    ]);
    for peer in super::measured_in(record, workload) {
        let at = |field: &str| spread(record, &workload.name, peer, field);
        table.row([
            record.title(peer).into(),
            pair(at("alone_delivery_p50_ms"), at("alone_delivery_p99_ms")),
            pair(at("beside_delivery_p50_ms"), at("beside_delivery_p99_ms")),
            median(at("delivery_p99_ratio")),
            pair(at("alone_send_p50_ms"), at("alone_send_p99_ms")),
            pair(at("beside_send_p50_ms"), at("beside_send_p99_ms")),
            median(at("send_p99_ratio")),
            counts(at("quiet_busy"), at("noisy_busy")),
            median(at("noisy_deliveries_per_s")),
            bottlenecks(record, workload, peer),
        ]);
    }
    table
}
