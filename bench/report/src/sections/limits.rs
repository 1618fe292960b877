//! What to keep in mind of these figures, and what went wrong.

use std::collections::BTreeMap;

use crate::markdown::Table;
use crate::raw::Record;

/// Where somebody else than the server was the limit, and what failed.
pub(super) fn limits(record: &Record) -> String {
    let mut text = String::from("## What limited the figures\n\n");
    text.push_str(&strength(record));
    if !record.broken.is_empty() {
        let mut table = Table::new(["failed", "", "round", "why"]).of_text();
        for broken in &record.broken {
            table.row([
                record.work(&broken.workload).into(),
                record.title(&broken.peer).into(),
                broken.round.to_string(),
                broken.reason.clone(),
            ]);
        }
        text.push_str(&table.written());
    }
    text
}

fn strength(record: &Record) -> String {
    let mut counts = BTreeMap::from([("generator", 0), ("machine", 0), ("server", 0), ("nobody", 0)]);
    for measured in &record.measured {
        *counts.entry(measured.text("bottleneck").unwrap_or("nobody")).or_insert(0) += 1;
    }
    let said: Vec<String> = counts.iter().map(|(who, count)| format!("{who} {count}")).collect();
    format!(
        "Who was at the end of its strength, in how many measurements: {}. Where it was the generator or the machine, \
         rates and latencies are theirs, not the server's; CPU per delivery still holds. The rule is in \
         [load/README.md](load/README.md).\n\n",
        said.join(", ")
    )
}
