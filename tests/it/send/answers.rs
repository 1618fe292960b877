//! Status, content type and body of every answer.

use serde_json::{Value, json};

use super::{HTML, PLAIN};
use crate::support::backend;
use crate::support::client::Client;
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::ask;
use crate::support::send::Send;

const MISSING: &str = "Missing query param 'site' or 'apiKey'.";
const NO_ROOMS: &str = "'rooms' is missing or empty: name at least one room.";
const ROOM_TYPE: &str = "'rooms' must be a string or an array of strings.";

async fn gateway() -> Gateway {
    let site = backend::start().await;
    Setup::demo(&site).start().await
}

#[tokio::test]
async fn accepted_is_ok_whoever_is_there() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).broadcast_site("plain", &site, "").start().await;
    let _client = Client::v4(&gateway, "demo", "user_1", "d").await;
    for (name, rooms) in [
        ("demo", json!(["user_1"])),
        ("demo", json!("user_1")),
        ("demo", json!(["nobody", "user_9"])),
        ("plain", json!(["anything"])),
    ] {
        let answer = Send::to(&gateway, name).json(&json!({"rooms": rooms, "event": "e"})).post().await;
        assert_eq!((answer.status, answer.content_type(), answer.text().as_str()), (200, PLAIN, "OK"));
    }
}

#[tokio::test]
async fn a_caller_that_accepts_json_gets_a_receipt() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let _here = Client::v4(&gateway, "demo", "user_1", "here").await;
    let away = Client::v4(&gateway, "demo", "user_1", "away").await;
    away.close().await;
    let mut ids: Vec<u64> = Vec::new();
    for accept in ["application/json", "text/html, application/json;q=0.9", "application/problem+json"] {
        let send = Send::to(&gateway, "demo").header(&format!("Accept: {accept}"));
        let answer = send.event(&["user_1", "user_1"], "e", json!(1)).post().await;
        assert_eq!((answer.status, answer.content_type()), (200, "application/json"));
        let receipt = answer.json();
        assert_eq!((&receipt["devices"], &receipt["queued"]), (&json!(2), &json!(2)), "{receipt}");
        assert!(receipt["online"] == 1 || receipt["online"] == 2, "{receipt}");
        assert_eq!(receipt.as_object().unwrap().len(), 4);
        ids.push(receipt["id"].as_str().unwrap().parse().unwrap());
    }
    assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?}");
    let any = Send::to(&gateway, "demo").header("Accept: */*").event(&["user_1"], "e", json!(1));
    assert_eq!(any.post().await.text(), "OK");
}

