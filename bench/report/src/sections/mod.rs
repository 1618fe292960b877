//! The parts of `RESULTS.md`.

mod head;
mod limits;
mod original;
mod special;
mod speed;
mod summary;

use std::fmt::Write as _;

use crate::raw::{Record, Workload};

/// The whole text. `name` is that of the raw file; `plots` are names and files of pictures.
pub(crate) fn whole(record: &Record, name: &str, plots: &[(&str, String)]) -> String {
    let mut text = String::from("# Results of the benchmark\n\n");
    let _ = writeln!(
        text,
        "Made by `bench/run` from [the raw results](results/{name}.jsonl); nothing here is written by hand. What each \
         workload does and how to read this: [README](README.md).\n"
    );
    text.push_str(&head::run(record));
    text.push_str(&summary::aims(record));
    for (_, file) in plots {
        let _ = writeln!(text, "![plot]({file})\n");
    }
    text.push_str(&head::peers(record));
    for workload in &record.workloads {
        text.push_str(&section(record, workload));
    }
    text.push_str(&limits::limits(record));
    text.push_str(&original::service());
    text.trim_end().to_owned() + "\n"
}

fn section(record: &Record, workload: &Workload) -> String {
    let table = match subcommand(record, workload) {
        "idle" => special::idle(record, workload),
        "storm" => special::storm(record, workload),
        "slow-reader" => special::slow_reader(record, workload),
        "noisy" => special::noisy(record, workload),
        "half-load" => speed::half_load(record, workload),
        _ => speed::speed(record, workload),
    };
    let body = if table.is_empty() { "Nothing was measured.\n\n".to_owned() } else { table.written() };
    format!("## {}\n\n{}. `{}`\n\n{body}", workload.title, workload.does, workload.options)
}

/// The generator's name for the work.
fn subcommand<'a>(record: &'a Record, workload: &'a Workload) -> &'a str {
    let first = record.measured.iter().find(|m| m.workload == workload.name);
    first.and_then(|m| m.text("workload")).unwrap_or(&workload.name)
}

/// The peers that were measured in a workload, in the order of the tables.
fn measured_in<'a>(record: &'a Record, workload: &'a Workload) -> impl Iterator<Item = &'a str> {
    record
        .peers
        .iter()
        .map(|p| p.name.as_str())
        .filter(|peer| record.of(&workload.name, peer).next().is_some())
}

#[cfg(test)]
mod tests {
    use crate::sample;

    fn text() -> String {
        super::whole(&sample::record(), "full", &[("cpu", "results/full-cpu.svg".into())])
    }

    #[track_caller]
    fn says(needle: &str) {
        let text = text();
        assert!(text.contains(needle), "{needle:?} is not in:\n{text}");
    }

    #[test]
    fn figures_stand_with_their_ratio_and_aim() {
        says("| Fan-out to 1,000 | CPU s per million | 8.00 | 10.0 | 0.40 | 7.00 | 0.50 | reached (ratio) |");
        says("| Idle connections | KiB per connection | 3.10 | 15.5 | 0.20 | 4.00 | 0.25 | reached |");
        says("| Postroom | 8.00 [4.00 to 9.00] | 0.40 |");
    }

    #[test]
    fn a_noisy_site_that_moves_the_quiet_one_is_no_success() {
        says("| A noisy site | p99 of delivery, beside / alone | 5.00 | - | - | 1.10 | - | not reached |");
    }

    #[test]
    fn what_is_missing_broken_or_not_delivered_is_said() {
        says("| pushpin | pushpin is not installed |");
        says("| Fan-out to 1,000 | socket.io on Bun | 2 | it did not start: no port |");
        says("**99.00 %**");
        says("10 of 12 measurements");
    }

    #[test]
    fn who_was_the_bottleneck_is_said() {
        says("generator (1 of 1)");
        says("machine (1 of 3)");
    }

    #[test]
    fn the_machine_and_the_raw_data_are_named() {
        says("Some CPU");
        says("(results/full.jsonl)");
        says("![plot](results/full-cpu.svg)");
    }
}
