//! Where the original did not do what its README said; and what brought its process down: section 0, B2, C1.

use serde_json::json;

use crate::support::backend;
use crate::support::client::{Client, Dial};
use crate::support::gateway::Setup;

async fn settings(setup: Setup) -> serde_json::Value {
    let gateway = setup.start().await;
    let mut client = Client::dial(&gateway, &Dial::v3().who("user_1", "d")).await;
    client.connect("demo", None).await;
    client.joined("demo").await
}

#[tokio::test]
async fn settings_state_the_ttl_as_a_number_wherever_it_comes_from() {
    let site = backend::start().await;
    assert_eq!(settings(Setup::demo(&site)).await, json!(3600));
    assert_eq!(settings(Setup::demo(&site).config("device_ttl: 7200")).await, json!(7200));
    assert_eq!(settings(Setup::demo(&site).env("DEVICE_TTL", "5")).await, json!(5));
    assert_eq!(settings(Setup::demo(&site).env("DEVICE_TTL", "0")).await, json!(0));
}

#[tokio::test]
async fn a_ttl_of_0_keeps_messages_for_ever() {
    let site = backend::start().await;
    let mut gateway = Setup::demo(&site).config("device_ttl: 0").start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    gateway.send("demo", &["user_1"], "live", json!(1)).await;
    client.event("live").await;
    client.close().await;
    gateway.send("demo", &["user_1"], "later", json!(1)).await;
    gateway.kill9().await;
    gateway.start_again().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    assert_eq!(client.acked("_batch").await.batch_names(), ["live", "later"]);
}

#[tokio::test]
async fn b2_a_broadcast_site_with_clients_connected_broadcasts() {
    let site = backend::start().await;
    let gateway = Setup::new().broadcast_site("plain", &site, "").start().await;
    let mut one = Client::v3(&gateway, "plain", "staff+news", "d").await;
    let mut two = Client::v4(&gateway, "plain", "news", "d").await;
    let mut nobody = Client::v4(&gateway, "plain", "", "d").await;
    let receipt = gateway.send("plain", &["staff", "news"], "both", json!({"k": 1})).await;
    assert_eq!((&receipt["devices"], &receipt["queued"]), (&json!(0), &json!(0)));
    gateway.send("plain", &["Staff"], "rooms keep their case here", json!(1)).await;
    gateway.send("plain", &["news"], "end", json!(1)).await;
    for client in [&mut one, &mut two] {
        // In two of the rooms, and yet once.
        let both = client.event("both").await;
        assert_eq!((both.ack, both.args()), (None, &[json!({"k": 1})][..]));
        client.event("end").await;
    }
    nobody.settled().await;
}

#[tokio::test]
async fn b2_nothing_is_kept_for_a_broadcast_site() {
    let site = backend::start().await;
    let gateway = Setup::new().broadcast_site("plain", &site, "").start().await;
    Client::v4(&gateway, "plain", "news", "d").await.close().await;
    gateway.send("plain", &["news"], "missed", json!(1)).await;
    let mut client = Client::v4(&gateway, "plain", "news", "d").await;
    gateway.send("plain", &["news"], "heard", json!(1)).await;
    client.event("heard").await;
}

#[tokio::test]
async fn c1_one_bad_frame_ends_its_own_connection_and_nothing_else() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut bystander = Client::v3(&gateway, "demo", "user_1", "d").await;
    gateway.send("demo", &["user_1"], "waits", json!(1)).await;
    let waits = bystander.event("waits").await;
    let frames =
        [r#"425"x""#, r#"42["error"]"#, r#"44"boom""#, "4", "49", "42[", r#"42{"a":1}"#, "x", "0{}", "451-"];
    for frame in frames {
        for dial in [Dial::v3(), Dial::v4()] {
            let mut bad = Client::dial(&gateway, &dial).await;
            bad.raw(frame).await;
            // Some of it means nothing and is passed over; the rest ends this connection.
            let _ = tokio::time::timeout(std::time::Duration::from_millis(50), bad.ended()).await;
        }
    }
    // The data of an ack that is no list is the business of nobody but the client.
    let ack = waits.ack.unwrap();
    let mut sloppy = Client::v3(&gateway, "demo", "user_1", "d").await;
    sloppy.event("_batch").await;
    sloppy.say(&format!(r#"3/demo,{ack}"x""#)).await;
    gateway.send("demo", &["user_1"], "end", json!(1)).await;
    bystander.event("end").await;
}

#[tokio::test]
async fn c8_without_a_site_there_is_nothing_to_hear_and_no_place_to_stay() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).config("connectTimeout: 1").start().await;
    let mut guest = Client::dial(&gateway, &Dial::v3().who("user_1", "d")).await;
    guest.say(r#"2["hello"]"#).await;
    let end = guest.ended().await;
    assert_eq!(end.map(|(code, _)| code), Some(1008));
}
