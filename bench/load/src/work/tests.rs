//! Whole runs against a small server that can be told to misbehave.

mod fake;

use clap::Parser as _;
use serde_json::Value;

use crate::local;
use crate::plan::Plan;
use fake::{Fake, Mood};

/// Runs a workload against a server of that mood.
fn run(mood: Mood, words: &str) -> anyhow::Result<Value> {
    let fake = Fake::start(mood);
    let (workload, options) = words.split_once(' ').unwrap();
    let line = format!(
        "postroom-load {workload} --port {} --pid {} --carrier websocket-raw --publish nchan --warm 0 \
         --seconds 0.4 {options}",
        fake.port,
        std::process::id()
    );
    let plan = Plan::parse_from(line.split_whitespace());
    let outcome = local::run(super::run(&plan)).unwrap()?;
    Ok(serde_json::to_value(outcome).unwrap())
}

fn number(line: &Value, field: &str) -> f64 {
    line[field].as_f64().unwrap_or_else(|| panic!("{field} is {}", line[field]))
}

#[test]
fn everything_is_counted_and_timed() {
    let line = run(Mood::default(), "fan-out --clients 3 --rate 50 --threads 2 --label x").unwrap();
    let posts = number(&line, "posts");
    assert!((15.0..=25.0).contains(&posts), "50 per second for 0.4 s, not {posts}");
    assert_eq!((number(&line, "expected"), number(&line, "delivered")), (3.0 * posts, 3.0 * posts));
    assert!(number(&line, "delivery_p50_ms") <= number(&line, "delivery_max_ms"));
    assert!(number(&line, "send_p50_ms") > 0.0 && number(&line, "rss_kib") > 0.0);
    assert_eq!((&line["label"], &line["workload"]), (&"x".into(), &"fan-out".into()));
    assert!(line["generator_busy"].is_number() && line.get("bottleneck").is_some());
}

#[test]
fn what_was_lost_is_seen() {
    let line = run(Mood { loses: 2, ..Mood::default() }, "fan-out --clients 2 --rate 50").unwrap();
    let (expected, delivered) = (number(&line, "expected"), number(&line, "delivered"));
    assert!(delivered < expected && delivered > 0.0, "{delivered} of {expected}");
}

#[test]
fn busy_is_neither_failed_nor_expected() {
    let line = run(Mood { busy: 3, ..Mood::default() }, "fan-out --clients 2 --concurrency 2").unwrap();
    assert!(number(&line, "busy") > 0.0);
    assert_eq!((number(&line, "failed"), number(&line, "expected")), (0.0, 2.0 * number(&line, "posts")));
    assert_eq!(line["delivered"], line["expected"]);
}

#[test]
fn who_is_closed_is_counted() {
    let line = run(Mood { closes: 5, ..Mood::default() }, "fan-out --clients 4 --rate 50").unwrap();
    assert_eq!(line["closed"], 1);
    assert!(number(&line, "delivered") < number(&line, "expected"));
}

#[test]
fn a_run_that_cannot_be_made_says_why() {
    let error = run(Mood { refuses: (1, u64::MAX), ..Mood::default() }, "fan-out --clients 2").unwrap_err();
    assert!(error.to_string().contains("0 of 2 clients were let in"), "{error}");
    let plan = Plan::parse_from("postroom-load idle --port 1 --pid 4000000000".split_whitespace());
    let error = local::run(super::run(&plan)).unwrap().unwrap_err();
    assert!(error.to_string().contains("4000000000"), "{error}");
}

#[test]
fn bursts_leave_together() {
    let line = run(Mood::default(), "bursts --clients 4 --burst 10 --every 0.2 --target all").unwrap();
    assert_eq!((number(&line, "bursts"), number(&line, "posts")), (2.0, 20.0));
    assert_eq!(line["delivered"], line["expected"]);
}

#[test]
fn half_load_is_half_of_the_full_speed() {
    let line = run(Mood::default(), "half-load --clients 4 --concurrency 1 --target all").unwrap();
    // What was due in 0.4 s, however long the server took for it.
    let (due, half) = (number(&line, "posts") / 0.4, number(&line, "full_posts_per_s") / 2.0);
    assert!((due / half - 1.0).abs() < 0.05, "{due} per second are not {half}");
    assert!(line["full_delivery_p99_ms"].is_number());
}

#[test]
fn a_storm_without_queues_ends_when_all_are_back() {
    let line = run(Mood::default(), "storm --clients 20 --queue 0 --within 0.2").unwrap();
    assert_eq!((number(&line, "through"), number(&line, "failures")), (20.0, 0.0));
    assert!(number(&line, "storm_seconds") >= 0.15 && number(&line, "connect_p99_ms") > 0.0);
}

#[test]
fn a_storm_ends_when_everybody_has_had_the_queue() {
    let mood = Mood { keeps: true, ..Mood::default() };
    let line = run(mood, "storm --clients 10 --queue 3 --within 0.1").unwrap();
    assert_eq!(
        (&line["through"], &line["expected"], &line["delivered"]),
        (&10.into(), &30.into(), &30.into())
    );
    assert!(line["ready_p99_ms"].is_number() && line["storm_seconds"].is_number());
}

#[test]
fn a_failed_attempt_is_part_of_the_time_to_come_in() {
    let line =
        run(Mood { refuses: (3, 3), ..Mood::default() }, "storm --clients 2 --queue 0 --within 0").unwrap();
    assert_eq!((&line["through"], &line["failures"]), (&2.into(), &1.into()));
    assert!(number(&line, "connect_max_ms") >= 490.0, "{}", line["connect_max_ms"]);
}

#[test]
fn idle_steps_make_a_line() {
    let line = run(Mood::default(), "idle --steps 5,10,20 --at 10 --settle 0 --hold 0.1").unwrap();
    assert_eq!((number(&line, "clients"), line["steps"].as_array().unwrap().len()), (10.0, 3));
    assert!(line["slope_kib"].is_number() && line["idle_cpu_s_per_min"].is_number());
}

#[test]
fn a_noisy_site_is_told_from_the_quiet_one() {
    let line = run(Mood::default(), "noisy --clients 2 --noisy-clients 3 --target all --rate 50 --slices 1")
        .unwrap();
    // The server knows no sites: each message comes to all five, whoever it was for.
    assert!(number(&line, "noisy_posts_per_s") > 50.0);
    assert!(line["alone_delivery_p99_ms"].is_number() && line["delivery_p99_ratio"].is_number());
    assert!(number(&line, "alone_expected") <= number(&line, "alone_delivered"));
}

#[test]
fn a_slow_reader_is_seen_to_be_closed() {
    let mood = Mood { full: true, ..Mood::default() };
    let words = "slow-reader --clients 2 --rate 50 --stuffing 50 --stuffing-pad 500000 --patience 10";
    let line = run(mood, words).unwrap();
    assert_eq!(line["slow_closed"], 1, "{line}");
    assert!(number(&line, "slow_closed_after_s") < 10.0);
    assert_eq!(line["closed"], 0, "the fast ones stay");
}
