//! Who looks at a document: everybody who does is told, whenever that changes.

use serde_json::json;

use crate::support::frappe::{Bench, Channel, HAS_PERMISSION, Realtime, SITE, Visitor};

async fn opens(visitor: &mut Visitor, name: &str) {
    visitor.says(json!(["doc_open", "ToDo", name])).await;
}

async fn closes(visitor: &mut Visitor, name: &str) {
    visitor.says(json!(["doc_close", "ToDo", name])).await;
}

/// Somebody who has opened the document T1, alone so far.
async fn first(bench: &Bench, realtime: &Realtime, name: &str) -> Visitor {
    let mut visitor = realtime.user(SITE, name).await;
    opens(&mut visitor, "T1").await;
    bench.enters(&mut visitor, "open_doc:ToDo/T1").await;
    visitor
}

/// What each of them is told next.
async fn told(visitors: &mut [&mut Visitor], users: &[&str]) {
    for visitor in visitors {
        assert_eq!(visitor.viewers("ToDo", "T1").await, users);
    }
}

#[tokio::test]
async fn who_looks_alone_is_not_told_so_and_two_are_told_of_each_other() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    // Bob was there before Alice, but in the order of connecting Alice comes first.
    let mut alice = realtime.user(SITE, "alice").await;
    let mut bob = first(&bench, &realtime, "bob").await;
    bob.pinged().await;
    opens(&mut alice, "T1").await;
    told(&mut [&mut alice, &mut bob], &["alice", "bob"]).await;
    let room = "open_doc:ToDo/T1";
    assert!(bench.is_in(&mut alice, room).await && bench.is_in(&mut bob, room).await);
}

#[tokio::test]
async fn a_user_with_two_tabs_is_one_viewer() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = first(&bench, &realtime, "alice").await;
    let mut bob = realtime.user(SITE, "bob").await;
    opens(&mut bob, "T1").await;
    told(&mut [&mut alice, &mut bob], &["alice", "bob"]).await;
    let mut tab = realtime.user(SITE, "bob").await;
    opens(&mut tab, "T1").await;
    told(&mut [&mut alice, &mut bob, &mut tab], &["alice", "bob"]).await;
    // One of two tabs is closed, as a document is; the other stays.
    closes(&mut bob, "T1").await;
    told(&mut [&mut alice, &mut tab], &["alice", "bob"]).await;
    bob.pinged().await;
    tab.client.close().await;
    told(&mut [&mut alice], &["alice"]).await;
    assert!(bench.is_in(&mut alice, "open_doc:ToDo/T1").await);
}

#[tokio::test]
async fn two_tabs_of_one_user_alone_are_told_of_that_user() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut one = first(&bench, &realtime, "alice").await;
    let mut two = realtime.user(SITE, "alice").await;
    opens(&mut two, "T1").await;
    told(&mut [&mut one, &mut two], &["alice"]).await;
    // Whose own tab was closed is alone, and not told so; the next to come shows that it is closed.
    two.client.close().await;
    assert!(bench.is_in(&mut one, "open_doc:ToDo/T1").await);
    let mut bob = realtime.user(SITE, "bob").await;
    opens(&mut bob, "T1").await;
    told(&mut [&mut one, &mut bob], &["alice", "bob"]).await;
}

#[tokio::test]
async fn every_way_of_going_is_noticed() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = first(&bench, &realtime, "alice").await;
    for way in ["close", "leave", "end", "break"] {
        let mut bob = realtime.user(SITE, "bob").await;
        opens(&mut bob, "T1").await;
        told(&mut [&mut alice, &mut bob], &["alice", "bob"]).await;
        match way {
            "close" => closes(&mut bob, "T1").await,
            "leave" => bob.leaves().await,
            "end" => bob.client.close().await,
            _ => drop(bob),
        }
        told(&mut [&mut alice], &["alice"]).await;
    }
}

#[tokio::test]
async fn closing_what_was_never_open_tells_the_viewers_there_are() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let (mut bob, mut carol) = (realtime.user(SITE, "bob").await, realtime.user(SITE, "carol").await);
    closes(&mut carol, "T1").await;
    carol.pinged().await;
    let mut alice = first(&bench, &realtime, "alice").await;
    closes(&mut bob, "T1").await;
    told(&mut [&mut alice], &["alice"]).await;
    bob.pinged().await;
    assert!(!bench.is_in(&mut bob, "open_doc:ToDo/T1").await);
}

