//! From polling to WebSocket, while messages keep coming.

use serde_json::json;

use crate::support::backend;
use crate::support::client::{Client, Dial};
use crate::support::gateway::{Gateway, Setup};
use crate::support::packet::Packet;
use crate::support::polling::Poller;

fn dial() -> Dial {
    Dial::v4().who("user_1", "d")
}

async fn joined(gateway: &Gateway) -> Poller {
    let poller = Poller::dial(gateway, &dial()).await;
    poller.say("40/demo,").await;
    assert_eq!(poller.packets(2).await.len(), 2);
    poller
}

fn name(packet: &str) -> String {
    Packet::parse(packet.strip_prefix('4').unwrap()).name().to_owned()
}

#[tokio::test]
async fn a_connection_changes_over_and_loses_nothing_on_the_way() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let poller = joined(&gateway).await;
    let mut wire = poller.start_poll().await;
    let mut client = Client::probing(&gateway, &dial(), &poller.sid).await;
    client.raw("2probe").await;
    assert_eq!(client.text().await, "3probe");
    // The waiting poll is let go, so that nothing goes that way any more.
    assert_eq!(wire.answer().await.text(), "6");
    gateway.send("demo", &["user_1"], "between", json!(1)).await;
    client.raw("5").await;
    client.acked("between").await;
    gateway.send("demo", &["user_1"], "behind", json!(1)).await;
    client.acked("behind").await;
    client.settled().await;
    // Polling is over.
    for answer in [poller.get().await, poller.post("42[\"x\"]").await] {
        assert_eq!(answer.status, 400);
    }
    client.settled().await;
    client.close().await;
    Client::v4(&gateway, "demo", "user_1", "d").await.settled().await;
}

#[tokio::test]
async fn what_waits_for_a_poll_during_the_probe_goes_out_with_it_or_behind_the_change() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let poller = joined(&gateway).await;
    let mut client = Client::probing(&gateway, &dial(), &poller.sid).await;
    client.raw("2probe").await;
    assert_eq!(client.text().await, "3probe");
    for name in ["one", "two"] {
        gateway.send("demo", &["user_1"], name, json!(1)).await;
    }
    let mut names: Vec<String> =
        poller.poll().await.iter().filter(|packet| *packet != "6").map(|p| name(p)).collect();
    client.raw("5").await;
    while names.len() < 2 {
        names.push(client.packet().await.name().to_owned());
    }
    assert_eq!(names, ["one", "two"]);
}

#[tokio::test]
async fn a_probe_that_comes_to_nothing_leaves_polling_as_it_was() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let poller = joined(&gateway).await;
    for (round, says) in ["", "2probe", "2", "5", "4x", "42[\"x\"]"].iter().enumerate() {
        let mut client = Client::probing(&gateway, &dial(), &poller.sid).await;
        if !says.is_empty() {
            client.raw(says).await;
        }
        if *says == "2probe" {
            assert_eq!(client.text().await, "3probe");
        }
        client.close().await;
        gateway.send("demo", &["user_1"], "still", json!(round)).await;
        let mut packets = poller.poll().await;
        while packets == ["6"] {
            packets = poller.poll().await;
        }
        assert_eq!(name(packets.last().unwrap()), "still", "{says}");
    }
    // And the change is still possible.
    let mut client = Client::probing(&gateway, &dial(), &poller.sid).await;
    client.raw("2probe").await;
    assert_eq!(client.text().await, "3probe");
    client.raw("5").await;
    client.settled().await;
}

#[tokio::test]
async fn a_connection_is_taken_over_once() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let poller = joined(&gateway).await;
    let mut client = Client::probing(&gateway, &dial(), &poller.sid).await;
    client.raw("2probe").await;
    assert_eq!(client.text().await, "3probe");
    client.raw("5").await;
    client.settled().await;
    for sid in [poller.sid.as_str(), "AAAAAAAAAAAAAAAAAAAA"] {
        // Opened and closed again: only that reaches scripts in a page.
        let mut second = Client::probing(&gateway, &dial(), sid).await;
        assert_eq!(second.ended().await.map(|(code, _)| code), Some(1002), "{sid}");
    }
    gateway.send("demo", &["user_1"], "e", json!(1)).await;
    client.event("e").await;
}

#[tokio::test]
async fn clients_of_engine_io_3_change_over_too() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let dial = Dial::v3().who("user_1", "d").query("b64=1");
    let open = Poller::handshake(&gateway, &dial, &[]).await.text();
    let sid = open.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let mut client = Client::probing(&gateway, &dial, &sid).await;
    client.raw("2probe").await;
    assert_eq!(client.text().await, "3probe");
    client.raw("5").await;
    if !open.contains("2:40") {
        assert_eq!(client.text().await, "40");
    }
    client.connect("demo", None).await;
    assert_eq!(client.text().await, "40/demo");
    client.event("_settings").await;
    gateway.send("demo", &["user_1"], "e", json!(1)).await;
    client.acked("e").await;
    client.raw("2").await;
    assert_eq!(client.text().await, "3");
}
