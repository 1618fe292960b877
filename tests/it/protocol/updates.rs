//! Telling sites who came and went.

use std::time::{SystemTime, UNIX_EPOCH};

use postroom::protocol::UserChange;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::*;
use crate::support::site_server::{Reply, Seen};

fn at(ms: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_795_155_193_000 + ms)
}

/// `room` came (or went) `ms` milliseconds after 06:13:13.
fn change(room: &str, connected: bool, ms: u64) -> UserChange {
    UserChange { user_room: room.into(), connected, at: at(ms), token: Some(Secret::new("t")) }
}

fn body(id: &str, field: &str, ms: u64) -> String {
    format!(r#"{{"id":"{id}","user":{{"{field}":"2026-11-20T06:13:13.{ms:03}Z"}}}}"#)
}

fn bodies(seen: &[Seen]) -> Vec<String> {
    seen.iter().map(|seen| String::from_utf8(seen.body.clone()).unwrap()).collect()
}

async fn flush(webservice: &Webservice) {
    let begun = Instant::now();
    webservice.flush(begun + PATIENCE).await;
    assert!(begun.elapsed() < PATIENCE, "not flushed");
}

fn ok() -> Reply {
    Reply::json(200, "{}")
}

#[tokio::test]
async fn the_request_is_that_of_the_original() {
    let server = SiteServer::start(|_, _| ok()).await;
    let (webservice, site) = (webservice(), Arc::new(site(&server)));
    webservice.user_changed(Arc::clone(&site), change("user_1_admin", true, 497));
    flush(&webservice).await;
    let seen = server.seen().pop().unwrap();
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("PUT", "/users/1"));
    assert_eq!(seen.header("authorization").as_deref(), Some("Bearer t"));
    assert_eq!(seen.header("content-type").as_deref(), Some("application/json"));
    assert_eq!(seen.header("x-meta"), None);
    assert_eq!(seen.body, br#"{"id":"1","user":{"last_connected":"2026-11-20T06:13:13.497Z"}}"#);
    webservice.user_changed(site, UserChange { token: None, ..change("user_a/b", false, 7) });
    flush(&webservice).await;
    let seen = server.seen().pop().unwrap();
    assert_eq!(seen.path, "/users/a%2Fb");
    assert_eq!(seen.header("authorization").as_deref(), Some("Bearer undefined"));
    assert_eq!(seen.body, body("a/b", "last_disconnected", 7).as_bytes());
}

#[tokio::test]
async fn rooms_of_nobody_and_sites_without_the_url_are_not_told() {
    let server = SiteServer::start(|_, _| ok()).await;
    let (webservice, mut silent) = (webservice(), site(&server));
    silent.webservice_mut().unwrap().update_user_url = None;
    webservice.user_changed(silent.into(), change("user_1", true, 1));
    for room in ["staff", "user_", "user_.."] {
        webservice.user_changed(site(&server).into(), change(room, true, 1));
    }
    webservice.user_changed(site(&server).into(), change("user_2", true, 1));
    flush(&webservice).await;
    assert_eq!(bodies(&server.seen()), [body("2", "last_connected", 1)]);
}

#[tokio::test]
async fn changes_of_a_user_go_one_after_the_other_and_only_the_newest_of_a_kind_waits() {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let server = SiteServer::start(move |_, _| ok().behind(&held)).await;
    let (webservice, site) = (webservice(), Arc::new(site(&server)));
    webservice.user_changed(Arc::clone(&site), change("user_1", true, 1));
    server.wait_for(1).await;
    for ms in 2..=9 {
        // Rooms of one user share its line.
        let room = if ms < 5 { "user_1" } else { "user_1_admin" };
        webservice.user_changed(Arc::clone(&site), change(room, ms % 2 == 1, ms));
    }
    // Another user does not wait, and comes before all that user 1 still has to say.
    webservice.user_changed(Arc::clone(&site), change("user_2", true, 1));
    server.wait_for(2).await;
    gate.add_permits(10);
    flush(&webservice).await;
    let expected = [
        body("1", "last_connected", 1),
        body("2", "last_connected", 1),
        body("1", "last_disconnected", 8),
        body("1", "last_connected", 9),
    ];
    assert_eq!(bodies(&server.seen()), expected);
    assert_eq!(server.peak(), 2);
}

#[tokio::test]
async fn a_site_is_told_about_eight_users_at_once_and_other_sites_do_not_wait() {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let server = SiteServer::start(move |_, _| ok().behind(&held)).await;
    let other = SiteServer::start(|_, _| ok()).await;
    let (webservice, here) = (webservice(), Arc::new(site(&server)));
    for user in 0..30 {
        webservice.user_changed(Arc::clone(&here), change(&format!("user_{user}"), true, 1));
    }
    let mut there = site(&other);
    there.name = Site::sample("there").name;
    webservice.user_changed(there.into(), change("user_1", true, 1));
    other.wait_for(1).await;
    server.wait_for(8).await;
    gate.add_permits(30);
    flush(&webservice).await;
    assert_eq!((server.seen().len(), server.peak()), (30, 8));
}

#[tokio::test]
async fn any_2xx_is_a_success() {
    for status in [200, 201, 202, 204] {
        let server = SiteServer::start(move |_, _| Reply::json(status, "")).await;
        let webservice = webservice();
        webservice.user_changed(site(&server).into(), change("user_1", true, 1));
        flush(&webservice).await;
        assert_eq!(server.seen().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_the_order_stays() {
    for failure in [
        Reply::json(500, "no"),
        Reply::json(503, ""),
        Reply::json(429, ""),
        Reply::json(408, ""),
        Reply::Close,
    ] {
        let script = move |_: &Seen, before| if before < 3 { failure.clone() } else { ok() };
        let server = SiteServer::start(script).await;
        let (webservice, site) = (webservice(), Arc::new(site(&server)));
        webservice.user_changed(Arc::clone(&site), change("user_1", true, 1));
        webservice.user_changed(site, change("user_1", false, 2));
        flush(&webservice).await;
        let (came, went) = (body("1", "last_connected", 1), body("1", "last_disconnected", 2));
        assert_eq!(bodies(&server.seen()), [&came, &came, &came, &came, &went].map(String::as_str));
    }
}

#[tokio::test]
async fn tries_are_bounded_and_a_refusal_is_not_tried_again() {
    for (status, requests) in [(500, 5), (400, 1), (401, 1), (404, 1), (302, 1)] {
        let server = SiteServer::start(move |_, _| Reply::json(status, "")).await;
        let webservice = webservice();
        webservice.user_changed(site(&server).into(), change("user_1", true, 1));
        flush(&webservice).await;
        assert_eq!(server.seen().len(), requests, "{status}");
    }
}

#[tokio::test]
async fn no_try_begins_after_the_time_is_up() {
    let server = SiteServer::start(|_, _| Reply::json(500, "")).await;
    let mut options = options();
    options.updates.give_up_after = Duration::ZERO;
    let webservice = Webservice::start(options).unwrap();
    webservice.user_changed(site(&server).into(), change("user_1", true, 1));
    flush(&webservice).await;
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_site_that_never_answers_is_given_up() {
    let server = SiteServer::start(|_, _| Reply::Never).await;
    let mut options = options();
    (options.updates.call_timeout, options.updates.tries) = (Duration::from_millis(50), 2);
    let webservice = Webservice::start(options).unwrap();
    webservice.user_changed(site(&server).into(), change("user_1", true, 1));
    flush(&webservice).await;
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_full_line_drops_what_comes() {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let server = SiteServer::start(move |_, _| ok().behind(&held)).await;
    let mut options = options();
    (options.updates.at_once, options.updates.waiting) = (1, 2);
    let (webservice, site) = (Webservice::start(options).unwrap(), Arc::new(site(&server)));
    webservice.user_changed(Arc::clone(&site), change("user_1", true, 1));
    server.wait_for(1).await;
    for (room, ms) in [("user_2", 2), ("user_3", 3), ("user_4", 4), ("user_2", 5)] {
        webservice.user_changed(Arc::clone(&site), change(room, true, ms));
    }
    gate.add_permits(10);
    flush(&webservice).await;
    let expected = [("1", 1), ("2", 5), ("3", 3)].map(|(id, ms)| body(id, "last_connected", ms));
    assert_eq!(bodies(&server.seen()), expected);
    // Once it has room again, it takes changes again.
    webservice.user_changed(site, change("user_4", true, 6));
    flush(&webservice).await;
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn flush_ends_at_its_deadline() {
    let server = SiteServer::start(|_, _| Reply::Never).await;
    let webservice = webservice();
    flush(&webservice).await;
    webservice.user_changed(site(&server).into(), change("user_1", true, 1));
    let flush = webservice.flush(Instant::now() + Duration::from_millis(50));
    tokio::time::timeout(PATIENCE, flush).await.expect("flush must end at its deadline");
}

#[tokio::test]
async fn a_redirect_keeps_method_and_body_except_303() {
    for (status, method) in [(301, "PUT"), (302, "PUT"), (307, "PUT"), (308, "PUT"), (303, "GET")] {
        let server = SiteServer::start(move |seen: &Seen, _| match seen.path.as_str() {
            "/users/1" => Reply::redirect(status, "/new"),
            _ => ok(),
        })
        .await;
        let webservice = webservice();
        webservice.user_changed(site(&server).into(), change("user_1", true, 1));
        flush(&webservice).await;
        let last = server.seen().pop().unwrap();
        assert_eq!((last.method.as_str(), last.path.as_str()), (method, "/new"), "{status}");
        let kept = method == "PUT";
        assert_eq!((last.header("content-type").is_some(), last.body.is_empty()), (kept, !kept), "{status}");
    }
}
