//! Workloads whose figures are CPU per delivery, rates and latencies.

use std::collections::BTreeMap;

use crate::figures::{Spread, ratio, short, spread, whole};
use crate::markdown::Table;
use crate::raw::{Record, Workload};

/// Fan-out, unicast, bursts.
pub(super) fn speed(record: &Record, workload: &Workload) -> Table {
    let mut table = Table::new([
        "",
        "CPU s per million deliveries",
        "ratio to Node",
        "Redis besides",
        "deliveries/s",
        "delivery p50 / p99 ms",
        "POST p50 / p99 ms",
        "delivered",
        "busy / failed",
        "limited by",
    ]);
    for peer in super::measured_in(record, workload) {
        let at = |field: &str| spread(record, &workload.name, peer, field);
        table.row([
            record.title(peer).into(),
            at("cpu_per_million").map(|s| s.written()).unwrap_or_default(),
            ratio(record, &workload.name, peer, "node", "cpu_per_million").map(short).unwrap_or_default(),
            at("redis_cpu_per_million")
                .filter(|s| s.median > 0.0)
                .map(|s| short(s.median))
                .unwrap_or_default(),
            median(at("deliveries_per_s")),
            pair(at("delivery_p50_ms"), at("delivery_p99_ms")),
            pair(at("send_p50_ms"), at("send_p99_ms")),
            delivered(record, workload, peer),
            counts(at("busy"), at("failed")),
            bottlenecks(record, workload, peer),
        ]);
    }
    table
}

/// Half load: the rate that was found, and the latencies at half of it.
pub(super) fn half_load(record: &Record, workload: &Workload) -> Table {
    let mut table = Table::new([
        "",
        "full speed, deliveries/s",
        "full speed: delivery p50 / p99 ms",
        "half: deliveries/s",
        "half: delivery p50 / p99 ms",
        "half: POST p50 / p99 ms",
        "half: CPU s per million",
        "delivered",
        "limited by, at half",
    ]);
    for peer in super::measured_in(record, workload) {
        let at = |field: &str| spread(record, &workload.name, peer, field);
        table.row([
            record.title(peer).into(),
            median(at("full_deliveries_per_s")),
            pair(at("full_delivery_p50_ms"), at("full_delivery_p99_ms")),
            median(at("deliveries_per_s")),
            pair(at("delivery_p50_ms"), at("delivery_p99_ms")),
            pair(at("send_p50_ms"), at("send_p99_ms")),
            median(at("cpu_per_million")),
            delivered(record, workload, peer),
            bottlenecks(record, workload, peer),
        ]);
    }
    table
}

pub(super) fn median(spread: Option<Spread>) -> String {
    spread.map(|s| short(s.median)).unwrap_or_default()
}

/// Two medians with a stroke between them.
pub(super) fn pair(one: Option<Spread>, other: Option<Spread>) -> String {
    match (one, other) {
        (None, None) => String::new(),
        (one, other) => [one, other].map(|s| s.map_or("-".into(), |s| short(s.median))).join(" / "),
    }
}

/// Two counts of the worst rounds.
pub(super) fn counts(one: Option<Spread>, other: Option<Spread>) -> String {
    [one, other].map(count).join(" / ")
}

/// A count of the worst round.
pub(super) fn count(spread: Option<Spread>) -> String {
    spread.map_or("-".into(), |s| whole(s.high))
}

/// The worst round's share of what should have arrived.
pub(super) fn delivered(record: &Record, workload: &Workload, peer: &str) -> String {
    let shares = record.of(&workload.name, peer).filter_map(|m| {
        let expected = m.number("expected").filter(|expected| *expected > 0.0)?;
        Some(m.number("delivered")? / expected * 100.0)
    });
    // Too much is as wrong as too little.
    let worst = shares.max_by(|a, b| (a - 100.0).abs().total_cmp(&(b - 100.0).abs()));
    match worst {
        None => String::new(),
        Some(100.0) => "100 %".into(),
        Some(share) => format!("**{share:.2} %**"),
    }
}

/// Who was at the end of its strength, and in how many rounds.
pub(super) fn bottlenecks(record: &Record, workload: &Workload, peer: &str) -> String {
    let rounds = record.of(&workload.name, peer).count();
    let mut counts = BTreeMap::new();
    for who in record.of(&workload.name, peer).filter_map(|m| m.text("bottleneck")) {
        *counts.entry(who).or_insert(0) += 1;
    }
    let said: Vec<String> =
        counts.into_iter().map(|(who, count)| format!("{who} ({count} of {rounds})")).collect();
    said.join(", ")
}
