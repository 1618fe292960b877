//! Which devices are known, and who hears what: B1, B3 to B6, B11, B12, B15, C5.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Semaphore;

use crate::support::backend;
use crate::support::client::{Client, Dial};
use crate::support::gateway::{Gateway, Setup};
use crate::support::site_server::SiteServer;

/// The shortest time that a device can be remembered, and one that is surely over then.
const TTL: &str = "device_ttl: 1";
const BEYOND_TTL: Duration = Duration::from_millis(2500);

async fn devices(gateway: &Gateway, room: &str, event: &str) -> i64 {
    gateway.send("demo", &[room], event, json!(1)).await["devices"].as_i64().unwrap()
}

#[tokio::test]
async fn b1_a_device_that_came_back_is_not_forgotten_while_it_is_here() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).config(TTL).start().await;
    Client::v4(&gateway, "demo", "user_1", "d").await.close().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    client.nothing_while(tokio::time::sleep(BEYOND_TTL)).await;
    assert_eq!(devices(&gateway, "user_1", "e").await, 1);
    client.event("e").await;
}

async fn with_public_channel() -> (SiteServer, Gateway) {
    let site = backend::start().await;
    let gateway = Setup::new().site("demo", &site, "publicChannel: browse").start().await;
    (site, gateway)
}

#[tokio::test]
async fn b3_all_the_anonymous_hear_the_public_channel_also_with_equal_device_ids() {
    let (_site, gateway) = with_public_channel().await;
    let without_id = || Client::join(&gateway, Dial::v4().query("token=browse"), "demo");
    let mut clients = Vec::new();
    for _ in 0..2 {
        clients.push(Client::v4(&gateway, "demo", "browse", "same").await);
        clients.push(without_id().await);
    }
    gateway.send("demo", &["browse"], "all", json!(1)).await;
    for (number, client) in clients.iter_mut().enumerate() {
        let event = client.event("all").await;
        // Those without a deviceId are live only: nothing is kept for them, so nothing is to be acknowledged.
        assert_eq!(event.ack.is_none(), number % 2 == 1);
    }
    clients.pop().unwrap().close().await;
    clients.pop().unwrap().close().await;
    gateway.send("demo", &["browse"], "still", json!(1)).await;
    for client in &mut clients {
        client.event("still").await;
    }
}

#[tokio::test]
async fn b3_an_anonymous_device_with_an_id_has_an_inbox() {
    let (_site, gateway) = with_public_channel().await;
    Client::v4(&gateway, "demo", "browse", "phone").await.close().await;
    gateway.send("demo", &["browse"], "kept", json!(1)).await;
    let mut client = Client::v4(&gateway, "demo", "browse", "phone").await;
    assert_eq!(client.acked("_batch").await.batch_names(), ["kept"]);
}

#[tokio::test]
async fn b4_the_anonymous_do_not_hear_what_is_meant_for_the_staff() {
    let (_site, gateway) = with_public_channel().await;
    let mut staff = Client::v4(&gateway, "demo", "user_1+staff+browse", "desk").await;
    let mut visitors = [
        Client::v4(&gateway, "demo", "browse", "phone").await,
        Client::join(&gateway, Dial::v3().query("token=browse"), "demo").await,
    ];
    gateway.send("demo", &["STAFF"], "secret", json!(1)).await;
    gateway.send("demo", &["browse"], "all", json!(1)).await;
    staff.event("secret").await;
    for client in visitors.iter_mut().chain([&mut staff]) {
        client.event("all").await;
    }
    gateway.send("demo", &["browse", "staff", "user_1"], "once", json!(1)).await;
    gateway.send("demo", &["browse"], "end", json!(1)).await;
    for client in visitors.iter_mut().chain([&mut staff]) {
        client.event("once").await;
        client.event("end").await;
    }
}

#[tokio::test]
async fn user_rooms_are_compared_to_the_letter_and_shared_rooms_are_not() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1+Staff+USER_2", "d").await;
    for (room, count) in
        [("USER_1", 0), ("user_2", 0), ("user_11", 0), ("user_", 0), ("sTAFF", 1), ("user_1", 1)]
    {
        assert_eq!(devices(&gateway, room, room).await, count, "{room}");
    }
    client.event("sTAFF").await;
    client.event("user_1").await;
}

#[tokio::test]
async fn b5_a_device_that_expired_takes_nothing_from_the_next_one() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).config(TTL).start().await;
    let mut clients = Vec::new();
    for device in ["d0", "d1", "d2", "d3", "d4", "d5"] {
        clients.push(Client::v4(&gateway, "demo", "user_1", device).await);
    }
    for gone in [4, 2, 0] {
        clients.remove(gone).close().await;
    }
    tokio::time::sleep(BEYOND_TTL).await;
    assert_eq!(devices(&gateway, "user_1", "e").await, 3);
    for client in &mut clients {
        client.event("e").await;
    }
}

