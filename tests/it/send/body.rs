//! Bodies: kinds, sizes, compression, and what the clients see of them.

use serde_json::{Value, json};

use super::PLAIN;
use crate::support::backend;
use crate::support::client::Client;
use crate::support::gateway::Setup;
use crate::support::send::Send;

#[tokio::test]
async fn args_are_spread_one_level_and_otherwise_kept_to_the_letter() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    for (args, event) in [
        (r#","args":[[1,2],[3]]"#, r#"["e",[1,2],[3]]"#),
        (r#","args":{"b":1,"a":[2]}"#, r#"["e",{"b":1,"a":[2]}]"#),
        (r#","args":"text""#, r#"["e","text"]"#),
        (r#","args":12345678901234567890.10"#, r#"["e",12345678901234567890.10]"#),
        (
            r#","args":[ {"n": 9007199254740993} , "\u00e9\ud83d\ude00é😀"]"#,
            r#"["e",{"n": 9007199254740993} , "\u00e9\ud83d\ude00é😀"]"#,
        ),
        (r#","args":false"#, r#"["e",false]"#),
        (r#","args":null"#, r#"["e",null]"#),
        (r#","args":[]"#, r#"["e"]"#),
        ("", r#"["e",null]"#),
    ] {
        let body = format!(r#"{{"rooms":["user_1"],"event":"e"{args}}}"#);
        let answer = Send::to(&gateway, "demo").body("application/json; charset=utf-8", body).post().await;
        assert_eq!(answer.status, 200, "{args}: {}", answer.text());
        let packet = client.event("e").await;
        assert!(packet.raw.ends_with(event), "{} should end with {event}", packet.raw);
    }
}

#[tokio::test]
async fn forms_are_taken_in_every_spelling() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1+staff", "d").await;
    let form = "application/x-www-form-urlencoded";
    for (body, args) in [
        ("rooms=user_1&event=e&args=x%20y+z", json!(["x y z"])),
        ("rooms[]=user_1&rooms[]=staff&event=e&args[]=x&args[]=2", json!(["x", "2"])),
        ("rooms%5B0%5D=staff&event=e&args%5B0%5D=%C3%A9", json!(["é"])),
        ("rooms=user_1&event=e", json!([null])),
        (r#"{"rooms":"user_1","event":"e","args":[1]}"#, json!([1])),
    ] {
        let answer = Send::to(&gateway, "demo").body(form, body).post().await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "OK"), "{body}");
        assert_eq!(Value::from(client.event("e").await.args()), args, "{body}");
    }
    for body in ["event=e", "rooms=&event=_batch", "rooms=user_1"] {
        assert_eq!(Send::to(&gateway, "demo").body(form, body).post().await.status, 400, "{body}");
    }
}

#[tokio::test]
async fn other_kinds_of_bodies_are_415() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    for kind in ["text/plain", "application/xml", "application/json; charset=latin1", "multipart/form-data"] {
        let body = r#"{"rooms":"user_1","event":"e"}"#;
        let answer = Send::to(&gateway, "demo").body(kind, body).post().await;
        assert_eq!((answer.status, answer.content_type()), (415, PLAIN), "{kind}");
        let text = answer.text();
        assert!(text.contains("application/json") && text.contains(kind), "{text}");
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_413_and_one_at_the_limit_is_taken() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).config("sendLimit: 2KiB").start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    let body = |length: usize| {
        let frame = r#"{"rooms":"user_1","event":"e","args":""}"#;
        frame.replace("\"\"}", &format!("\"{}\"}}", "x".repeat(length - frame.len())))
    };
    let send = || Send::to(&gateway, "demo");
    let answer = send().body("application/json", body(2048)).post().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    client.event("e").await;
    let answer = send().body("application/json", body(2049)).post().await;
    assert_eq!((answer.status, answer.content_type()), (413, PLAIN));
    assert_eq!(
        answer.text(),
        "The body is larger than 2048 bytes. Send less, or raise sendLimit in config.yml."
    );
    let mut chunked = format!("{:x}\r\n", 4096).into_bytes();
    chunked.extend(body(4096).bytes().chain(*b"\r\n0\r\n\r\n"));
    let answer = send().header("Transfer-Encoding: chunked").body("application/json", chunked).post().await;
    assert_eq!(answer.status, 413, "{}", answer.text());
}

#[tokio::test]
async fn the_default_limit_is_a_mebibyte() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    let text = "é".repeat(400_000);
    gateway.send("demo", &["user_1"], "long", json!(text)).await;
    assert_eq!(client.event("long").await.args()[0].as_str().unwrap().len(), 800_000);
    let answer = Send::to(&gateway, "demo").event(&["user_1"], "e", json!("x".repeat(1 << 20))).post().await;
    assert_eq!(answer.status, 413);
}

#[tokio::test]
async fn compressed_bodies_are_taken_and_counted_as_what_they_come_to() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    let send = |bytes: Vec<u8>, encoding: &str| {
        let send = Send::to(&gateway, "demo").header(&format!("Content-Encoding: {encoding}"));
        send.body("application/json", bytes).post()
    };
    let body = br#"{"rooms":"user_1","event":"zipped","args":1}"#;
    let answer = send(gzip(body), "gzip").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    client.event("zipped").await;
    let answer = send(b"this is no gzip".to_vec(), "gzip").await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    // Two kilobytes on the wire, two megabytes behind them.
    let answer = send(include_bytes!("two_mib_of_blanks.gz").to_vec(), "gzip").await;
    assert_eq!(answer.status, 413, "{}", answer.text());
    for unknown in ["br", "rot13", "gzip, gzip"] {
        let answer = send(body.to_vec(), unknown).await;
        let text = format!("The body may be compressed by gzip or deflate, not by '{unknown}'.");
        assert_eq!((answer.status, answer.text()), (415, text));
    }
    assert_eq!(send(body.to_vec(), "identity").await.status, 200);
}

/// The bytes in gzip's form, not made any shorter (RFC 1951 §3.2.4, RFC 1952).
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len() as u16;
    let mut zipped = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1];
    zipped.extend(length.to_le_bytes());
    zipped.extend((!length).to_le_bytes());
    zipped.extend(bytes);
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    });
    zipped.extend((!crc).to_le_bytes());
    zipped.extend(u32::from(length).to_le_bytes());
    zipped
}

#[tokio::test]
async fn resync_is_on_only_where_it_is_said() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    for (value, on) in [
        ("resync=true", true),
        ("resync=1", true),
        ("resync=yes", true),
        ("resync=false", false),
        ("resync=FALSE", false),
        ("resync=0", false),
        ("resync=no", false),
        ("resync=", false),
        ("other=1", false),
    ] {
        let mut client = Client::v4(&gateway, "demo", "user_1", value).await;
        for name in ["m1", "m2"] {
            let send = Send::to(&gateway, "demo").query(value).event(&["user_1"], name, json!(1));
            assert_eq!(send.post().await.status, 200);
        }
        let _m1 = client.event("m1").await;
        client.acked("m2").await;
        if on {
            let resync = client.event("_resync").await;
            assert_eq!((resync.ack, resync.args().len()), (None, 0), "{value}");
        } else {
            client.close().await;
            client = Client::v4(&gateway, "demo", "user_1", value).await;
            assert_eq!(client.acked("_batch").await.batch_names(), ["m1"], "{value}");
        }
        client.close().await;
    }
}
