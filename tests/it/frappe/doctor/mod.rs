//! `postroom doctor --frappe`: what it finds, whether it names the mend, and that it gives nothing away.

mod surroundings;
mod ways;

use serde_json::json;

use crate::support::frappe::{Bench, OTHER, SITE};
use crate::support::process::free_port;

const DOCS: &str = include_str!("../../../../docs/frappe/doctor.md");

/// What the doctor says, and that it ends as what it says demands.
async fn doctor_at(bench: &Bench, port: u16, arguments: &[&str]) -> String {
    let (status, said) = bench.doctor_at(port, arguments).await;
    let fails = said.contains("  FAIL  ");
    assert_eq!(status.code(), Some(i32::from(fails)), "{said}");
    assert_eq!(said.lines().last().is_some_and(|line| line.starts_with("nothing fails")), !fails, "{said}");
    said
}

/// The same, before anything listens.
async fn doctor(bench: &Bench, arguments: &[&str]) -> String {
    doctor_at(bench, free_port(), arguments).await
}

/// A line of this mark with this text, and below it a mend with that one.
fn assert_found(said: &str, mark: &str, text: &str, mend: &str) {
    let lines: Vec<&str> = said.lines().collect();
    let found = lines.iter().position(|line| line.trim_start().starts_with(mark) && line.contains(text));
    let at = found.unwrap_or_else(|| panic!("no {mark} with {text:?} in:\n{said}"));
    let mends = lines[at + 1..].iter().take_while(|line| line.starts_with("        mend: "));
    let mends = mends.copied().collect::<Vec<_>>().join("\n");
    assert!(mends.contains(mend), "no mend with {mend:?} below {:?} in:\n{said}", lines[at]);
}

/// A bench with one site `erp`, and the output of its doctor as the documentation prints it.
async fn sample_bench() -> Bench {
    let bench = Bench::new().await;
    bench.drop_site(SITE);
    bench.drop_site(OTHER);
    bench.new_site("erp");
    bench.common("redis_socketio", json!(null))
}

fn as_documented(said: &str, bench: &Bench, port: u16) -> String {
    let version = bench.redis.field("valkey_version").or_else(|| bench.redis.field("redis_version")).unwrap();
    [
        (format!("http://localhost:{port}"), "https://erp.example.com"),
        ("localhost".to_owned(), "erp.example.com"),
        (bench.path("").to_str().unwrap().trim_end_matches('/').to_owned(), "/home/frappe/frappe-bench"),
        (format!("127.0.0.1:{port}"), "127.0.0.1:9000"),
        (format!("127.0.0.1:{}", bench.web.port()), "127.0.0.1:8000"),
        (format!("127.0.0.1:{}", bench.redis.port()), "127.0.0.1:11000"),
        (format!("Valkey {version}"), "Redis 7.2.5"),
        (format!("Redis {version}"), "Redis 7.2.5"),
    ]
    .iter()
    .fold(said.to_owned(), |text, (from, to)| text.replace(from.as_str(), to))
}

/// A fenced block of the documentation, by the mark before it.
fn documented(name: &str) -> &'static str {
    let (_, rest) = DOCS.split_once(&format!("<!-- test: {name} -->\n```\n")).expect(name);
    rest.split_once("\n```").expect("the end of the block").0
}

#[tokio::test]
async fn the_samples_of_the_documentation_are_what_it_says() {
    let bench = sample_bench().await;
    let realtime = bench.start().await;
    let url = format!("http://localhost:{}", realtime.port);
    let said = doctor_at(&bench, realtime.port, &["--url", &url]).await;
    assert_eq!(as_documented(&said, &bench, realtime.port), documented("host"));
    // With the mend that it names, and somebody who is logged in.
    let bench = bench.config("frappe: {siteAliases: [localhost=erp]}");
    let realtime = bench.start().await;
    let url = format!("http://localhost:{}", realtime.port);
    let said = doctor_at(&bench, realtime.port, &["--url", &url, "--sid", "sid=sid-alice"]).await;
    assert_eq!(as_documented(&said, &bench, realtime.port), documented("fine"));
}

#[tokio::test]
async fn before_the_start_everything_is_fine_too_and_each_site_is_looked_at() {
    let bench = Bench::new().await;
    let said = doctor(&bench, &[]).await;
    assert!(said.contains("is free: Postroom can listen there"), "{said}");
    for site in [SITE, OTHER] {
        assert!(said.contains(&format!("\nsite {site}\n")), "{said}");
        assert!(said.contains(&format!("to the namespace /{site}\n")), "{said}");
    }
    assert!(said.contains("apps frappe, erpnext (Frappe 16"), "{said}");
    assert!(said.contains("asked for with has_permission\n"), "{said}");
    let said = doctor(&bench, &["--site", OTHER]).await;
    assert!(!said.contains(&format!("\nsite {SITE}\n")), "{said}");
}

#[tokio::test]
async fn an_unknown_site_is_named_with_those_that_are_there() {
    let bench = Bench::new().await;
    let said = doctor(&bench, &["--site", "nowhere.localhost"]).await;
    let text = "no site `nowhere.localhost` here; there are site1.localhost, site2.localhost";
    assert_found(&said, "FAIL", text, "site_config.json");
    let said = doctor(&bench, &["--url", "http://127.0.0.1:1"]).await;
    assert_found(&said, "FAIL", "`127.0.0.1` is the name of no site here", "--site");
}

#[tokio::test]
async fn settings_that_are_wrong_are_named_with_their_place() {
    let bench = Bench::new().await;
    std::fs::write(bench.path("config.json"), "{\n \"socketio_port\": }").unwrap();
    let said = doctor(&bench, &[]).await;
    assert!(said.contains("  FAIL  ") && said.contains("config.json:2:"), "{said}");
}

#[tokio::test]
async fn a_site_of_a_list_is_looked_at_in_its_own_words() {
    let bench = Bench::new().await;
    let sites = bench.path("listed.yml");
    let (queue, web) = (bench.redis.url(), bench.web.port());
    let text = format!(
        "erp:\n  protocol: frappe\n  redisQueue: {queue}\n  backendUrl: http://127.0.0.1:{web}\n  auth: token\n"
    );
    std::fs::write(&sites, text).unwrap();
    let arguments = ["--sites", sites.to_str().unwrap(), "--site", "erp", "--url", "http://127.0.0.1:1"];
    let said = doctor(&bench, &arguments).await;
    // It takes tokens alone, wherever they come from, unless they say by what name.
    assert_found(
        &said,
        "FAIL",
        "turned away with 'Invalid namespace'",
        "in sites.yml, below erp: `siteAliases",
    );
    assert!(said.contains("it takes tokens alone: give --token"), "{said}");
}

#[tokio::test]
async fn without_the_flag_only_the_settings_are_looked_at() {
    let bench = Bench::new().await;
    let (status, said) = bench.run_to_end(&["doctor"]).await;
    assert!(status.success() && said.contains("`postroom doctor --frappe` also looks"), "{said}");
    assert!(bench.web.calls().is_empty());
    let (status, said) =
        bench.run_to_end(&["doctor", "--frappe", "--url", "https://me:hunter2@erp.example.com"]).await;
    assert!(!status.success() && said.contains("--url") && !said.contains("hunter2"), "{said}");
}