#[tokio::test]
async fn b6_the_late_end_of_an_old_connection_does_not_end_the_new_one() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).config(TTL).start().await;
    let old = Client::v4(&gateway, "demo", "user_1", "d").await;
    let mut new = Client::v4(&gateway, "demo", "user_1", "d").await;
    old.close().await;
    new.nothing_while(tokio::time::sleep(BEYOND_TTL)).await;
    assert_eq!(devices(&gateway, "user_1", "e").await, 1);
    new.acked("e").await;
}

#[tokio::test]
async fn b11_a_role_that_was_taken_away_or_given_counts_from_the_next_connection() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    Client::v4(&gateway, "demo", "user_1+staff", "d").await.close().await;
    assert_eq!(devices(&gateway, "staff", "before").await, 1);
    let mut client = Client::v4(&gateway, "demo", "user_1+boss", "d").await;
    assert_eq!(client.acked("_batch").await.batch_names(), ["before"]);
    assert_eq!(devices(&gateway, "staff", "staff").await, 0);
    assert_eq!(devices(&gateway, "Boss", "boss").await, 1);
    client.acked("boss").await;
}

#[tokio::test]
async fn b11_devices_of_one_user_may_have_different_rooms() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut desk = Client::v4(&gateway, "demo", "user_1+staff", "desk").await;
    let mut phone = Client::v4(&gateway, "demo", "user_1", "phone").await;
    assert_eq!(devices(&gateway, "staff", "staff").await, 1);
    assert_eq!(devices(&gateway, "user_1", "both").await, 2);
    desk.event("staff").await;
    desk.event("both").await;
    phone.event("both").await;
}

#[tokio::test]
async fn b12_a_restart_forgets_no_device() {
    let site = backend::start().await;
    let mut gateway = Setup::demo(&site).start().await;
    Client::v4(&gateway, "demo", "user_1+staff", "away").await.close().await;
    let here = Client::v4(&gateway, "demo", "user_1", "here").await;
    gateway.terminate().await;
    drop(here);
    gateway.start_again().await;
    assert_eq!(devices(&gateway, "user_1", "e").await, 2);
    assert_eq!(devices(&gateway, "Staff", "s").await, 1);
    let mut away = Client::v4(&gateway, "demo", "user_1", "away").await;
    assert_eq!(away.acked("_batch").await.batch_names(), ["e", "s"]);
    let mut here = Client::v4(&gateway, "demo", "user_1", "here").await;
    assert_eq!(here.acked("_batch").await.batch_names(), ["e"]);
}

#[tokio::test]
async fn b15_what_is_sent_while_a_known_device_is_being_let_in_is_kept() {
    let gate = Arc::new(Semaphore::new(1));
    let at_gate = Arc::clone(&gate);
    let site = SiteServer::start(move |seen, _| backend::answer(seen).behind(&at_gate)).await;
    let gateway = Setup::demo(&site).start().await;
    Client::v4(&gateway, "demo", "user_1", "d").await.close().await;
    let mut client = Client::dial(&gateway, &Dial::v4().who("user_1", "d")).await;
    client.connect("demo", None).await;
    site.wait_for(2).await;
    let sent = devices(&gateway, "user_1", "meanwhile");
    assert_eq!(client.nothing_while(sent).await, 1);
    gate.add_permits(1);
    client.joined("demo").await;
    assert_eq!(client.acked("_batch").await.batch_names(), ["meanwhile"]);
}

#[tokio::test]
async fn c5_a_device_id_is_no_pattern() {
    let (_site, gateway) = with_public_channel().await;
    for device in ["phone", "a:b", "a"] {
        Client::v4(&gateway, "demo", "browse", device).await.close().await;
    }
    gateway.send("demo", &["browse"], "private", json!(1)).await;
    for curious in ["*", "a*", "?", "[a-z]*", "%", "_", "pho", "phone'--", "phone\u{0}"] {
        let mut client = Client::v4(&gateway, "demo", "browse", curious).await;
        client.settled().await;
        client.close().await;
    }
    for device in ["a", "phone", "a:b"] {
        let mut client = Client::v4(&gateway, "demo", "browse", device).await;
        assert_eq!(client.acked("_batch").await.batch_names(), ["private"], "{device}");
        client.close().await;
        let mut client = Client::v4(&gateway, "demo", "browse", device).await;
        client.settled().await;
    }
}

#[tokio::test]
async fn c5_a_device_id_without_end_is_refused() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut client = Client::dial(&gateway, &Dial::v3().who("user_1", &"x".repeat(257))).await;
    client.connect("demo", None).await;
    assert_eq!(client.refused("demo").await, "deviceId is longer than 256 bytes");
    let longest = Client::v3(&gateway, "demo", "user_1", &"x".repeat(256)).await;
    longest.close().await;
}
