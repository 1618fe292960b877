//! What a client asks to hear: documents, lists, tasks; with permission where one is needed.

use serde_json::json;

use crate::support::frappe::{Bench, CAN_SUBSCRIBE_DOCTYPE, HAS_PERMISSION, SITE, USER_INFO};
use crate::support::packet::packet;
use crate::support::site_server::Reply;

#[tokio::test]
async fn a_ping_is_answered_and_never_acknowledged() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut guest = realtime.guest(SITE).await;
    guest.says(json!(["ping"])).await;
    assert_eq!(guest.client.packet().await.raw, format!(r#"2/{SITE},["pong"]"#));
    guest.client.say(&packet('2', &format!("/{SITE}"), Some(7), r#"["ping"]"#)).await;
    assert_eq!(guest.client.packet().await.raw, format!(r#"2/{SITE},["pong"]"#));
    guest.client.settled().await;
}

#[tokio::test]
async fn a_list_is_heard_with_permission_until_it_is_no_longer_wanted() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    alice.says(json!(["doctype_subscribe", "ToDo"])).await;
    let call = bench.web.wait_for(HAS_PERMISSION, 1).await.remove(0);
    assert_eq!(call.seen.method, "GET");
    assert!(call.query.starts_with("doctype=ToDo&name="), "{}", call.query);
    assert_eq!(call.param("name"), "");
    assert_eq!(call.header("cookie").as_deref(), Some("sid=sid-alice"));
    assert_eq!(call.header("x-frappe-site-name").as_deref(), Some(SITE));
    bench.enters(&mut alice, "doctype:ToDo").await;
    let update = json!({ "doctype": "ToDo", "name": "T-1", "user": "bob@example.com" });
    bench.publish_to(SITE, "doctype:ToDo", "list_update", &update);
    assert_eq!(alice.message("list_update").await, update);
    alice.says(json!(["doctype_unsubscribe", "ToDo"])).await;
    alice.pinged().await;
    assert!(!bench.is_in(&mut alice, "doctype:ToDo").await);
}

#[tokio::test]
async fn what_one_may_not_see_is_denied_in_silence() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    let html = Reply::Answer(200, "content-type: text/html\r\n".to_owned(), b"<p>true</p>".to_vec());
    let replies = [
        Reply::json(403, r#"{"exc_type":"PermissionError"}"#),
        Reply::json(404, r#"{"exc_type":"DoesNotExistError"}"#),
        Reply::json(417, r#"{"exc_type":"ValidationError"}"#),
        Reply::json(500, r#"{"exc_type":"OperationalError"}"#),
        Reply::json(200, r#"{"message":false}"#),
        Reply::json(200, r#"{"message":null}"#),
        Reply::json(200, r#"{"message":0}"#),
        Reply::json(200, r#"{"message":""}"#),
        Reply::json(200, "{}"),
        html,
        Reply::Close,
    ];
    let count = replies.len();
    for (number, reply) in replies.into_iter().enumerate() {
        bench.web.arrange(HAS_PERMISSION, reply);
        alice.says(json!(["doctype_subscribe", format!("D{number}")])).await;
        alice.says(json!(["doc_subscribe", "D", format!("N{number}")])).await;
        bench.web.wait_for(HAS_PERMISSION, 2 * number + 2).await;
    }
    bench.web.as_usual(HAS_PERMISSION);
    // Behind all of them, so that their answers have been dealt with.
    alice.says(json!(["doctype_subscribe", "ToDo"])).await;
    bench.enters(&mut alice, "doctype:ToDo").await;
    for number in 0..count {
        assert!(!bench.is_in(&mut alice, &format!("doctype:D{number}")).await, "answer {number}");
        assert!(!bench.is_in(&mut alice, &format!("doc:D/N{number}")).await, "answer {number}");
    }
}

#[tokio::test]
async fn names_of_documents_go_to_the_web_server_as_a_form_writes_them() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    for (name, query) in [
        (json!("T/1 é"), "doctype=To+Do&name=T%2F1+%C3%A9"),
        (json!("a&name=b#?%"), "doctype=To+Do&name=a%26name%3Db%23%3F%25"),
        (json!(5), "doctype=To+Do&name=5"),
    ] {
        let before = bench.web.calls_of(HAS_PERMISSION).len();
        alice.says(json!(["doc_subscribe", "To Do", name])).await;
        let call = bench.web.wait_for(HAS_PERMISSION, before + 1).await.pop().unwrap();
        assert!(call.query == query || call.query == format!("{query}&ptype=read"), "{}", call.query);
        let name = name.as_str().map_or_else(|| name.to_string(), str::to_owned);
        let room = format!("doc:To Do/{name}");
        bench.enters(&mut alice, &room).await;
        alice.says(json!(["doc_unsubscribe", "To Do", name])).await;
        alice.pinged().await;
        assert!(!bench.is_in(&mut alice, &room).await);
    }
}

#[tokio::test]
async fn the_credential_of_the_connecting_is_that_of_every_call() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = realtime.visit(SITE).authorization("token alice:secret").sid("sid-bob").join().await;
    alice.says(json!(["doctype_subscribe", "ToDo"])).await;
    let call = bench.web.wait_for(HAS_PERMISSION, 1).await.remove(0);
    assert_eq!(call.header("authorization").as_deref(), Some("token alice:secret"));
    assert_eq!(call.header("cookie"), None);
}

#[tokio::test]
async fn what_makes_no_sense_is_ignored() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    for name in ["doc_subscribe", "doc_unsubscribe", "doc_open", "doc_close"] {
        for args in [
            json!([name]),
            json!([name, "ToDo"]),
            json!([name, "ToDo", null]),
            json!([name, null, "T1"]),
            json!([name, "ToDo", { "toString": 1 }]),
            json!([name, ["ToDo"], "T1"]),
            json!([name, "ToDo", true]),
        ] {
            alice.says(args).await;
        }
    }
    for name in [
        "doctype_subscribe",
        "doctype_unsubscribe",
        "task_subscribe",
        "task_unsubscribe",
        "progress_subscribe",
    ] {
        for args in [json!([name]), json!([name, null]), json!([name, {}]), json!([name, []])] {
            alice.says(args).await;
        }
    }
    alice.says(json!(["no_such_event", { "a": [1] }, null])).await;
    alice.pinged().await;
    let asked: Vec<String> = bench.web.calls().into_iter().map(|call| call.method).collect();
    assert_eq!(asked, [USER_INFO]);
    for room in ["doctype:undefined", "doctype:null", "doctype:", "doc:ToDo/", "task_progress:undefined"] {
        assert!(!bench.is_in(&mut alice, room).await, "{room}");
    }
}

#[tokio::test]
async fn the_progress_of_a_task_is_heard_by_everybody_who_knows_its_id() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut guest = realtime.guest(SITE).await;
    guest.says(json!(["task_subscribe", "t-1"])).await;
    guest.pinged().await;
    let progress = json!({ "percent": 40, "title": "Import", "description": null, "task_id": "t-1" });
    bench.publish_to(SITE, "task_progress:t-1", "progress", &progress);
    assert_eq!(guest.message("progress").await, progress);
    // Both names mean the same room, in which one is once.
    guest.says(json!(["progress_subscribe", "t-1"])).await;
    guest.says(json!(["progress_subscribe", 2])).await;
    guest.pinged().await;
    bench.publish_to(SITE, "task_progress:t-1", "once", &json!(1));
    guest.event("once").await;
    assert!(bench.is_in(&mut guest, "task_progress:2").await);
    guest.says(json!(["task_unsubscribe", "t-1"])).await;
    guest.pinged().await;
    assert!(!bench.is_in(&mut guest, "task_progress:t-1").await);
    assert_eq!(bench.web.calls().len(), 1);
}

#[tokio::test]
async fn permission_that_comes_after_the_client_has_left_is_worth_nothing() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    let gate = bench.web.hold(HAS_PERMISSION);
    alice.says(json!(["doc_subscribe", "ToDo", "T1"])).await;
    alice.says(json!(["doc_open", "ToDo", "T1"])).await;
    bench.web.wait_for(HAS_PERMISSION, 2).await;
    alice.leaves().await;
    alice.client.connect(SITE, None).await;
    alice.welcomed().await;
    gate.add_permits(100);
    // Asked behind them, so that they have been dealt with.
    alice.says(json!(["doctype_subscribe", "ToDo"])).await;
    bench.enters(&mut alice, "doctype:ToDo").await;
    assert!(!bench.is_in(&mut alice, "doc:ToDo/T1").await);
    assert!(!bench.is_in(&mut alice, "open_doc:ToDo/T1").await);
}

#[tokio::test]
async fn what_is_given_up_before_the_permission_comes_stays_given_up() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    let gate = bench.web.hold(HAS_PERMISSION);
    for (ask, args) in [("doc_subscribe", 2), ("doctype_subscribe", 1), ("doc_open", 2)] {
        let mut event = vec![json!(ask), json!("ToDo"), json!("T1")];
        event.truncate(args + 1);
        alice.says(json!(event)).await;
    }
    bench.web.wait_for(HAS_PERMISSION, 3).await;
    alice.says(json!(["doc_unsubscribe", "ToDo", "T1"])).await;
    alice.says(json!(["doctype_unsubscribe", "ToDo"])).await;
    alice.says(json!(["doc_close", "ToDo", "T1"])).await;
    alice.says(json!(["doc_subscribe", "ToDo", "T2"])).await;
    gate.add_permits(100);
    bench.enters(&mut alice, "doc:ToDo/T2").await;
    for room in ["doc:ToDo/T1", "doctype:ToDo", "open_doc:ToDo/T1"] {
        assert!(!bench.is_in(&mut alice, room).await, "{room}");
    }
    // And it may be asked for anew.
    alice.says(json!(["doc_subscribe", "ToDo", "T1"])).await;
    bench.enters(&mut alice, "doc:ToDo/T1").await;
}

#[tokio::test]
async fn the_permission_api_may_be_fixed() {
    let bench = Bench::new().await.version(15).config("frappe:\n  permissionApi: can_subscribe");
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    alice.says(json!(["doctype_subscribe", "ToDo"])).await;
    bench.enters(&mut alice, "doctype:ToDo").await;
    assert_eq!(bench.web.calls_of(HAS_PERMISSION).len(), 0);
    assert_eq!(bench.web.calls_of(CAN_SUBSCRIBE_DOCTYPE).len(), 1);
}
