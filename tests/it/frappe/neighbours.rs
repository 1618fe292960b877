//! What the gateways of a bench tell each other, and what becomes of it where Redis loses some.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::frappe::{Bench, Channel, HAS_PERMISSION, Realtime, SITE, Visitor};

/// Where they speak with each other.
const CHANNEL: &str = "postroom:frappe:1";
/// Sooner than a gateway that says nothing is taken for dead.
const SOON: Duration = Duration::from_secs(5);

async fn opens(visitor: &mut Visitor, name: &str) {
    visitor.says(json!(["doc_open", "ToDo", name])).await;
}

async fn closes(visitor: &mut Visitor, name: &str) {
    visitor.says(json!(["doc_close", "ToDo", name])).await;
    visitor.pinged().await;
}

/// Waits until the last that it was told of the document is this.
async fn told(visitor: &mut Visitor, users: &[&str]) {
    let mut last = Vec::new();
    while last != users {
        last = visitor.viewers("ToDo", "T1").await;
        last.sort();
    }
}

/// Alice and Bob, each at a gateway of its own, with the document T1 open.
async fn both(bench: &Bench) -> [(Realtime, Visitor); 2] {
    let (one, two) = (bench.start().await, bench.start().await);
    let (mut alice, mut bob) = (one.user(SITE, "alice").await, two.user(SITE, "bob").await);
    opens(&mut alice, "T1").await;
    bench.enters(&mut alice, "open_doc:ToDo/T1").await;
    opens(&mut bob, "T1").await;
    told(&mut alice, &["alice", "bob"]).await;
    told(&mut bob, &["alice", "bob"]).await;
    [(one, alice), (two, bob)]
}

/// As a neighbour of this number.
fn writes(bench: &Bench, node: u64, say: &Value) {
    let heard = bench.redis.cli(&["PUBLISH", CHANNEL, &json!({ "node": node, "say": say }).to_string()]);
    assert_ne!(heard, "0");
}

fn viewers(names: &[&str]) -> Value {
    let viewers: Vec<_> = names.iter().map(|name| json!([format!("{name}@example.com"), 1])).collect();
    let notices = json!([{ "Doc": { "doctype": "ToDo", "docname": "T1" } }]);
    json!({ "site": SITE, "room": "open_doc:ToDo/T1", "viewers": viewers, "notices": notices })
}

#[tokio::test]
async fn who_leaves_while_redis_is_away_does_not_stay_for_ever() {
    let mut bench = Bench::new().await;
    let [(one, mut alice), (two, mut bob)] = both(&bench).await;
    bench.redis.stop();
    closes(&mut bob, "T1").await;
    bench.redis.restart();
    for realtime in [&one, &two] {
        realtime.healthy("ok").await;
    }
    told(&mut alice, &["alice"]).await;
}

#[tokio::test]
async fn what_was_not_told_for_want_of_a_connection_is_told_later() {
    let bench = Bench::new().await;
    let [(_one, mut alice), (_two, mut bob)] = both(&bench).await;
    // They go on hearing.
    bench.redis.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
    closes(&mut bob, "T1").await;
    told(&mut alice, &["alice"]).await;
}

#[tokio::test]
async fn who_was_taken_for_dead_is_asked_who_is_there() {
    let bench = Bench::new().await;
    let _realtime = bench.start().await;
    let mut channel = Channel::listen(&bench.redis, CHANNEL).await;
    writes(&bench, 42, &json!("Alive"));
    channel.until("\"Hello\"").await;
}

#[tokio::test]
async fn a_roll_replaces_what_was_said_before() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    opens(&mut alice, "T1").await;
    bench.enters(&mut alice, "open_doc:ToDo/T1").await;
    writes(&bench, 42, &json!({ "Viewers": { "stay": viewers(&["bob"]), "by": null } }));
    told(&mut alice, &["alice", "bob"]).await;
    writes(
        &bench,
        42,
        &json!({ "Roll": { "stays": [viewers(&["bob", "carol"])], "begins": true, "ends": true } }),
    );
    told(&mut alice, &["alice", "bob", "carol"]).await;
    writes(&bench, 42, &json!({ "Roll": { "stays": [], "begins": true, "ends": false } }));
    writes(&bench, 42, &json!({ "Roll": { "stays": [viewers(&["bob"])], "begins": false, "ends": true } }));
    assert_eq!(alice.viewers("ToDo", "T1").await, ["bob", "alice"]);
    writes(&bench, 42, &json!({ "Roll": { "stays": [], "begins": true, "ends": true } }));
    assert_eq!(alice.viewers("ToDo", "T1").await, ["alice"]);
}

#[tokio::test]
async fn many_who_come_at_once_hear_the_same_roll() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    opens(&mut alice, "T1").await;
    bench.enters(&mut alice, "open_doc:ToDo/T1").await;
    let mut channel = Channel::listen(&bench.redis, CHANNEL).await;
    for node in 0..50 {
        writes(&bench, node, &json!("Hello"));
    }
    // One at once, and one for all the others with the next beat, behind which there is another beat.
    let mut round = 0;
    let heard = loop {
        round += 1;
        let mark = format!("round {round}!");
        bench.redis.cli(&["PUBLISH", CHANNEL, &mark]);
        let heard = channel.until(&mark).await;
        if heard.matches("\"Alive\"").count() > 1 {
            break heard;
        }
    };
    let rolls = heard.matches("\"Roll\"").count();
    assert!((1..=3).contains(&rolls), "{rolls}");
}

#[tokio::test]
async fn who_goes_with_a_gateway_that_stops_is_told_before_it_has_stopped() {
    let bench = Bench::new().await;
    let [(_one, mut alice), (mut two, mut bob)] = both(&bench).await;
    closes(&mut bob, "T1").await;
    told(&mut alice, &["alice"]).await;
    for number in 0..80 {
        opens(&mut bob, &format!("B{number}")).await;
        bench.enters(&mut bob, &format!("open_doc:ToDo/B{number}")).await;
    }
    opens(&mut bob, "T1").await;
    told(&mut alice, &["alice", "bob"]).await;
    assert!(two.terminate().await.success());
    let stopped = Instant::now();
    told(&mut alice, &["alice"]).await;
    assert!(stopped.elapsed() < SOON, "{:?}", stopped.elapsed());
}

#[tokio::test]
async fn a_long_roll_comes_in_pieces_and_names_every_place() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    for batch in 1..=3 {
        // A client may have a hundred questions under way, and those of the last batch may not all be answered.
        for number in 0..90 {
            opens(&mut alice, &format!("{batch}-{number}")).await;
        }
        bench.web.wait_for(HAS_PERMISSION, batch * 90).await;
        bench.enters(&mut alice, &format!("open_doc:ToDo/{batch}-89")).await;
    }
    for number in 0..90 {
        bench.enters(&mut alice, &format!("open_doc:ToDo/3-{number}")).await;
    }
    let mut channel = Channel::listen(&bench.redis, CHANNEL).await;
    writes(&bench, 42, &json!("Hello"));
    let heard = channel.until("\"ends\":true").await;
    let rolls = heard.matches("\"Roll\"").count();
    assert_eq!((rolls, heard.matches("\"begins\":true").count()), (2, 1));
    assert_eq!(heard.matches("\"room\":\"open_doc:ToDo/").count(), 270);
}
