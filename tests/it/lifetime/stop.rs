//! SIGTERM: nobody new, the last words, who went, and the end within `drainTimeout`.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::backend;
use crate::support::client::{Client, Dial};
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::Wire;
use crate::support::polling::Poller;
use crate::support::site_server::{Reply, SiteServer};

/// A site that is told who went and does not answer that; the stop then waits until `drainTimeout`.
async fn deaf() -> (SiteServer, Setup) {
    let site = SiteServer::start(|seen, _| {
        let gone = seen.method == "PUT" && seen.body.windows(12).any(|part| part == b"disconnected");
        if gone { Reply::Never } else { backend::answer(seen) }
    })
    .await;
    let setup = Setup::new().site("demo", &site, &format!("updateUserUrl: {}", site.url("/users/:id")));
    (site, setup)
}

#[tokio::test]
async fn with_clients_of_all_kinds_connected_a_stop_is_quick_and_clean() {
    let site = backend::start().await;
    let mut gateway = Setup::demo(&site).start().await;
    let mut old = Client::v3(&gateway, "demo", "user_1", "old").await;
    let mut new = Client::v4(&gateway, "demo", "user_1", "new").await;
    let mut guest = Client::dial(&gateway, &Dial::v4()).await;
    let poller = Poller::dial(&gateway, &Dial::v4().who("user_1", "poll")).await;
    poller.say("40/demo,").await;
    assert_eq!(poller.packets(2).await.len(), 2);
    let mut poll = poller.start_poll().await;
    let mut idle = Wire::open(gateway.port).await;
    idle.ask("GET", "/livez", &[], b"").await;
    assert_eq!(idle.answer().await.status, 200);
    let began = Instant::now();
    let status = gateway.terminate().await;
    assert!(status.success(), "{status}");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    for client in [&mut old, &mut new, &mut guest] {
        assert_eq!(client.ended().await.map(|(code, _)| code), Some(1001));
    }
    // A poll that was waiting is answered: with the end, or it had not arrived and is cut off.
    let last = String::from_utf8(poll.ended().await).unwrap();
    assert!(last.is_empty() || last.ends_with("\r\n\r\n1") || last.contains(" 400 "), "{last}");
    gateway.log_line("\"stopped\"").await;
}

#[tokio::test]
async fn sigint_stops_as_sigterm_does() {
    let site = backend::start().await;
    let mut gateway = Setup::demo(&site).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    gateway.interrupt();
    assert!(gateway.ended().await.success());
    assert_eq!(client.ended().await.map(|(code, _)| code), Some(1001));
}

#[tokio::test]
async fn a_site_that_does_not_listen_does_not_hold_the_stop_beyond_its_limit() {
    let (site, setup) = deaf().await;
    let mut gateway = setup.config("drainTimeout: 2").start().await;
    let _client = Client::v4(&gateway, "demo", "user_1", "d").await;
    site.wait_for(2).await;
    let began = Instant::now();
    let status = gateway.terminate().await;
    let took = began.elapsed();
    assert!(status.success(), "{status}");
    assert!(Duration::from_secs(1) < took && took < Duration::from_secs(6), "{took:?}");
}

#[tokio::test]
async fn while_it_stops_it_is_not_ready_and_lets_nobody_in() {
    let (site, setup) = deaf().await;
    let mut gateway = setup.config("drainTimeout: 3").start().await;
    let _client = Client::v4(&gateway, "demo", "user_1", "d").await;
    site.wait_for(2).await;
    let mut probe = Wire::open(gateway.port).await;
    probe.ask("GET", "/readyz", &[], b"").await;
    assert_eq!(probe.answer().await.status, 200);
    gateway.ask_to_stop();
    gateway.log_line("\"stopping\"").await;
    // Behind this line whoever was connected has been sent away, and the site is being told.
    site.wait_for(3).await;
    probe.ask("GET", "/readyz", &[], b"").await;
    let rest = String::from_utf8(probe.ended().await).unwrap();
    assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 503 "), "{rest}");
    assert!(gateway.ended().await.success());
}

#[tokio::test]
async fn a_stop_records_who_went_and_when() {
    let site = backend::start().await;
    let mut gateway = Setup::demo(&site).config("device_ttl: 2").start().await;
    let _client = Client::v4(&gateway, "demo", "user_1", "d").await;
    let _other = Client::v3(&gateway, "demo", "user_1", "other").await;
    assert!(gateway.terminate().await.success());
    gateway.start_again().await;
    assert_eq!(devices(&gateway).await, 2);
    // Their time runs from the stop, although nothing of this process has seen them.
    tokio::time::sleep(Duration::from_millis(3500)).await;
    assert_eq!(devices(&gateway).await, 0);
}

async fn devices(gateway: &Gateway) -> i64 {
    gateway.send("demo", &["user_1"], "e", json!(1)).await["devices"].as_i64().unwrap()
}

#[tokio::test]
async fn what_was_answered_before_a_stop_is_there_after_it() {
    let site = backend::start().await;
    let mut gateway = Setup::demo(&site).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    for number in 0..30 {
        gateway.send("demo", &["user_1"], "n", json!(number)).await;
        let event = client.event("n").await;
        if number % 3 == 0 {
            client.ack(&event).await;
        }
    }
    client.settled().await;
    assert!(gateway.terminate().await.success());
    gateway.start_again().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    let batch = client.acked("_batch").await;
    let numbers: Vec<u64> = batch.batch().iter().map(|event| event[1].as_u64().unwrap()).collect();
    let expected: Vec<u64> = (0..30).filter(|number| number % 3 != 0).collect();
    assert_eq!(numbers, expected, "acks that were read before the stop count");
}

#[tokio::test]
async fn a_port_in_use_is_an_error_that_names_the_mend() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let (status, output) = gateway.start_beside().await;
    assert_eq!(status.code(), Some(1));
    assert!(output.contains("cannot listen on") && output.contains("`port` in config.yml"), "{output}");
    Client::v4(&gateway, "demo", "user_1", "d").await.settled().await;
}

#[tokio::test]
async fn a_store_in_use_is_an_error_and_does_no_harm() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    let (status, output) = gateway.start_on_its_store().await;
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(output.contains("data") && output.contains("another"), "{output}");
    gateway.send("demo", &["user_1"], "e", json!(1)).await;
    client.acked("e").await;
}

#[tokio::test]
async fn sites_may_come_and_go_between_two_starts() {
    let site = backend::start().await;
    let mut gateway = Setup::new().site("demo", &site, "").site("other", &site, "").start().await;
    for name in ["demo", "other"] {
        Client::v4(&gateway, name, "user_1", "d").await.close().await;
        gateway.send(name, &["user_1"], name, json!(1)).await;
    }
    gateway.change_sites(|sites| sites.replace("other:", "third:").replace("key-of-other", "key-of-third"));
    assert!(gateway.terminate().await.success());
    gateway.start_again().await;
    let mut third = Client::v4(&gateway, "third", "user_1", "d").await;
    let mut demo = Client::v4(&gateway, "demo", "user_1", "d").await;
    assert_eq!(demo.acked("_batch").await.batch_names(), ["demo"]);
    third.settled().await;
    third.connect("other", None).await;
    assert_eq!(third.refused("other").await, "Invalid namespace");
    gateway.change_sites(|sites| sites.replace("third:", "other:").replace("key-of-third", "key-of-other"));
    gateway.kill9().await;
    gateway.start_again().await;
    let mut other = Client::v4(&gateway, "other", "user_1", "d").await;
    assert_eq!(other.acked("_batch").await.batch_names(), ["other"]);
}
