//! Keys, whole refusals, and results one by one.

use serde_json::json;

use super::{JSON, bearer, path, post, problem, results};
use crate::support::backend;
use crate::support::client::Client;
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::{Wire, ask};

const ONE: &[u8] = br#"[{"rooms":"user_1","event":"e"}]"#;

#[tokio::test]
async fn what_is_wrong_with_one_message_does_not_hold_up_the_others() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).config("sendLimit: 1KiB").start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    let long = json!({"rooms": "user_1", "event": "e", "args": "x".repeat(1024)});
    let messages = json!([
        {"rooms": ["user_1"], "event": "first"},
        {"rooms": [], "event": "e"},
        {"rooms": "user_1"},
        7,
        {"rooms": "user_1", "event": "_batch"},
        {"rooms": "user_1", "event": "e", "resync": "yes"},
        long,
        {"rooms": "nobody", "event": "e"},
        {"rooms": "user_1", "event": "last", "args": [1, [2]]},
    ]);
    let answer = post(&gateway, "demo", JSON, messages.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let results = results(&answer);
    let expected = [
        None,
        Some((400, "'rooms' is missing or empty: name at least one room.")),
        Some((400, "'event' is missing.")),
        Some((400, "The message must be a JSON object with 'rooms', 'event' and 'args'.")),
        Some((400, "the event name '_batch' is reserved.")),
        Some((400, "'resync' must be true or false.")),
        Some((413, "The message is larger than 1024 bytes. Send less, or raise sendLimit in config.yml.")),
        None,
        None,
    ];
    assert_eq!(results.len(), expected.len());
    for (result, expected) in results.iter().zip(expected) {
        let error =
            result.get("error").map(|e| (e["status"].as_u64().unwrap(), e["detail"].as_str().unwrap()));
        assert_eq!(error, expected, "{result}");
    }
    let numbers = |at: usize| ["devices", "online", "queued"].map(|name| results[at][name].as_u64().unwrap());
    assert_eq!([numbers(0), numbers(7), numbers(8)], [[1, 1, 1], [0, 0, 0], [1, 1, 1]]);
    assert_ne!(results[0]["id"], results[8]["id"]);
    client.acked("first").await;
    assert_eq!(client.acked("last").await.args(), [json!(1), json!([2])]);
    client.settled().await;
}

#[tokio::test]
async fn the_key_is_looked_at_first_and_refusals_are_problems() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let key = Gateway::key("demo");
    let right = [
        (path("demo"), vec![bearer("demo")]),
        (path("demo"), vec![format!("X-Api-Key: {key}")]),
        (format!("{}?apiKey={key}", path("demo")), vec![]),
        (path("d%65mo"), vec![bearer("demo")]),
    ];
    for (path, headers) in right {
        let headers: Vec<&str> = [JSON].into_iter().chain(headers.iter().map(String::as_str)).collect();
        let answer = ask(gateway.port, "POST", &path, &headers, ONE).await;
        assert_eq!(answer.status, 200, "{path} {headers:?}: {}", answer.text());
    }
    let wrong = [
        (path("demo"), "Authorization: Bearer wrong".to_owned(), "There is no such site, or the API key"),
        (path("other"), bearer("demo"), "There is no such site, or the API key"),
        (path("%00"), bearer("demo"), "There is no such site, or the API key"),
        (path("demo"), "Accept: */*".to_owned(), "There is no API key: send it as 'Authorization: Bearer"),
        (format!("{}?apiKey=wrong", path("demo")), bearer("demo"), "There is no such site, or the API key"),
    ];
    for (path, header, detail) in wrong {
        let mut wire = Wire::open(gateway.port).await;
        // The body is announced and never comes.
        wire.ask("POST", &path, &[JSON, &header, "Content-Length: 1000000000"], b"").await;
        let answer = wire.answer().await;
        assert_eq!(answer.status, 401, "{path}");
        assert!(problem(&answer).starts_with(detail), "{}", answer.text());
    }
    let answer = ask(gateway.port, "GET", &path("demo"), &[&bearer("demo")], b"").await;
    assert_eq!(answer.status, 405);
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_whole() {
    let site = backend::start().await;
    let limits = "sendLimit: 1KiB\nbatchLimit: 2KiB\nbatchItems: 3";
    let gateway = Setup::demo(&site).config(limits).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    let message = r#"{"rooms":"user_1","event":"e"}"#;
    let array = |count: usize| format!("[{}]", vec![message; count].join(","));
    let padded = |length: usize| format!("{}{}", array(1), " ".repeat(length - array(1).len()));
    let answer = post(&gateway, "demo", JSON, padded(2048)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    client.acked("e").await;
    for (kind, body, status, detail) in [
        (JSON, format!("[{message},{message}"), 400, "The body is not valid JSON: "),
        (JSON, String::new(), 400, "The body is not valid JSON: "),
        (JSON, message.to_owned(), 400, "The body must be a JSON array of messages, or application/x-ndjson"),
        (JSON, array(4), 413, "There are more than 3 messages. Send fewer at once, or raise batchItems"),
        (super::LINES, [message; 4].join("\n"), 413, "There are more than 3 messages."),
        (
            JSON,
            padded(2049),
            413,
            "The body is larger than 2048 bytes. Send fewer messages at once, or raise batchLimit",
        ),
        (
            "Content-Type: text/csv",
            array(1),
            415,
            "The body must be application/json, or one message in each line",
        ),
        (
            "Content-Type: application/json; charset=latin1",
            array(1),
            415,
            "The body must be application/json, or",
        ),
    ] {
        let answer = post(&gateway, "demo", kind, &body).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
        assert!(problem(&answer).starts_with(detail), "{body}: {}", answer.text());
        assert!(answer.json().get("results").is_none());
    }
    client.settled().await;
}

#[tokio::test]
async fn where_nothing_can_be_kept_the_whole_is_503_and_each_result_is_told() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).no_size_signal().start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    let messages = r#"[{"rooms":"user_1","event":"e"},{"rooms":[]},{"rooms":"user_1","event":"f"}]"#;
    gateway.limit_files(Some(0));
    let answer = post(&gateway, "demo", JSON, messages).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{}", answer.text());
    assert!(problem(&answer).starts_with("None of the messages was accepted"));
    let results = results(&answer);
    let of = |at: usize| {
        (results[at]["error"]["status"].as_u64(), results[at]["error"]["detail"].as_str().unwrap())
    };
    assert_eq!(of(1).0, Some(400));
    for at in [0, 2] {
        assert!(
            of(at).0 == Some(503) && of(at).1.starts_with("The message was not accepted: "),
            "{:?}",
            of(at)
        );
    }
    client.settled().await;
    gateway.limit_files(None);
    gateway.send("demo", &["user_1"], "after", json!(1)).await;
    client.acked("after").await;
    client.settled().await;
}