#[tokio::test]
async fn closing_one_document_does_not_forget_the_others() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    let mut bob = realtime.user(SITE, "bob").await;
    for name in ["T2", "T3"] {
        opens(&mut alice, name).await;
        bench.enters(&mut alice, &format!("open_doc:ToDo/{name}")).await;
    }
    opens(&mut bob, "T3").await;
    assert_eq!(bob.viewers("ToDo", "T3").await, ["alice", "bob"]);
    assert_eq!(alice.viewers("ToDo", "T3").await, ["alice", "bob"]);
    closes(&mut alice, "T2").await;
    alice.pinged().await;
    alice.client.close().await;
    assert_eq!(bob.viewers("ToDo", "T3").await, ["bob"]);
}

#[tokio::test]
async fn who_may_not_see_a_document_is_no_viewer_and_is_not_told_of_any() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = first(&bench, &realtime, "alice").await;
    bench.web.deny("ToDo", "T1");
    let mut bob = realtime.user(SITE, "bob").await;
    opens(&mut bob, "T1").await;
    bench.web.wait_for(HAS_PERMISSION, 2).await;
    opens(&mut bob, "T2").await;
    bench.enters(&mut bob, "open_doc:ToDo/T2").await;
    assert!(!bench.is_in(&mut bob, "open_doc:ToDo/T1").await);
    // Nor when he goes.
    bob.client.close().await;
    assert!(bench.is_in(&mut alice, "open_doc:ToDo/T1").await);
}

#[tokio::test]
async fn numbers_are_names_of_documents_too() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let (mut alice, mut bob) = (realtime.user(SITE, "alice").await, realtime.user(SITE, "bob").await);
    alice.says(json!(["doc_open", "ToDo", 5])).await;
    bench.enters(&mut alice, "open_doc:ToDo/5").await;
    bob.says(json!(["doc_open", "ToDo", "5"])).await;
    for visitor in [&mut alice, &mut bob] {
        assert_eq!(visitor.viewers("ToDo", "5").await, ["alice", "bob"]);
    }
}

#[tokio::test]
async fn a_session_that_leaves_and_comes_back_begins_with_nothing_open() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut bob = first(&bench, &realtime, "bob").await;
    let mut alice = realtime.user(SITE, "alice").await;
    opens(&mut alice, "T1").await;
    told(&mut [&mut alice, &mut bob], &["bob", "alice"]).await;
    alice.leaves().await;
    told(&mut [&mut bob], &["bob"]).await;
    alice.client.connect(SITE, None).await;
    alice.welcomed().await;
    assert!(!bench.is_in(&mut alice, "open_doc:ToDo/T1").await);
    opens(&mut alice, "T1").await;
    told(&mut [&mut alice, &mut bob], &["bob", "alice"]).await;
}

fn place(file: &str) -> serde_json::Value {
    json!(["open_in_editor", { "file": file, "line": 12, "column": 3 }])
}

#[tokio::test]
async fn the_editor_of_a_developer_opens_what_a_user_asks_for_and_nothing_for_a_guest() {
    let bench = Bench::new().await.common("developer_mode", json!(1));
    let realtime = bench.start().await;
    let mut editor = Channel::listen(&bench.redis, "open_in_editor").await;
    let mut guest = realtime.guest(SITE).await;
    guest.says(place("/guest.js")).await;
    guest.pinged().await;
    let mut alice = realtime.user(SITE, "alice").await;
    alice.says(place("/alice.js")).await;
    let heard = editor.until("/alice.js").await;
    assert!(heard.contains(r#""line":12"#) && heard.contains(r#""column":3"#), "{heard}");
    assert!(!heard.contains("/guest.js"), "{heard}");
    guest.pinged().await;
}

#[tokio::test]
async fn without_developer_mode_no_editor_opens_anything() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut editor = Channel::listen(&bench.redis, "open_in_editor").await;
    let mut alice = realtime.user(SITE, "alice").await;
    alice.says(place("/alice.js")).await;
    alice.pinged().await;
    assert!(bench.is_in(&mut alice, "all").await);
    bench.redis.cli(&["PUBLISH", "open_in_editor", "the end"]);
    let heard = editor.until("the end").await;
    assert!(!heard.contains("/alice.js"), "{heard}");
}
