//! Polling: conversations in every encoding, on whichever worker a request lands, and what ends them.

use serde_json::json;

use crate::support::backend;
use crate::support::client::{Client, Dial};
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::{Answer, Wire, ask};
use crate::support::packet::Packet;
use crate::support::polling::{Poller, packets};

async fn joined(gateway: &Gateway, device: &str) -> Poller {
    let poller = Poller::dial(gateway, &Dial::v4().who("user_1", device)).await;
    poller.say("40/demo,").await;
    let welcome = poller.packets(2).await;
    assert!(welcome[0].starts_with("40/demo,{\"sid\":"), "{welcome:?}");
    assert_eq!(welcome[1], r#"42/demo,["_settings",{"device_ttl":3600}]"#);
    poller
}

fn event(packet: &str) -> Packet {
    Packet::parse(packet.strip_prefix('4').unwrap())
}

#[tokio::test]
async fn messages_and_acks_go_by_polling_over_all_workers() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let poller = joined(&gateway, "d").await;
    // Each request is a connection of its own, and connections go to the workers in turn.
    for number in 0..12 {
        gateway.send("demo", &["user_1"], "n", json!(number)).await;
        let packet = event(&poller.packets(1).await[0]);
        assert_eq!((packet.name(), packet.args()), ("n", &[json!(number)][..]));
        poller.say(&format!("43/demo,{}[]", packet.ack.unwrap())).await;
    }
    poller.say("41/demo,").await;
    poller.say("40/demo,").await;
    assert_eq!(poller.packets(2).await.len(), 2);
    gateway.send("demo", &["user_1"], "end", json!(1)).await;
    assert_eq!(event(&poller.packets(1).await[0]).name(), "end");
}

#[tokio::test]
async fn several_packets_may_come_in_one_request_and_go_in_one_answer() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let poller = Poller::dial(&gateway, &Dial::v4().who("user_1", "d")).await;
    poller.say("40\u{1e}40/demo,\u{1e}42/demo,[\"hello\"]\u{1e}40/nope,").await;
    let all = poller.packets(4).await;
    let starts = |start: &str| all.iter().filter(|packet| packet.starts_with(start)).count();
    assert_eq!(
        (starts("40{"), starts("40/demo,"), starts("44/nope,"), starts("42/demo,")),
        (1, 1, 1, 1),
        "{all:?}"
    );
    for number in 0..3 {
        gateway.send("demo", &["user_1"], "n", json!(number)).await;
    }
    assert_eq!(poller.packets(3).await.len(), 3);
}

#[tokio::test]
async fn a_poll_waits_until_there_is_something() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let poller = joined(&gateway, "d").await;
    let mut wire = poller.start_poll().await;
    gateway.send("demo", &["user_1"], "e", json!("é😀")).await;
    let answer = wire.answer().await;
    assert_eq!(answer.content_type(), "text/plain; charset=UTF-8");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(event(&packets(&answer)[0]).args(), [json!("é😀")]);
}

/// The packets of a text payload of `EIO=3`: the length in characters, a colon, the packet. All of it is ASCII here.
fn unframe(answer: &Answer) -> Vec<String> {
    assert!(answer.content_type().starts_with("text/plain"), "{}", answer.content_type());
    let (text, mut packets) = (answer.text(), Vec::new());
    let mut rest = text.as_str();
    while let Some((length, more)) = rest.split_once(':') {
        let (packet, behind) = more.split_at(length.parse().unwrap());
        packets.push(packet.to_owned());
        rest = behind;
    }
    packets
}

