//! Events of apps by rules: the examples of the documentation, with what the front ends of these apps send and expect.

use serde_json::{Value, json};

use crate::support::frappe::{Bench, HAS_PERMISSION, Realtime, SITE, Visitor};
use crate::support::site_server::Reply;

const TICKET: &str = "open_doc:HD Ticket/5";
const CHANNEL: &str = "open_doc:Raven Channel/general";
const MAY_SELL: &str = "pos_next.realtime_events.has_pos_profile_access";

/// The rules of all examples, for the sites of a bench.
fn documented() -> String {
    let doc =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/frappe/app-events.md")).unwrap();
    let blocks = doc.split("```yaml\nappEvents:\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let lines: Vec<String> = blocks.flat_map(str::lines).map(|line| format!("  {line}\n")).collect();
    assert!(lines.len() > 50, "the examples were not found");
    format!("frappe:\n  appEvents:\n{}", lines.concat())
}

/// A bench with the apps of the examples.
async fn bench() -> Bench {
    let bench = Bench::new().await.config(&documented());
    bench.web.rules(|rules| rules.apps = vec!["raven", "helpdesk", "drive", "pos_next"]);
    bench
}

/// Alice and Bob, who both look at the channel.
async fn in_channel(bench: &Bench, at: [&Realtime; 2]) -> (Visitor, Visitor) {
    let (mut alice, mut bob) = (at[0].user(SITE, "alice").await, at[1].user(SITE, "bob").await);
    alice.says(json!(["doc_open", "Raven Channel", "general"])).await;
    bench.enters(&mut alice, CHANNEL).await;
    bob.says(json!(["doc_open", "Raven Channel", "general"])).await;
    for visitor in [&mut alice, &mut bob] {
        assert_eq!(visitor.viewers("Raven Channel", "general").await, ["alice", "bob"]);
    }
    (alice, bob)
}

fn typers(users: &[&str]) -> Value {
    let users: Vec<String> = users.iter().map(|user| format!("{user}@example.com")).collect();
    json!({ "channel": "general", "users": users })
}

/// Each of them is told this next; what it was told of before may come first, from another worker or another gateway, to
/// somebody who has just come.
async fn told(visitors: &mut [&mut Visitor], event: &str, message: &Value) {
    for visitor in visitors {
        let mut before = Vec::new();
        loop {
            let told = visitor.message(event).await;
            if told == *message {
                break;
            }
            before.push(told);
            assert!(before.len() < 3, "{message} was due, and {before:?} came");
        }
    }
}

#[tokio::test]
async fn raven_says_who_is_typing_until_they_stop_or_go() {
    let bench = bench().await;
    let realtime = bench.start().await;
    let (mut alice, mut bob) = in_channel(&bench, [&realtime, &realtime]).await;
    let event = "raven_channel_typers";
    bob.says(json!(["raven_channel_typing", "general"])).await;
    told(&mut [&mut alice, &mut bob], event, &typers(&["bob"])).await;
    alice.says(json!(["raven_channel_typing", "general"])).await;
    told(&mut [&mut alice, &mut bob], event, &typers(&["alice", "bob"])).await;
    alice.says(json!(["raven_channel_typing_stopped", "general"])).await;
    told(&mut [&mut alice, &mut bob], event, &typers(&["bob"])).await;
    assert!(!bench.is_in(&mut alice, "raven_channel_typing:general").await);
    // In the middle of a word.
    bob.client.close().await;
    assert_eq!(alice.viewers("Raven Channel", "general").await, ["alice"]);
    told(&mut [&mut alice], event, &typers(&[])).await;
}

#[tokio::test]
async fn raven_tells_who_asks_who_is_typing() {
    let bench = bench().await;
    let realtime = bench.start().await;
    let (mut alice, mut bob) = in_channel(&bench, [&realtime, &realtime]).await;
    bob.says(json!(["raven_channel_typing", "general"])).await;
    told(&mut [&mut alice, &mut bob], "raven_channel_typers", &typers(&["bob"])).await;
    let mut carol = realtime.user(SITE, "carol").await;
    carol.says(json!(["raven_channel_get_typers", "general"])).await;
    told(&mut [&mut carol], "raven_channel_typers", &typers(&["bob"])).await;
    bench.web.deny("Raven Channel", "general");
    let asked = bench.web.calls_of(HAS_PERMISSION).len();
    carol.says(json!(["raven_channel_get_typers", "general"])).await;
    bench.web.wait_for(HAS_PERMISSION, asked + 1).await;
    // Nobody else was told, and she not again.
    for visitor in [&mut alice, &mut bob, &mut carol] {
        assert!(bench.is_in(visitor, "website").await);
    }
}

#[tokio::test]
async fn who_does_not_look_at_a_channel_types_unseen() {
    let bench = bench().await;
    let realtime = bench.start().await;
    let (mut alice, _bob) = in_channel(&bench, [&realtime, &realtime]).await;
    let mut carol = realtime.user(SITE, "carol").await;
    carol.says(json!(["raven_channel_typing", "general"])).await;
    carol.says(json!(["raven_channel_typing", { "no": "text" }])).await;
    carol.says(json!(["raven_channel_typing"])).await;
    carol.pinged().await;
    assert!(!bench.is_in(&mut carol, "raven_channel_typing:general").await);
    assert!(bench.is_in(&mut alice, CHANNEL).await, "and nothing else came");
}

#[tokio::test]
async fn an_event_counts_where_its_app_is_and_from_users_who_have_logged_in() {
    let bench = bench().await;
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    alice.says(json!(["fire"])).await;
    assert!(alice.event("ice").await.args().is_empty());
    let mut guest = realtime.guest(SITE).await;
    guest.says(json!(["fire"])).await;
    guest.pinged().await;
    bench.web.rules(|rules| rules.apps = vec!["helpdesk"]);
    let mut bob = realtime.user(SITE, "bob").await;
    bob.says(json!(["fire"])).await;
    bob.pinged().await;
}

fn viewers(id: &Value, users: &[&str]) -> Value {
    let names: Vec<String> = users.iter().map(|user| format!("{user}@example.com")).collect();
    json!({ "ticket_id": id, "users": json!(names).to_string(), "total_viewers": names.len() })
}

#[tokio::test]
async fn helpdesk_says_who_looks_at_a_ticket() {
    let bench = bench().await;
    let realtime = bench.start().await;
    let (mut alice, mut bob) = (realtime.user(SITE, "alice").await, realtime.user(SITE, "bob").await);
    alice.says(json!(["view_ticket", 5])).await;
    told(&mut [&mut alice], "ticket_viewers", &viewers(&json!(5), &["alice"])).await;
    bob.says(json!(["view_ticket", "5"])).await;
    told(&mut [&mut alice, &mut bob], "ticket_viewers", &viewers(&json!("5"), &["alice", "bob"])).await;
    alice.says(json!(["ticket_get_viewers", 5])).await;
    told(&mut [&mut alice], "ticket_viewers", &viewers(&json!(5), &["alice", "bob"])).await;
    bob.says(json!(["stop_view_ticket", "5"])).await;
    told(&mut [&mut alice], "ticket_viewers", &viewers(&json!("5"), &["alice"])).await;
    bob.says(json!(["ticket_get_viewers", 5])).await;
    bob.pinged().await;
    assert!(!bench.is_in(&mut bob, TICKET).await && bench.is_in(&mut alice, TICKET).await);
    let asked = bench.web.calls_of(HAS_PERMISSION);
    assert_eq!((asked.len(), asked[0].query.as_str()), (2, "doctype=HD+Ticket&name=5"));
}

#[tokio::test]
async fn helpdesk_hands_on_to_the_others_what_one_viewer_does() {
    let bench = bench().await;
    let realtime = bench.start().await;
    let (mut alice, mut bob) = (realtime.user(SITE, "alice").await, realtime.user(SITE, "bob").await);
    for visitor in [&mut alice, &mut bob] {
        visitor.says(json!(["view_ticket", "5"])).await;
    }
    told(&mut [&mut alice, &mut bob], "ticket_viewers", &viewers(&json!("5"), &["alice", "bob"])).await;
    alice.says(json!(["notify_ticket_update", "5", "status", { "to": ["Open", 1.5, null] }])).await;
    let update = json!({ "ticket_id": "5", "user": "alice@example.com", "field": "status", "value": { "to": ["Open", 1.5, null] } });
    told(&mut [&mut bob], "ticket_update", &update).await;
    alice.says(json!(["notify_ticket_update", "5", "status"])).await;
    let without = json!({ "ticket_id": "5", "user": "alice@example.com", "field": "status" });
    told(&mut [&mut bob], "ticket_update", &without).await;
    alice.says(json!(["helpdesk_ticket_typing", "5"])).await;
    told(
        &mut [&mut bob],
        "helpdesk_ticket_typing",
        &json!({ "ticket_id": "5", "user": "alice@example.com" }),
    )
    .await;
    assert!(bench.is_in(&mut alice, TICKET).await, "and nothing came back to her");
    let mut carol = realtime.user(SITE, "carol").await;
    carol.says(json!(["helpdesk_ticket_typing", "5"])).await;
    carol.pinged().await;
    assert!(bench.is_in(&mut bob, TICKET).await, "and nothing came from outside");
}

#[tokio::test]
async fn who_may_not_see_a_ticket_is_no_viewer_of_it() {
    let bench = bench().await;
    bench.web.deny("HD Ticket", "5");
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    alice.says(json!(["view_ticket", 5])).await;
    bench.web.wait_for(HAS_PERMISSION, 1).await;
    alice.says(json!(["view_ticket", 6])).await;
    told(&mut [&mut alice], "ticket_viewers", &viewers(&json!(6), &["alice"])).await;
    assert!(!bench.is_in(&mut alice, TICKET).await);
}

#[tokio::test]
async fn drive_hands_on_to_those_who_hear_of_a_document() {
    let bench = bench().await;
    let realtime = bench.start().await;
    let (mut alice, mut bob) = (realtime.user(SITE, "alice").await, realtime.user(SITE, "bob").await);
    alice.says(json!(["doc_subscribe", "Drive File", "f1"])).await;
    bench.enters(&mut alice, "doc:Drive File/f1").await;
    let change = json!(["document_version_change_emit", "Drive File", "f1", "Bob", null, "c7"]);
    bob.says(change.clone()).await;
    let heard = json!({ "doctype": "Drive File", "docname": "f1", "author": "Bob", "author_image": null, "author_id": "c7" });
    told(&mut [&mut alice], "document_version_change_recv", &heard).await;
    bench.web.deny("Drive File", "f1");
    let asked = bench.web.calls_of(HAS_PERMISSION).len();
    bob.says(change).await;
    bench.web.wait_for(HAS_PERMISSION, asked + 1).await;
    assert!(bench.is_in(&mut alice, "doc:Drive File/f1").await, "and nothing else came");
}

#[tokio::test]
async fn pos_next_decides_who_hears_of_a_till() {
    let bench = bench().await;
    let realtime = bench.start().await;
    let (mut alice, room) = (realtime.user(SITE, "alice").await, "pos_profile:Main Till");
    for (count, (status, answer, may)) in [
        (200, r#"{"message":0}"#, false),
        (403, r#"{"message":true}"#, false),
        (200, "{}", false),
        (200, r#"{"message":{}}"#, true),
    ]
    .into_iter()
    .enumerate()
    {
        bench.web.arrange(MAY_SELL, Reply::json(status, answer));
        alice.says(json!(["pos_profile_subscribe", "Main Till"])).await;
        let calls = bench.web.wait_for(MAY_SELL, count + 1).await;
        assert_eq!(calls[count].query, "pos_profile=Main+Till");
        assert_eq!(
            (calls[count].seen.method.as_str(), calls[count].header("cookie").as_deref()),
            ("GET", Some("sid=sid-alice"))
        );
        if may {
            bench.enters(&mut alice, room).await;
        } else {
            assert!(!bench.is_in(&mut alice, room).await, "{answer}");
        }
    }
    alice.says(json!(["pos_profile_unsubscribe", "Main Till"])).await;
    alice.pinged().await;
    assert!(!bench.is_in(&mut alice, room).await);
}

#[tokio::test]
async fn who_takes_it_back_before_the_answer_does_not_end_up_in_the_room() {
    let bench = bench().await;
    let realtime = bench.start().await;
    bench.web.arrange(MAY_SELL, Reply::json(200, r#"{"message":1}"#));
    let gate = bench.web.hold(MAY_SELL);
    let mut alice = realtime.user(SITE, "alice").await;
    alice.says(json!(["pos_profile_subscribe", "A"])).await;
    alice.says(json!(["pos_profile_subscribe", "B"])).await;
    bench.web.wait_for(MAY_SELL, 2).await;
    alice.says(json!(["pos_profile_unsubscribe", "A"])).await;
    alice.pinged().await;
    gate.add_permits(2);
    bench.enters(&mut alice, "pos_profile:B").await;
    alice.says(json!(["pos_profile_subscribe", "C"])).await;
    bench.web.wait_for(MAY_SELL, 3).await;
    gate.add_permits(1);
    bench.enters(&mut alice, "pos_profile:C").await;
    assert!(!bench.is_in(&mut alice, "pos_profile:A").await);
}

#[tokio::test]
async fn two_ways_to_the_viewers_of_a_document_do_not_stand_in_each_others_way() {
    let bench = bench().await;
    let realtime = bench.start().await;
    let gate = bench.web.hold(HAS_PERMISSION);
    let mut alice = realtime.user(SITE, "alice").await;
    alice.says(json!(["doc_open", "HD Ticket", "5"])).await;
    alice.says(json!(["view_ticket", "5"])).await;
    bench.web.wait_for(HAS_PERMISSION, 2).await;
    gate.add_permits(3);
    told(&mut [&mut alice], "ticket_viewers", &viewers(&json!("5"), &["alice"])).await;
    let mut bob = realtime.user(SITE, "bob").await;
    bob.says(json!(["view_ticket", "5"])).await;
    let mut heard = Vec::new();
    while heard != ["doc_viewers", "ticket_viewers"] {
        let packet = alice.packet().await;
        if packet.raw.contains("bob") {
            heard.push(packet.name().to_owned());
            heard.sort();
        }
    }
}

#[tokio::test]
async fn rules_reach_over_all_gateways_of_a_bench() {
    let bench = bench().await;
    let (one, two) = (bench.start().await, bench.start().await);
    let (mut alice, mut bob) = in_channel(&bench, [&one, &two]).await;
    let event = "raven_channel_typers";
    alice.says(json!(["raven_channel_typing", "general"])).await;
    told(&mut [&mut alice, &mut bob], event, &typers(&["alice"])).await;
    let mut carol = two.user(SITE, "carol").await;
    carol.says(json!(["raven_channel_get_typers", "general"])).await;
    told(&mut [&mut carol], event, &typers(&["alice"])).await;
    alice.leaves().await;
    assert_eq!(bob.viewers("Raven Channel", "general").await, ["bob"]);
    told(&mut [&mut bob], event, &typers(&[])).await;
    for (visitor, users) in [(&mut bob, &["bob"][..]), (&mut carol, &["bob", "carol"][..])] {
        visitor.says(json!(["view_ticket", "5"])).await;
        told(&mut [visitor], "ticket_viewers", &viewers(&json!("5"), users)).await;
    }
    told(&mut [&mut bob], "ticket_viewers", &viewers(&json!("5"), &["bob", "carol"])).await;
    let mut dora = one.user(SITE, "dora").await;
    dora.says(json!(["view_ticket", "5"])).await;
    let all = viewers(&json!("5"), &["bob", "carol", "dora"]);
    told(&mut [&mut bob, &mut carol, &mut dora], "ticket_viewers", &all).await;
    dora.says(json!(["helpdesk_ticket_typing", "5"])).await;
    let typing = json!({ "ticket_id": "5", "user": "dora@example.com" });
    told(&mut [&mut bob, &mut carol], "helpdesk_ticket_typing", &typing).await;
    assert!(bench.is_in(&mut dora, TICKET).await, "and nothing came back to her");
}

#[tokio::test]
async fn a_flood_of_events_ends_at_a_clients_share() {
    let bench = bench().await;
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    for _ in 0..1_000 {
        alice.says(json!(["fire"])).await;
    }
    alice.says(json!(["ping"])).await;
    let mut fires = 0;
    loop {
        let packet = alice.client.packet().await;
        match packet.name() {
            "ice" => fires += 1,
            "pong" => break,
            _ => panic!("{}", packet.raw),
        }
    }
    assert!((200..1_000).contains(&fires), "{fires}");
    realtime.log_line("a client says more than its share").await;
    let mut bob = realtime.user(SITE, "bob").await;
    bob.says(json!(["fire"])).await;
    bob.event("ice").await;
}

#[tokio::test]
async fn an_event_with_attachments_means_nothing() {
    let bench = bench().await;
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    let event = r#"["fire",{"_placeholder":true,"num":0}]"#;
    alice.client.raw(&format!("451-/{SITE},{event}")).await;
    alice.client.raw_binary(b"\x01\x02").await;
    alice.pinged().await;
    alice.says(json!(["fire", {}])).await;
    alice.event("ice").await;
}
