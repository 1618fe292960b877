//! Redirects: followed, but not for ever, and not with the token into foreign hands.

use super::*;
use crate::support::site_server::{Reply, Seen};

fn rooms() -> Reply {
    Reply::json(200, "[\"user_1\"]")
}

#[tokio::test]
async fn a_redirect_within_the_origin_keeps_the_token() {
    for status in [301, 302, 303, 307, 308] {
        let server = SiteServer::start(move |seen: &Seen, _| match seen.path.as_str() {
            "/here/b?c" => rooms(),
            _ => Reply::redirect(status, "/here/b?c"),
        })
        .await;
        ask(&webservice(), &Arc::new(site(&server)), "t").await.unwrap();
        let last = server.seen().pop().unwrap();
        assert_eq!((last.method.as_str(), last.path.as_str()), ("GET", "/here/b?c"));
        assert_eq!(last.header("authorization").as_deref(), Some("Bearer t"));
    }
}

#[tokio::test]
async fn the_token_is_dropped_for_a_foreign_origin_and_stays_dropped() {
    let foreign = SiteServer::start(|seen: &Seen, _| match seen.path.as_str() {
        "/one" => Reply::redirect(302, "/two"),
        _ => rooms(),
    })
    .await;
    let target = foreign.url("/one");
    let server = SiteServer::start(move |_, _| Reply::redirect(302, &target)).await;
    ask(&webservice(), &Arc::new(site(&server)), "t").await.unwrap();
    let seen = foreign.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|seen| seen.header("authorization").is_none()), "{seen:?}");
}

#[tokio::test]
async fn a_loop_ends_after_five_redirects() {
    let server = SiteServer::start(|_, _| Reply::redirect(302, "/auth")).await;
    let refusal = ask(&webservice(), &Arc::new(site(&server)), "t").await.unwrap_err();
    assert_eq!(refusal.text, "Service unavailable: the site's auth server redirects to nowhere");
    assert!(refusal.transient);
    assert_eq!(server.seen().len(), 6);
}

#[tokio::test]
async fn five_redirects_are_followed() {
    let server = SiteServer::start(|_, before| match before {
        0..5 => Reply::redirect(302, "/auth"),
        _ => rooms(),
    })
    .await;
    ask(&webservice(), &Arc::new(site(&server)), "t").await.unwrap();
}

#[tokio::test]
async fn a_redirect_to_something_else_than_http_is_not_followed() {
    for location in ["data:application/json,[]", "file:///etc/passwd", "http://", "ftp://127.0.0.1/"] {
        let server = SiteServer::start(move |_, _| Reply::redirect(302, location)).await;
        let refusal = ask(&webservice(), &Arc::new(site(&server)), "t").await.unwrap_err();
        assert!(
            refusal.transient && refusal.text.ends_with("redirects to nowhere"),
            "{location}: {refusal:?}"
        );
    }
}
