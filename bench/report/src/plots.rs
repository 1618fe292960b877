//! Which pictures there are.

use crate::figures::{short, spread};
use crate::plot::{Bar, Chart, Panel};
use crate::raw::Record;

const PLAIN: [&str; 5] =
    ["fan-out-paced", "fan-out-serial", "fan-out-many-paced", "fan-out-many-serial", "burst"];
const ACKED: [&str; 6] = ["acked-paced", "acked-full", "unicast-1", "unicast-16", "unicast-64", "bursts"];
const LATENCY: [&str; 5] = ["fan-out-paced", "fan-out-many-paced", "acked-paced", "bursts", "half-load"];

/// Those for which anything was measured, by name.
pub(crate) fn all(record: &Record) -> Vec<(&'static str, Chart)> {
    let cpu = "CPU seconds of the server for a million deliveries; less is better. Lines are the range of the rounds.";
    let charts = [
        ("cpu-plain", chart(record, "Plain fan-out", cpu, &PLAIN, "cpu_per_million")),
        (
            "cpu-acked",
            chart(
                record,
                "Acknowledged messages (Postroom: durable; others: in memory)",
                cpu,
                &ACKED,
                "cpu_per_million",
            ),
        ),
        (
            "memory",
            chart(
                record,
                "Memory",
                "Resident KiB for an idle connection; less is better.",
                &["idle"],
                "kib_per_connection",
            ),
        ),
        (
            "latency",
            chart(
                record,
                "Latency at a fixed rate",
                "Milliseconds from the POST to the client, 99th percentile; less is better.",
                &LATENCY,
                "delivery_p99_ms",
            ),
        ),
    ];
    charts.into_iter().filter(|(_, chart)| !chart.panels.is_empty()).collect()
}

fn chart(record: &Record, title: &str, note: &str, workloads: &[&str], field: &str) -> Chart {
    let panels = workloads
        .iter()
        .map(|workload| panel(record, workload, field))
        .filter(|panel| !panel.bars.is_empty());
    Chart { title: title.into(), note: note.into(), panels: panels.collect() }
}

fn panel(record: &Record, workload: &str, field: &str) -> Panel {
    let bars = record.peers.iter().filter_map(|peer| {
        let figure = spread(record, workload, &peer.name, field)?;
        let redis = spread(record, workload, &peer.name, "redis_cpu_per_million");
        let remark = match redis.filter(|redis| field == "cpu_per_million" && redis.median > 0.0) {
            Some(redis) => format!(" + {} Redis", short(redis.median)),
            None => String::new(),
        };
        Some(Bar {
            label: peer.title.clone(),
            spread: figure,
            ours: peer.name.starts_with("postroom"),
            remark,
        })
    });
    Panel { title: record.work(workload).into(), bars: bars.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_measured_is_drawn() {
        let names: Vec<&str> = all(&crate::sample::record()).iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["cpu-plain", "memory", "latency"]);
    }
}
