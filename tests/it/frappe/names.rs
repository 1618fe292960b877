//! Which site is meant, by host, origin, header and alias; and what a lie about it comes to.

use serde_json::json;

use crate::support::frappe::{Bench, OTHER, SITE};
use crate::support::http::ask;

#[tokio::test]
async fn another_namespace_than_that_of_the_site_is_refused_once_and_for_all() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let visit = realtime.visit(SITE).sid("sid-alice");
    for name in ["wrong", OTHER, "Site1.localhost", "site1.localhost/x", "..", "assets"] {
        // That nothing comes behind it is part of being refused here.
        assert_eq!(visit.clone().namespace(name).refused().await, "Invalid namespace", "{name}");
    }
    assert_eq!(bench.web.calls().len(), 0);
    // Whoever does not care about the refusal hears nothing of the other site either.
    let mut alice = visit.clone().namespace(OTHER).knock().await;
    assert_eq!(alice.refused().await, "Invalid namespace");
    let mut other = realtime.user(OTHER, "alice").await;
    assert!(bench.is_in(&mut other, "all").await);
    alice.client.settled().await;
}

#[tokio::test]
async fn a_refusal_says_in_the_log_what_was_expected_and_what_came() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let visit = realtime.visit(SITE).sid("sid-alice");
    visit.clone().header("Origin", "https://evil.example").refused().await;
    let line = realtime.log_line("evil.example").await;
    assert!(line.contains(SITE), "{line}");
    visit.namespace(OTHER).refused().await;
    let line = realtime.log_line(OTHER).await;
    assert!(line.contains(SITE) && line.contains("Invalid namespace"), "{line}");
}

#[tokio::test]
async fn a_namespace_that_no_site_has_stands_in_the_log() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    realtime.visit(SITE).sid("sid-alice").namespace("elsewhere.example").refused().await;
    let line = realtime.log_line("elsewhere.example").await;
    assert!(line.contains(SITE), "{line}");
}

#[tokio::test]
async fn a_page_of_another_host_is_not_let_in() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let visit = realtime.visit(SITE).sid("sid-alice");
    for origin in
        ["http://evil.example", "http://site1.localhost.evil.example", "https://site2.localhost", "null"]
    {
        let text = visit.clone().header("Origin", origin).header("X-Frappe-Site-Name", SITE).refused().await;
        assert_eq!(text, "Invalid origin", "{origin}");
    }
    assert_eq!(bench.web.calls().len(), 0);
    for (host, origin) in [
        (SITE, "https://site1.localhost"),
        (SITE, "http://site1.localhost:8000"),
        ("site1.localhost:9000", "http://site1.localhost:8000"),
        ("site1.localhost:9000", "https://site1.localhost"),
    ] {
        visit.clone().header("Host", host).header("Origin", origin).join().await;
    }
}

/// Pages may not choose `Host` and `Origin`. A header of proxies counts only if pages may not send that either.
#[tokio::test]
async fn a_page_of_another_host_cannot_vouch_for_itself() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let evil = "http://evil.example";
    let visit =
        realtime.visit(SITE).sid("sid-alice").header("Origin", evil).header("X-Frappe-Site-Name", SITE);
    for header in ["x-forwarded-host", "forwarded", "x-original-host"] {
        let lines = [
            format!("Origin: {evil}"),
            format!("Access-Control-Request-Headers: {header},x-frappe-site-name"),
        ];
        let lines = lines.each_ref().map(String::as_str);
        let answer = ask(realtime.port, "OPTIONS", &visit.dial.url("polling"), &lines, b"").await;
        let may_send = answer.header("access-control-allow-headers").is_some_and(|all| all.contains(header));
        let value = if header == "forwarded" { "host=evil.example" } else { "evil.example" };
        let mut client = visit.clone().header(header, value).knock().await.client;
        let is_let_in = client.packet().await.kind == '0';
        assert!(!(may_send && is_let_in), "a page of another host gets in by {header}");
    }
}

#[tokio::test]
async fn a_request_without_an_origin_is_no_less_good() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = realtime.visit(SITE).without("Origin").sid("sid-alice").join().await;
    assert!(bench.is_in(&mut alice, "user:alice@example.com").await);
}

#[tokio::test]
async fn a_request_without_an_origin_is_refused_where_that_was_asked_for() {
    let bench = Bench::new().await.config("frappe:\n  requireOrigin: true");
    let realtime = bench.start().await;
    let visit = realtime.visit(SITE).sid("sid-alice");
    assert_eq!(visit.clone().without("Origin").refused().await, "Invalid origin");
    visit.join().await;
}

