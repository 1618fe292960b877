//! When, on what, and with whom.

use std::fmt::Write as _;

use crate::markdown::Table;
use crate::raw::Record;

/// The run and its machine.
pub(super) fn run(record: &Record) -> String {
    let machine = |key: &str| record.machine.get(key).map_or("unknown", String::as_str);
    let run = |key: &str| record.run.get(key).map_or("unknown", String::as_str);
    let mut text = String::new();
    let _ =
        writeln!(text, "* **When:** {}, {} run, at commit {}", machine("date"), run("mode"), run("commit"));
    let _ = writeln!(
        text,
        "* **Machine:** {}, {} cores, {} of memory; {}, {}. Load before: {}. {} descriptors for each process. A write of \
         4 KiB that waits for the disk takes {}",
        machine("cpu"),
        machine("cores"),
        machine("memory"),
        machine("kernel"),
        machine("system"),
        machine("load"),
        machine("descriptors"),
        machine("fsync"),
    );
    let _ = writeln!(
        text,
        "* **Rounds:** up to {}, {} s of measuring each; {} of {} measurements succeeded. Figures are medians, with the \
         range in brackets. Server and load generator share the machine: compare within a table, not with other machines\n",
        run("rounds"),
        run("seconds"),
        record.measured.len(),
        record.planned,
    );
    text
}

/// Who took part, and what each promises.
pub(super) fn peers(record: &Record) -> String {
    let mut text = String::from(
        "## Who took part, and what each keeps\n\nPostroom's acknowledged messages are durable before the sender has its \
         answer. Peers that keep messages at all keep them in memory here, which is less work.\n\n",
    );
    let mut table = Table::new(["", "version", "settings", "plain site", "acknowledged site"]).of_text();
    for peer in &record.peers {
        let columns = [&peer.title, &peer.version, &peer.settings, &peer.plain, &peer.acked];
        table.row(columns.map(Clone::clone));
    }
    text.push_str(&table.written());
    if !record.missing.is_empty() {
        let mut table = Table::new(["not there", "why"]).of_text();
        for peer in &record.missing {
            table.row([peer.title.clone(), peer.reason.clone()]);
        }
        text.push_str(&table.written());
    }
    text
}