#[tokio::test]
async fn clients_of_engine_io_3_poll_too_and_get_text_that_every_one_of_them_reads() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    for dial in [Dial::v3().who("user_1", "d"), Dial::v3().who("user_1", "d").query("b64=1")] {
        let mut all = unframe(&Poller::handshake(&gateway, &dial, &[]).await);
        let open: serde_json::Value = serde_json::from_str(all.remove(0).strip_prefix('0').unwrap()).unwrap();
        let url = format!("{}&sid={}", dial.url("polling"), open["sid"].as_str().unwrap());
        let kind = ["Content-Type: text/plain;charset=UTF-8"];
        let answer = ask(gateway.port, "POST", &url, &kind, b"7:40/demo").await;
        assert_eq!((answer.status, answer.text().as_str(), answer.content_type()), (200, "ok", "text/html"));
        while all.len() < 3 {
            all.extend(unframe(&ask(gateway.port, "GET", &url, &[], b"").await));
        }
        assert_eq!(all, ["40", "40/demo", r#"42/demo,["_settings",{"device_ttl":3600}]"#]);
        gateway.send("demo", &["user_1"], "e", json!("é😀")).await;
        let answer = ask(gateway.port, "GET", &url, &[], b"").await;
        assert!(
            answer.text().is_ascii() && answer.text().contains(r"\u00e9\ud83d\ude00"),
            "{}",
            answer.text()
        );
        let packet = event(&unframe(&answer)[0]);
        assert_eq!(packet.args(), [json!("é😀")]);
        let ack = format!("43/demo,{}[]", packet.ack.unwrap());
        let ack = format!("{}:{ack}", ack.len());
        assert_eq!(ask(gateway.port, "POST", &url, &kind, ack.as_bytes()).await.status, 200);
        assert_eq!(ask(gateway.port, "POST", &url, &kind, b"1:1").await.status, 200);
    }
    Client::v3(&gateway, "demo", "user_1", "d").await.settled().await;
}

#[tokio::test]
async fn more_than_one_answer_holds_comes_in_several() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let poller = joined(&gateway, "d").await;
    let long = "x".repeat(700_000);
    for number in 0..4 {
        gateway.send("demo", &["user_1"], "long", json!([number, long])).await;
    }
    let (mut numbers, mut answers) = (Vec::new(), 0);
    while numbers.len() < 4 {
        for packet in poller.packets(1).await {
            let packet = event(&packet);
            assert_eq!(packet.args()[1].as_str().map(str::len), Some(700_000));
            numbers.push(packet.args()[0].as_u64().unwrap());
        }
        answers += 1;
    }
    assert_eq!(numbers, [0, 1, 2, 3]);
    assert!(answers > 1);
}

#[tokio::test]
async fn two_polls_at_once_end_the_connection() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let poller = joined(&gateway, "d").await;
    let mut first = poller.start_poll().await;
    // The first may not have arrived when the second does; then it is the one to be refused.
    let second = poller.get().await;
    let first = first.answer().await;
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    let closed = if first.status == 200 { first } else { second };
    assert_eq!(closed.text(), "1");
    assert_eq!(poller.get().await.json()["code"], 1);
}

#[tokio::test]
async fn a_poll_that_is_given_up_ends_the_connection_and_loses_nothing() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let poller = joined(&gateway, "d").await;
    let wire = poller.start_poll().await;
    // Something that shows that the poll has arrived: the next request on its connection is not answered before it.
    gateway.send("demo", &["user_1"], "one", json!(1)).await;
    let mut wire = answered(wire).await;
    wire.ask("GET", poller.url(), &[], b"").await;
    drop(wire);
    gateway.log_line("connection closed").await;
    gateway.send("demo", &["user_1"], "two", json!(1)).await;
    let mut again = Client::v4(&gateway, "demo", "user_1", "d").await;
    assert_eq!(again.acked("_batch").await.batch_names(), ["one", "two"]);
    assert_eq!(poller.get().await.json()["code"], 1);
}

async fn answered(mut wire: Wire) -> Wire {
    assert_eq!(wire.answer().await.status, 200);
    wire
}

#[tokio::test]
async fn what_cannot_be_read_ends_the_connection() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    for payload in ["x", "42[\u{1e}", "4425", "0{}", "2probe"] {
        let poller = Poller::dial(&gateway, &Dial::v4()).await;
        assert_eq!(poller.post(payload).await.status, 400, "{payload}");
        assert_eq!(poller.get().await.json()["code"], 1, "{payload}");
    }
}

#[tokio::test]
async fn a_client_may_say_good_bye() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let poller = joined(&gateway, "d").await;
    let mut wire = poller.start_poll().await;
    assert_eq!(poller.post("1").await.status, 200);
    let last = wire.answer().await;
    assert!(last.status == 400 || matches!(last.text().as_str(), "1" | "6"), "{}", last.text());
    assert_eq!(poller.get().await.json()["code"], 1);
    let receipt = gateway.send("demo", &["user_1"], "e", json!(1)).await;
    assert_eq!((&receipt["devices"], &receipt["online"]), (&json!(1), &json!(0)));
}