#[tokio::test]
async fn by_the_address_of_the_machine_itself_the_default_site_is_meant() {
    let bench = Bench::new().await.common("default_site", json!(SITE));
    let realtime = bench.start().await;
    let visit = realtime.visit(SITE).sid("sid-alice");
    for host in ["127.0.0.1:9000", "127.0.0.1", "localhost:8000", "localhost"] {
        visit.clone().reached_as(host).join().await;
        assert_eq!(visit.clone().reached_as(host).namespace(OTHER).refused().await, "Invalid namespace");
    }
    let names = bench.web.calls().into_iter().map(|call| call.header("x-frappe-site-name"));
    assert_eq!(names.collect::<Vec<_>>(), vec![Some(SITE.to_owned()); 4]);
}

#[tokio::test]
async fn a_page_of_the_visitors_own_machine_is_none_of_the_default_site() {
    let bench = Bench::new().await.common("default_site", json!(SITE));
    let realtime = bench.start().await;
    for origin in ["http://localhost:3000", "http://127.0.0.1:3000"] {
        let visit = realtime.visit(SITE).sid("sid-alice").header("Origin", origin);
        assert_eq!(visit.refused().await, "Invalid namespace", "{origin}");
        assert_eq!(visit.header("X-Frappe-Site-Name", SITE).refused().await, "Invalid origin", "{origin}");
    }
    assert_eq!(bench.web.calls().len(), 0);
}

#[tokio::test]
async fn without_a_default_site_the_address_of_the_machine_means_none() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let visit = realtime.visit(SITE).sid("sid-alice").reached_as("127.0.0.1:9000");
    assert_eq!(visit.refused().await, "Invalid namespace");
}

#[tokio::test]
async fn the_environment_names_the_default_site_too() {
    let bench = Bench::new().await.common("default_site", json!(SITE)).env("FRAPPE_SITE", OTHER);
    let realtime = bench.start().await;
    realtime.visit(OTHER).sid("sid-alice").reached_as("localhost:9000").join().await;
}

#[tokio::test]
async fn the_header_of_the_proxy_names_the_site() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    for name in ["site2.localhost", "https://site2.localhost:8000", "site2.localhost:443"] {
        let visit = realtime.visit(SITE).sid("sid-alice").header("X-Frappe-Site-Name", name);
        assert_eq!(visit.refused().await, "Invalid namespace", "{name}");
        let mut alice = visit.namespace(OTHER).join().await;
        let call = bench.web.calls().pop().unwrap();
        assert_eq!(call.header("x-frappe-site-name").as_deref(), Some(OTHER), "{name}");
        assert!(bench.is_in(&mut alice, "user:alice@example.com").await, "{name}");
    }
}

#[tokio::test]
async fn a_site_may_have_further_names() {
    let bench = Bench::new().await.config("frappe:\n  siteAliases:\n    - erp.example.com=site1.localhost");
    let realtime = bench.start().await;
    let visit = realtime.visit(SITE).sid("sid-alice").reached_as("erp.example.com");
    visit.join().await;
    let call = bench.web.calls().pop().unwrap();
    assert_eq!(call.header("x-frappe-site-name").as_deref(), Some(SITE));
    assert_eq!(visit.namespace(OTHER).refused().await, "Invalid namespace");
}

#[tokio::test]
async fn a_site_that_is_made_while_the_gateway_runs_is_served_and_a_dropped_one_no_longer() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let visit = realtime.visit("new.localhost").sid("sid-alice");
    assert_eq!(visit.refused().await, "Invalid namespace");
    bench.new_site("new.localhost");
    let mut alice = visit.join().await;
    assert!(bench.is_in(&mut alice, "all").await);
    bench.drop_site("new.localhost");
    assert_eq!(visit.refused().await, "Invalid namespace");
}

#[tokio::test]
async fn two_sites_on_one_connection_are_judged_each_by_itself() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = realtime.visit(SITE).sid("sid-alice").open().await;
    alice.client.connect(OTHER, None).await;
    assert_eq!(alice.client.refused(OTHER).await, "Invalid namespace");
    alice.client.connect(SITE, None).await;
    alice.welcomed().await;
    alice.client.connect(OTHER, None).await;
    assert_eq!(alice.client.refused(OTHER).await, "Invalid namespace");
    assert!(bench.is_in(&mut alice, "all").await);
    assert_eq!(bench.web.calls().len(), 1);
}
