//! Where a client says who it is, and what its site is asked.

use serde_json::{Value, json};

use crate::support::client::{Client, Dial};
use crate::support::gateway::{Gateway, Setup};
use crate::support::site_server::{Reply, Seen, SiteServer};

/// A site where everybody is user 1.
async fn anybody() -> SiteServer {
    SiteServer::start(|_, _| Reply::json(200, r#"["user_1"]"#)).await
}

struct Case {
    dial: Dial,
    /// What stands behind the namespace (`EIO=3`) or in the payload of CONNECT.
    connect: String,
    authorization: &'static str,
    meta: Option<&'static str>,
}

fn v4(dial: Dial, auth: &Value, authorization: &'static str) -> Case {
    let auth = if auth.is_null() { String::new() } else { auth.to_string() };
    Case { dial, connect: format!("/demo,{auth}"), authorization, meta: None }
}

fn v3(dial: Dial, query: &str, authorization: &'static str) -> Case {
    Case { dial, connect: format!("/demo{query}"), authorization, meta: None }
}

async fn asked(site: &SiteServer, gateway: &Gateway, case: &Case) -> Seen {
    let before = site.seen().len();
    let mut client = Client::dial(gateway, &case.dial).await;
    client.say(&format!("0{}", case.connect)).await;
    client.joined("demo").await;
    client.close().await;
    site.seen().remove(before)
}

#[tokio::test]
async fn the_token_is_found_wherever_clients_put_it_and_the_nearest_one_counts() {
    let site = anybody().await;
    let gateway = Setup::demo(&site).start().await;
    let url = |dial: Dial| dial.query("token=url");
    let header = |dial: Dial| dial.header("Authorization", "Bearer header");
    let cases = [
        v4(url(Dial::v4()), &Value::Null, "Bearer url"),
        v4(Dial::v4(), &json!({"token": "auth"}), "Bearer auth"),
        v4(url(header(Dial::v4())), &json!({"token": "auth"}), "Bearer auth"),
        v4(url(header(Dial::v4())), &json!({"other": "auth"}), "Bearer url"),
        v4(header(Dial::v4()), &Value::Null, "Bearer header"),
        v4(header(Dial::v4()), &json!({"token": null}), "Bearer header"),
        v4(Dial::v4(), &json!({"token": 7}), "Bearer 7"),
        v3(url(Dial::v3()), "", "Bearer url"),
        v3(url(Dial::v3()), ",", "Bearer url"),
        v3(url(Dial::v3()), "?token=connect", "Bearer connect"),
        v3(url(header(Dial::v3())), "?token=connect%20it,", "Bearer connect it"),
        v3(url(header(Dial::v3())), "?other=1,", "Bearer url"),
        v3(header(Dial::v3()), "", "Bearer header"),
        // What the original sent where there is no token.
        v3(Dial::v3(), "", "Bearer undefined"),
        v3(Dial::v3().query("token="), "", "Bearer"),
        v3(Dial::v3().query("token=a&token=b"), "", "Bearer a,b"),
    ];
    for (number, case) in cases.iter().enumerate() {
        let seen = asked(&site, &gateway, case).await;
        assert_eq!(seen.header("authorization").as_deref(), Some(case.authorization), "case {number}");
        assert_eq!((seen.method.as_str(), seen.path.as_str()), ("GET", "/auth"));
    }
}

#[tokio::test]
async fn the_meta_is_handed_on() {
    let site = anybody().await;
    let gateway = Setup::demo(&site).start().await;
    let token = || json!({"token": "t"});
    let cases = [
        Case { meta: Some("appName:admin|v:1"), ..v3(Dial::v3().query("meta=appName:admin%7Cv:1"), "", "") },
        Case { meta: Some("m"), ..v4(Dial::v4().query("meta=url"), &json!({"token": "t", "meta": "m"}), "") },
        Case { meta: Some("connect"), ..v3(Dial::v3().query("meta=url"), "?meta=connect,", "") },
        Case { meta: None, ..v4(Dial::v4(), &token(), "") },
    ];
    for (number, case) in cases.iter().enumerate() {
        let seen = asked(&site, &gateway, case).await;
        assert_eq!(seen.header("x-meta").as_deref(), case.meta, "case {number}");
    }
}

#[tokio::test]
async fn the_device_id_is_found_in_the_same_places() {
    let site = anybody().await;
    let gateway = Setup::demo(&site).start().await;
    let url = |dial: Dial| dial.query("token=t&deviceId=url");
    let cases = [
        ("url", v3(url(Dial::v3()), "", "")),
        ("url", v4(url(Dial::v4()), &Value::Null, "")),
        ("auth", v4(url(Dial::v4()), &json!({"deviceId": "auth"}), "")),
        ("0.7312", v4(url(Dial::v4()), &json!({"deviceId": 0.7312}), "")),
        ("connect", v3(url(Dial::v3()), "?deviceId=connect,", "")),
        ("a,b", v3(Dial::v3().query("deviceId=a&deviceId=b"), "", "")),
        ("", v3(Dial::v3(), "", "")),
    ];
    // Each of them is known under its name: that of the URL of a client of the other kind finds its inbox.
    for (number, (device, case)) in cases.iter().enumerate() {
        asked(&site, &gateway, case).await;
        let event = format!("for case {number}");
        gateway.send("demo", &["user_1"], &event, json!(1)).await;
        let mut client = Client::v4(&gateway, "demo", "t", device).await;
        let names = client.acked("_batch").await.batch_names();
        assert_eq!(names.last(), Some(&event), "{device}");
        client.close().await;
    }
    // Six names, the first of which came twice.
    let receipt = gateway.send("demo", &["user_1"], "count", json!(1)).await;
    assert_eq!(receipt["devices"], 6);
}

#[tokio::test]
async fn the_scheme_of_a_site_goes_before_every_token() {
    let site = anybody().await;
    let gateway = Setup::new().site("demo", &site, "authScheme: Token").start().await;
    let header = Dial::v4().header("Authorization", "Bearer abc");
    let seen = asked(&site, &gateway, &v4(header, &Value::Null, "")).await;
    assert_eq!(seen.header("authorization").as_deref(), Some("Token abc"));
}

#[tokio::test]
async fn a_site_is_asked_again_for_every_connection() {
    let site = anybody().await;
    let gateway = Setup::demo(&site).start().await;
    for count in 1..=3 {
        Client::v4(&gateway, "demo", "t", "d").await.close().await;
        assert_eq!(site.seen().len(), count);
    }
}
