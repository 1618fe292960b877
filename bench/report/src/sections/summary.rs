//! Postroom and Node beside the aims.

use crate::aims::{AIMS, NOISE};
use crate::figures::{ratio, short, spread};
use crate::markdown::Table;
use crate::raw::Record;

/// The table of the aims; those of workloads that were not measured are left out.
pub(super) fn aims(record: &Record) -> String {
    let mut table =
        Table::new(["work", "of", "Postroom", "Node", "ratio to Node", "aim", "aim as ratio", "reached?"]);
    for aim in &AIMS {
        let Some(ours) = spread(record, aim.workload, "postroom", aim.field) else { continue };
        let node = spread(record, aim.workload, "node", aim.field);
        let to_node = ratio(record, aim.workload, "postroom", "node", aim.field);
        table.row([
            record.work(aim.workload).into(),
            aim.unit.into(),
            short(ours.median),
            node.map(|node| short(node.median)).unwrap_or_default(),
            to_node.map(short).unwrap_or_default(),
            short(aim.most),
            short(aim.most_to_node),
            aim.verdict(ours.median, to_node).into(),
        ]);
    }
    if let Some(moved) = spread(record, "noisy", "postroom", "delivery_p99_ratio") {
        table.row([
            record.work("noisy").into(),
            "p99 of delivery, beside / alone".into(),
            short(moved.median),
            spread(record, "noisy", "node", "delivery_p99_ratio")
                .map(|node| short(node.median))
                .unwrap_or_default(),
            String::new(),
            short(NOISE),
            String::new(),
            if moved.median <= NOISE { "reached" } else { "not reached" }.into(),
        ]);
    }
    if table.is_empty() {
        return String::new();
    }
    format!(
        "## Postroom, Node, and what the design aims at\n\nCPU seconds of the server for a million deliveries are \
         microseconds for one. A ratio is the median of those of the rounds; below 1 Postroom is cheaper. An aim is \
         reached by the figure or by the ratio. Postroom's acknowledged messages are durable, Node's are in memory.\n\n{}",
        table.written()
    )
}
