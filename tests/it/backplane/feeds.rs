//! Subscriptions at one server.

use std::time::{Duration, Instant};

use postroom::backplane::News;

use super::plane::{Plane, next, payload};
use crate::support::redis::{Proxy, RedisServer, until};

#[test]
fn what_is_published_arrives_at_all_who_subscribed() {
    let server = RedisServer::start();
    let plane = Plane::to(&server.url());
    let (one, two, other) = (plane.listen("c"), plane.listen("c"), plane.listen("d"));
    for news in [&one, &two, &other] {
        assert_eq!(next(news), News::Ready);
    }
    server.cli(&["PUBLISH", "c", "hello"]);
    server.cli(&["PUBLISH", "d", "there"]);
    assert_eq!(
        (next(&one), next(&two), next(&other)),
        (payload("hello"), payload("hello"), payload("there"))
    );
    let late = plane.listen("c");
    assert_eq!(next(&late), News::Ready);

    drop((one, two));
    server.cli(&["PUBLISH", "c", "again"]);
    assert_eq!(next(&late), payload("again"));
    drop(late);
    until("nobody subscribes to it", 5, || server.cli(&["PUBSUB", "NUMSUB", "c"]).ends_with('0'));
    let again = plane.listen("c");
    assert_eq!(next(&again), News::Ready);
    server.cli(&["PUBLISH", "c", "new"]);
    assert_eq!(next(&again), payload("new"));
}

#[test]
fn one_that_is_dropped_and_taken_again_at_once_is_in_force() {
    let server = RedisServer::start();
    let plane = Plane::to(&server.url());
    let news = plane.ask(|lines| async move {
        let channel = || lines.subscribe(postroom::backplane::Slot::of(b"c"), b"c".to_vec());
        let mut subscription = channel();
        let mut news = Vec::new();
        for _ in 0..3 {
            news.push(subscription.next().await);
            drop(subscription);
            subscription = channel();
        }
        news
    });
    assert_eq!(news, [News::Ready, News::Ready, News::Ready]);
}

#[test]
fn after_a_restart_and_a_cut_they_are_in_force_again() {
    let mut server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let plane = Plane::to(&server.url_at(proxy.port()));
    let log = plane.log();
    let news = plane.listen("c");
    assert_eq!(next(&news), News::Ready);

    server.kill9();
    server.restart();
    let up = Instant::now();
    assert_eq!(next(&news), News::Ready);
    assert!(up.elapsed() < Duration::from_secs(2), "{:?}", up.elapsed());
    server.cli(&["PUBLISH", "c", "after the restart"]);
    assert_eq!(next(&news), payload("after the restart"));

    proxy.cut();
    let cut = Instant::now();
    assert_eq!(next(&news), News::Ready);
    assert!(cut.elapsed() < Duration::from_millis(500), "{:?}", cut.elapsed());
    server.cli(&["PUBLISH", "c", "after the cut"]);
    assert_eq!(next(&news), payload("after the cut"));
    assert_eq!(log.count("lost the subscriptions"), 2, "{}", log.text());
    assert_eq!(log.count("the subscriptions at Redis are back"), 2, "{}", log.text());
}

#[test]
fn a_stall_is_noticed() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let plane = Plane::to(&server.url_at(proxy.port()));
    let log = plane.log();
    let news = plane.listen("c");
    assert_eq!(next(&news), News::Ready);
    proxy.stall();
    until("it is noticed", 5, || log.count("lost the subscriptions") == 1);
    proxy.resume();
    assert_eq!(next(&news), News::Ready);
    server.cli(&["PUBLISH", "c", "hello"]);
    assert_eq!(next(&news), payload("hello"));
}

#[test]
fn before_the_server_is_there_they_wait() {
    let mut server = RedisServer::start();
    let plane = Plane::to(&server.url());
    server.kill9();
    let news = plane.listen("c");
    assert!(plane.once(&["PING"]).is_err());
    server.restart();
    assert_eq!(next(&news), News::Ready);
}
