//! Packets that no client sends, one at a time, before and after joining.

use serde_json::json;

use super::Scene;
use crate::support::client::{Client, Dial};

/// What a packet comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    /// The connection is closed as breaking the protocol.
    Closed,
    /// Nothing comes of it.
    Ignored,
}
use Fate::{Closed, Ignored};

/// Packet of Engine.IO, and its fate with protocols 3 and 4, on a connection that has not joined a site.
const OUTSIDE: &[(&str, Fate, Fate)] = &[
    // The three that ended the original.
    (r#"425"x""#, Closed, Closed),
    (r#"42["error"]"#, Ignored, Closed),
    (r#"44"boom""#, Closed, Closed),
    (r#"430"x""#, Closed, Closed),
    // Events and acks before CONNECT.
    (r#"42/demo,["x"]"#, Ignored, Closed),
    (r#"42/demo,7["x"]"#, Ignored, Closed),
    ("43/demo,7[]", Ignored, Closed),
    ("41/demo,", Ignored, Ignored),
    (r#"451-/demo,["x",{"_placeholder":true,"num":0}]"#, Ignored, Ignored),
    // Nonsense.
    ("", Closed, Closed),
    ("4", Closed, Closed),
    ("7", Closed, Closed),
    ("x", Closed, Closed),
    (r#"0{"sid":"x"}"#, Closed, Closed),
    ("42", Closed, Closed),
    ("42[]", Closed, Closed),
    ("42[null]", Closed, Closed),
    ("42{}", Closed, Closed),
    ("49[]", Closed, Closed),
    ("40/demo,[1]", Closed, Closed),
    (r#"40/demo,{"a":"#, Closed, Closed),
    ("40/demo,5", Closed, Closed),
    ("41/demo,x", Closed, Closed),
    ("43[]", Closed, Closed),
    ("4399999999999999999999[]", Closed, Closed),
    ("45", Closed, Closed),
    (r#"45["x"]"#, Closed, Closed),
    (r#"4599999999999999999999-["x"]"#, Closed, Closed),
    (r#"45101-["x"]"#, Closed, Closed),
    (r#"451-["x",{"_placeholder":true,"num":1}]"#, Closed, Closed),
    (r#"451-["x",{"_placeholder":true,"num":-1}]"#, Closed, Closed),
];

/// The same within a site.
const INSIDE: &[(&str, Fate)] = &[
    (r#"42/demo,5"x""#, Closed),
    (r#"42/demo,["error"]"#, Ignored),
    (r#"42/demo,7["disconnect",{"a":[1]}]"#, Ignored),
    (r#"44/demo,"boom""#, Closed),
    (r#"43/demo,0"x""#, Closed),
    ("43/demo,0{}", Closed),
    ("43/demo,0[]", Ignored),
    ("43/demo,4503599627370496[]", Ignored),
    ("43/demo,99999999999999999[]", Closed),
    ("43/other,0[]", Closed),
    ("40/demo,", Ignored),
    (r#"461-/demo,0[{"_placeholder":true,"num":0}]"#, Ignored),
    (r#"461-/demo,[{"_placeholder":true,"num":0}]"#, Closed),
];

async fn meets(client: &mut Client, packet: &str, fate: Fate) {
    client.raw(packet).await;
    match fate {
        Closed => {
            let end = client.ended().await;
            assert_eq!(end.map(|end| end.0), Some(1002), "{packet}");
        }
        Ignored => client.settled().await,
    }
}

#[tokio::test]
async fn one_bad_packet_ends_one_connection() {
    let mut scene = Scene::new().await;
    for (dial, v3) in [(Dial::v3(), true), (Dial::v4(), false)] {
        for (packet, old, new) in OUTSIDE {
            let mut client = Client::dial(&scene.gateway, &dial).await;
            meets(&mut client, packet, if v3 { *old } else { *new }).await;
        }
        for (packet, fate) in INSIDE {
            // Old clients may speak to a namespace that they have just left.
            let fate = if v3 && packet.contains("/other") { Ignored } else { *fate };
            let dial = dial.clone().who("user_evil+lobby", "evil");
            let mut client = Client::join(&scene.gateway, dial, "demo").await;
            meets(&mut client, packet, fate).await;
        }
    }
    scene.calm().await;
}

#[tokio::test]
async fn heartbeats_in_the_wrong_direction_end_the_connection() {
    let mut scene = Scene::new().await;
    for (dial, packet) in [(Dial::v3(), "3"), (Dial::v4(), "2")] {
        let mut client = Client::dial(&scene.gateway, &dial).await;
        meets(&mut client, packet, Closed).await;
    }
    scene.calm().await;
}

#[tokio::test]
async fn binary_messages_out_of_order_end_the_connection() {
    let mut scene = Scene::new().await;
    let begun = r#"451-/demo,["x",{"_placeholder":true,"num":0}]"#;
    for dial in [Dial::v3(), Dial::v4()] {
        let attachment: &[u8] = if dial.eio == 3 { &[4, 1, 2] } else { &[1, 2] };
        let join = || Client::join(&scene.gateway, dial.clone().who("user_evil", "evil"), "demo");
        // One that belongs to nothing.
        let mut client = join().await;
        client.raw_binary(attachment).await;
        assert_eq!(client.ended().await.unwrap().0, 1002);
        // Text where one is due.
        let mut client = join().await;
        client.raw(begun).await;
        client.raw(r#"42/demo,["x"]"#).await;
        assert_eq!(client.ended().await.unwrap().0, 1002);
        // One too many.
        let mut client = join().await;
        client.raw(begun).await;
        client.raw_binary(attachment).await;
        client.settled().await;
        client.raw_binary(attachment).await;
        assert_eq!(client.ended().await.unwrap().0, 1002);
    }
    scene.calm().await;
}

/// `43/<ns>,<valid id>"x"` ended the original. Here the sender is closed, and what it did not acknowledge properly
/// comes again.
#[tokio::test]
async fn a_malformed_ack_acknowledges_nothing() {
    let mut scene = Scene::new().await;
    let mut client = Client::v3(&scene.gateway, "demo", "user_evil", "evil").await;
    scene.gateway.send("demo", &["user_evil"], "mine", json!(1)).await;
    let id = client.event("mine").await.ack.unwrap();
    client.raw(&format!(r#"43/demo,{id}"x""#)).await;
    assert_eq!(client.ended().await.unwrap().0, 1002);
    let mut client = Client::v3(&scene.gateway, "demo", "user_evil", "evil").await;
    assert_eq!(client.acked("_batch").await.batch(), [json!(["mine", 1])]);
    scene.calm().await;
}

#[tokio::test]
async fn acks_of_another_session_take_nothing_from_it() {
    let mut scene = Scene::new().await;
    let mut victim = Client::v4(&scene.gateway, "demo", "user_victim", "v").await;
    let mut thief = Client::v4(&scene.gateway, "demo", "user_thief", "t").await;
    // The thief's own place in the order is behind the victim's entry.
    scene.gateway.send("demo", &["user_victim"], "gold", json!(1)).await;
    let id = victim.event("gold").await.ack.unwrap();
    scene.gateway.send("demo", &["user_thief"], "own", json!(1)).await;
    thief.acked("own").await;
    for id in id.saturating_sub(3)..id + 3 {
        thief.raw(&format!("43/demo,{id}[]")).await;
        // The acknowledgement of a batch through this place.
        thief.raw(&format!("43/demo,{}[]", id | 1 << 30)).await;
    }
    thief.settled().await;
    drop(victim);
    let mut victim = Client::v4(&scene.gateway, "demo", "user_victim", "v").await;
    assert_eq!(victim.acked("_batch").await.batch(), [json!(["gold", 1])]);
    scene.calm().await;
}

#[tokio::test]
async fn deep_json_ends_the_connection() {
    let mut scene = Scene::new().await;
    for depth in [200, 100_000] {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for packet in [format!("42/demo,[\"x\",{nested}]"), format!("40/demo,{{\"a\":{nested}}}")] {
            let mut client = Client::v4(&scene.gateway, "demo", "user_evil", "evil").await;
            client.raw(&packet).await;
            assert_eq!(client.ended().await.unwrap().0, 1002);
        }
    }
    scene.calm().await;
}
