//! Which site is meant, by host, origin, header and alias; and what a lie about it comes to.

use serde_json::json;

use crate::support::frappe::{Bench, OTHER, SITE, USER_INFO, WebServer};

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
    visit.clone().namespace("elsewhere.example").refused().await;
    let line = realtime.log_line("elsewhere.example").await;
    assert!(line.contains(SITE), "{line}");
    visit.header("Origin", "https://evil.example").refused().await;
    let line = realtime.log_line("evil.example").await;
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

/// The web server is where the page came from, as Frappe's own server takes it; a name that needs no lookup.
const BY_ADDRESS: &str = "127.0.0.9";

#[tokio::test]
async fn without_a_configured_web_server_that_of_the_page_is_asked() {
    let page = WebServer::start_at(BY_ADDRESS.parse().unwrap()).await;
    let bench =
        Bench::new().await.common("webserver_host", json!(null)).common("webserver_port", json!(null));
    page.rules(|rules| "first-secret-of-the-bench-012345".clone_into(&mut rules.secret));
    bench.new_site(BY_ADDRESS);
    let realtime = bench.start().await;
    let host = format!("{BY_ADDRESS}:{}", page.port());
    realtime.visit(BY_ADDRESS).reached_as(&host).sid("sid-alice").join().await;
    let calls = page.calls();
    assert_eq!((calls.len(), calls[0].method.as_str()), (1, USER_INFO));
    assert_eq!(calls[0].header("host"), Some(host));
    assert_eq!(bench.web.calls().len(), 0);
}

#[tokio::test]
async fn a_host_that_is_not_of_the_site_is_never_called() {
    let foreign = WebServer::start().await;
    let bench = Bench::new().await.common("webserver_host", json!(null));
    let realtime = bench.start().await;
    let port = foreign.port();
    let visit = realtime.visit(SITE).header("X-Frappe-Site-Name", SITE).sid("sid-alice");
    let visits = [
        visit.clone().reached_as(&format!("127.0.0.1:{port}")),
        visit.clone().reached_as(&format!("localhost:{port}")),
        visit.clone().header("Origin", &format!("http://127.0.0.1:{port}")),
        // What stands before the first colon is the site; where such a URL leads to is something else.
        visit.clone().header("Origin", &format!("http://{SITE}:80@127.0.0.1:{port}")),
    ];
    for visit in visits {
        // Whether it is let in, by what the bench's own web server says, or not: both are fine.
        let mut client = visit.knock().await.client;
        let answer = client.packet().await;
        assert!(matches!(answer.kind, '0' | '4'), "{}", answer.raw);
    }
    assert_eq!(foreign.calls().len(), 0);
    assert!(bench.web.calls().iter().all(|call| call.header("x-frappe-site-name").as_deref() == Some(SITE)));
}
