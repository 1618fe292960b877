//! Arrays, lines, compression, and what is kept to the letter.

use serde_json::json;

use super::{JSON, LINES, bearer, path, post, results};
use crate::send::body::gzip;
use crate::support::backend;
use crate::support::client::Client;
use crate::support::gateway::Setup;
use crate::support::http::ask;

#[tokio::test]
async fn lines_are_messages_and_one_that_is_broken_is_that_one_alone() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    let body = b"\r\n{\"rooms\":\"user_1\",\"event\":\"one\"}\r\n\n{\"rooms\":\n\xff\n {\"event\":\"two\",\"rooms\":[\"user_1\"]}";
    for kind in [LINES, "Content-Type: application/jsonl; charset=utf-8"] {
        let answer = post(&gateway, "demo", kind, body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let results = results(&answer);
        assert_eq!(results.len(), 4);
        for broken in [&results[1], &results[2]] {
            let detail = broken["error"]["detail"].as_str().unwrap();
            assert!(detail.starts_with("The message is not valid JSON: "), "{detail}");
        }
        client.acked("one").await;
        client.acked("two").await;
    }
    for (kind, nothing) in [(LINES, "\n \n"), (JSON, " [ ] ")] {
        let answer = post(&gateway, "demo", kind, nothing).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"results":[]}"#));
    }
    client.settled().await;
}

#[tokio::test]
async fn event_and_args_travel_as_the_bytes_that_came_in() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    let bodies = [
        (r#"{"rooms":"user_1","event":"e","args":[[1,2],[3]]}"#, r#"["e",[1,2],[3]]"#),
        (
            r#"{"args":{"b":1.50,"a":9007199254740993},"event":"\u0065","rooms":["user_1"]}"#,
            r#"["\u0065",{"b":1.50,"a":9007199254740993}]"#,
        ),
        (r#"{"rooms":"user_1","event":"e","more":{}}"#, r#"["e",null]"#),
        (r#"{"rooms":"user_1","event":"e","args":[ "\u00e9😀" ]}"#, r#"["e","\u00e9😀"]"#),
    ];
    let array = format!(" [{}\n]", bodies.map(|(body, _)| body).join(" ,\n"));
    let zipped = gzip(array.as_bytes());
    let gzip = ["Content-Encoding: gzip", JSON, &bearer("demo")];
    for headers in [&gzip[1..], &gzip] {
        let body = if headers.len() == 3 { &zipped } else { array.as_bytes() };
        let answer = ask(gateway.port, "POST", &path("demo"), headers, body).await;
        assert_eq!(results(&answer).len(), 4);
        for (_, event) in bodies {
            let packet = client.packet().await;
            assert!(packet.raw.ends_with(event), "{} should end with {event}", packet.raw);
            client.ack(&packet).await;
        }
    }
    let answer =
        ask(gateway.port, "POST", &path("demo"), &["Content-Encoding: br", JSON, &bearer("demo")], b"[]")
            .await;
    assert_eq!(answer.status, 415);
}

#[tokio::test]
async fn resync_is_said_by_each_message_and_else_by_the_query() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    for (device, query, of_message, on) in [
        ("a", "", json!(true), true),
        ("b", "", json!(null), false),
        ("c", "?resync=true", json!(null), true),
        ("d", "?resync=true", json!(false), false),
    ] {
        let mut client = Client::v4(&gateway, "demo", "user_1", device).await;
        let messages = json!([
            {"rooms": "user_1", "event": "older", "resync": false},
            {"rooms": "user_1", "event": "newer", "resync": of_message},
        ]);
        let path = format!("{}{query}", path("demo"));
        let answer =
            ask(gateway.port, "POST", &path, &[JSON, &bearer("demo")], messages.to_string().as_bytes()).await;
        assert_eq!(results(&answer).len(), 2);
        let older = client.event("older").await;
        client.acked("newer").await;
        if on {
            client.event("_resync").await;
        }
        client.ack(&older).await;
        client.settled().await;
        client.close().await;
    }
}