#[tokio::test]
async fn a_missing_site_or_key_is_told_as_ever() {
    let gateway = gateway().await;
    for query in ["", "site=demo", "apiKey=x", "site=&apiKey=x", "site=demo&apiKey="] {
        let answer = Send::bare(&gateway).query(query).event(&["user_1"], "e", json!(1)).post().await;
        assert_eq!(
            (answer.status, answer.content_type(), answer.text().as_str()),
            (400, HTML, MISSING),
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_wrong_site_or_key_is_told_as_ever() {
    let gateway = gateway().await;
    let key = Gateway::key("demo");
    for query in [
        "site=demo&apiKey=wrong".to_owned(),
        format!("site=nope&apiKey={key}"),
        format!("site=__proto__&apiKey={key}"),
        format!("site=constructor&apiKey={key}"),
        format!("site=DEMO&apiKey={key}"),
        format!("site=/demo&apiKey={key}"),
        format!("site=demo&apiKey={key}&apiKey={key}"),
        format!("site=demo&site=demo&apiKey={key}"),
        format!("site=demo&apiKey={key}x"),
        format!("site=demo&apiKey={}", &key[1..]),
    ] {
        let answer = Send::bare(&gateway).query(&query).event(&["user_1"], "e", json!(1)).post().await;
        let expected = (401, HTML, "ApiKey invalid.");
        assert_eq!((answer.status, answer.content_type(), answer.text().as_str()), expected, "{query}");
    }
}

/// Bodies that are refused, and why.
fn refused() -> Vec<(String, String)> {
    let reserved = [
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "error",
        "newListener",
        "removeListener",
        "_settings",
        "_batch",
        "_resync",
    ];
    let mut cases = vec![
        (r#"{"event":"e"}"#.to_owned(), NO_ROOMS.to_owned()),
        (r#"{"rooms":[],"event":"e"}"#.to_owned(), NO_ROOMS.to_owned()),
        (r#"{"rooms":null,"event":"e"}"#.to_owned(), NO_ROOMS.to_owned()),
        (r#"{"rooms":7,"event":"e"}"#.to_owned(), ROOM_TYPE.to_owned()),
        (r#"{"rooms":["user_1",7],"event":"e"}"#.to_owned(), ROOM_TYPE.to_owned()),
        (r#"{"rooms":["user_1",null],"event":"e"}"#.to_owned(), ROOM_TYPE.to_owned()),
        (r#"{"rooms":{"a":"b"},"event":"e"}"#.to_owned(), ROOM_TYPE.to_owned()),
        (r#"{"rooms":"user_1"}"#.to_owned(), "'event' is missing.".to_owned()),
        (r#"{"rooms":"user_1","event":7}"#.to_owned(), "'event' must be a string.".to_owned()),
        (r#"{"rooms":"user_1","event":["e"]}"#.to_owned(), "'event' must be a string.".to_owned()),
        (
            r#"{"rooms":"user_1","event":"\u005fbatch"}"#.to_owned(),
            "the event name '_batch' is reserved.".to_owned(),
        ),
        ("7".to_owned(), "The body must be a JSON object with 'rooms', 'event' and 'args'.".to_owned()),
        ("[]".to_owned(), "The body must be a JSON object with 'rooms', 'event' and 'args'.".to_owned()),
    ];
    cases.extend(reserved.map(|name| {
        (format!(r#"{{"rooms":"user_1","event":"{name}"}}"#), format!("the event name '{name}' is reserved."))
    }));
    cases
}

#[tokio::test]
async fn what_is_wrong_with_a_body_is_named_and_nobody_gets_it() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    for (body, text) in refused() {
        let send = || Send::to(&gateway, "demo").body("application/json", body.clone());
        let answer = send().post().await;
        assert_eq!(
            (answer.status, answer.content_type(), answer.text()),
            (400, PLAIN, text.clone()),
            "{body}"
        );
        let answer = send().wants_json().post().await;
        assert_eq!((answer.status, answer.content_type()), (400, "application/problem+json"), "{body}");
        assert_eq!(answer.json(), problem(400, "Bad Request", &text), "{body}");
    }
    gateway.send("demo", &["user_1"], "end", Value::Null).await;
    client.event("end").await;
}

#[tokio::test]
async fn broken_json_says_where() {
    let gateway = gateway().await;
    for body in ["{", r#"{"rooms":"user_1","event":"e","args":[1,}"#, "", "{\"rooms\":\"\u{1}\"}"] {
        let answer = Send::to(&gateway, "demo").body("application/json", body).post().await;
        let text = answer.text();
        assert_eq!((answer.status, answer.content_type()), (400, PLAIN), "{body:?}: {text}");
        assert!(text.starts_with("The body "), "{body:?}: {text}");
    }
    let mut invalid = br#"{"rooms":"user_1","event":"e","args":"x"}"#.to_vec();
    let at = invalid.len() - 3;
    invalid[at] = 0xff;
    let answer = Send::to(&gateway, "demo").body("application/json", invalid).post().await;
    assert_eq!(answer.status, 400, "not UTF-8: {}", answer.text());
}

#[tokio::test]
async fn problems_of_the_key_are_json_too_where_json_is_accepted() {
    let gateway = gateway().await;
    let answer = Send::bare(&gateway).wants_json().event(&["a"], "e", json!(1)).post().await;
    assert_eq!((answer.status, answer.content_type()), (400, "application/problem+json"));
    assert_eq!(answer.json(), problem(400, "Bad Request", MISSING));
    let wrong = Send::bare(&gateway).query("site=demo").query("apiKey=wrong");
    let answer = wrong.wants_json().event(&["a"], "e", json!(1)).post().await;
    assert_eq!((answer.status, answer.content_type()), (401, "application/problem+json"));
    assert_eq!(answer.json(), problem(401, "Unauthorized", "ApiKey invalid."));
}

fn problem(status: u16, title: &str, detail: &str) -> Value {
    json!({"type": "about:blank", "title": title, "status": status, "detail": detail})
}

#[tokio::test]
async fn other_methods_are_answered_and_do_nothing() {
    let gateway = gateway().await;
    let path = Send::to(&gateway, "demo").path();
    let options = ask(gateway.port, "OPTIONS", &path, &[], b"").await;
    assert_eq!(
        (options.status, options.header("allow"), options.text().as_str()),
        (200, Some("POST"), "POST")
    );
    for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH"] {
        let answer = ask(gateway.port, method, &path, &[], b"").await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST, OPTIONS")), "{method}");
    }
    let slash = path.replace("/send?", "/send/?");
    let body = br#"{"rooms":"user_1","event":"e"}"#;
    let answer = ask(gateway.port, "POST", &slash, &["Content-Type: application/json"], body).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "OK"));
}

#[tokio::test]
async fn health_is_told() {
    let gateway = gateway().await;
    for path in ["/healthcheck", "/healthcheck/"] {
        let answer = gateway.get(path).await;
        assert_eq!((answer.status, answer.content_type(), answer.text().as_str()), (200, HTML, "ok"));
    }
    assert_eq!(ask(gateway.port, "HEAD", "/healthcheck", &[], b"").await.status, 200);
    assert_eq!(ask(gateway.port, "POST", "/healthcheck", &[], b"").await.status, 404);
    assert_eq!((gateway.get("/livez").await.status, gateway.get("/readyz").await.status), (200, 200));
    assert_eq!(gateway.get("/nothing").await.status, 404);
}
