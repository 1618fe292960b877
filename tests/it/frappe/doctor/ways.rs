//! Where clients come in, and by which proxy.

use serde_json::json;

use super::{assert_found, doctor, doctor_at};
use crate::support::frappe::{Bench, Bridge, SITE};
use crate::support::process::free_port;
use crate::support::site_server::{Reply, SiteServer};

/// The only name under which a proxy of the tests is reached.
const LOCALHOST: &str = "frappe: {siteAliases: [localhost=site1.localhost]}";

#[tokio::test]
async fn who_has_the_port_is_told() {
    let bench = Bench::new().await;
    let node = SiteServer::start(|seen, _| {
        let opening = r#"0{"sid":"abc","upgrades":["websocket"],"pingInterval":25000}"#;
        if seen.path.starts_with("/socket.io/") { Reply::json(200, opening) } else { Reply::Never }
    })
    .await;
    let said = doctor_at(&bench, node.port, &["--site", SITE]).await;
    assert_found(&said, "FAIL", "most likely Frappe's own", "supervisorctl stop");
    let python =
        SiteServer::start(|seen, _| Reply::json(if seen.path == "/health" { 200 } else { 404 }, "ok")).await;
    let said = doctor_at(&bench, python.port, &["--site", SITE]).await;
    assert_found(&said, "FAIL", "most likely Frappe's own", "socketio: postroom frappe");
    let other = SiteServer::start(|_, _| Reply::json(200, "{}")).await;
    let said = doctor_at(&bench, other.port, &["--site", SITE]).await;
    assert_found(&said, "FAIL", "something that is no Socket.IO server", "`socketio_port`");
}

#[tokio::test]
async fn a_proxy_that_does_not_lead_to_postroom_is_told() {
    let bench = Bench::new().await.config(LOCALHOST);
    let realtime = bench.start().await;
    for (status, mend) in [(404, "location /socket.io"), (502, "proxy_pass")] {
        let proxy = SiteServer::start(move |_, _| Reply::json(status, "")).await;
        let said =
            doctor_at(&bench, realtime.port, &["--url", &format!("http://localhost:{}", proxy.port)]).await;
        assert_found(&said, "FAIL", &format!("answered with status {status}"), mend);
        assert!(said.contains("the Postroom of this machine lets a client in"), "{said}");
        let headers = "X-Frappe-Site-Name site1.localhost;";
        assert_found(&said, "warn", "a proxy that sets none of these headers", headers);
        assert!(said.ends_with("\n1 thing fails; 1 warning"), "{said}");
    }
    let away = SiteServer::start(|_, _| Reply::redirect(301, "https://erp.example.com/")).await;
    let said =
        doctor_at(&bench, realtime.port, &["--url", &away.url("").replace("127.0.0.1", "localhost")]).await;
    assert_found(&said, "FAIL", "it redirects elsewhere", "--url");
}

/// In front of a Postroom, as far as a client's first steps go; a WebSocket is answered like this.
async fn front(upgrade: Reply) -> SiteServer {
    SiteServer::start(move |seen, before| match before {
        _ if seen.header("upgrade").is_some() => upgrade.clone(),
        0 => Reply::json(200, r#"0{"sid":"abc"}"#),
        2 => Reply::json(200, r#"40/site1.localhost,{"sid":"x"}"#),
        _ => Reply::json(200, "ok"),
    })
    .await
}

#[tokio::test]
async fn a_proxy_without_websockets_is_warned_of() {
    let bench = Bench::new().await.config(LOCALHOST);
    let proxy = front(Reply::json(400, "")).await;
    let said = doctor(&bench, &["--url", &format!("http://localhost:{}", proxy.port)]).await;
    assert_found(&said, "warn", "a WebSocket does not get through (status 400)", "$http_upgrade");
    let seen = proxy.seen();
    assert!(seen[1].body == b"40/site1.localhost," && seen[3].body == b"1", "{seen:?}");
    assert_eq!(seen[0].header("cookie").as_deref(), Some("sid=Guest"));
    assert!(seen[0].header("origin").is_none() && seen[4].header("origin").is_some(), "{seen:?}");
}

#[tokio::test]
async fn a_proxy_that_names_the_site_itself_needs_no_alias() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let switched = "HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    let proxy = front(Reply::Raw(switched.into())).await;
    let said = doctor_at(&bench, realtime.port, &["--site", SITE, "--url", &proxy.url("")]).await;
    for text in
        ["only with bench's own nginx template", "a WebSocket gets through", "this machine lets a client in"]
    {
        assert!(said.contains(text) && !said.contains("FAIL"), "{said}");
    }
}

#[tokio::test]
async fn tls_that_ends_before_the_proxy_is_thought_of() {
    let bench = Bench::new().await.common("webserver_host", json!(null)).config(LOCALHOST);
    let bench = bench.common("webserver_port", json!(free_port()));
    let html = SiteServer::start(|_, _| Reply::Answer(200, String::new(), b"<html>".to_vec())).await;
    let url = html.url("").replace("http://127.0.0.1", "https://localhost");
    let said = doctor(&bench, &["--site", SITE, "--url", &url]).await;
    let text = "where TLS ends before the proxy, its `$scheme` is http";
    assert_found(&said, "warn", text, "proxy_set_header Origin https://$http_host;");
    // The web server of this machine is not there.
    assert!(said.contains("(the next one is asked)"), "{said}");
}

#[tokio::test]
async fn a_postroom_on_a_socket_is_tried_too() {
    let bench = Bench::new().await;
    let socket = bench.path("socketio.sock");
    let bench = bench.common("socketio_uds", json!(socket)).config(LOCALHOST);
    let said = doctor(&bench, &["--site", SITE]).await;
    assert!(said.contains("socketio.sock is free") && !socket.exists(), "{said}");
    let _realtime = bench.start_as_configured(0).await;
    let bridge = Bridge::to(&socket).await;
    let said = doctor(&bench, &["--url", &format!("http://localhost:{}", bridge.port)]).await;
    assert!(said.contains("socketio.sock: a Postroom runs there"), "{said}");
    assert!(said.contains("the Postroom of this machine lets a client in"), "{said}");
    assert!(said.contains(&format!("localhost:{} lets a client in", bridge.port)), "{said}");
    assert!(said.contains("a WebSocket gets through") && !said.contains("FAIL"), "{said}");
}

#[tokio::test]
async fn clients_of_version_14_come_to_the_root() {
    let bench = Bench::new().await.version(14);
    let queue = bench.redis.url();
    let bench = bench.common("redis_socketio", json!(queue));
    let realtime = bench.start().await;
    let said = doctor_at(&bench, realtime.port, &["--site", SITE]).await;
    for text in ["to the namespace /\n", "this machine lets a client in", "asked for with can_subscribe\n"] {
        assert!(said.contains(text) && !said.contains("FAIL"), "{said}");
    }
    let bench = bench.common("redis_socketio", json!("redis://127.0.0.1:1"));
    let said = doctor(&bench, &["--site", SITE]).await;
    assert_found(&said, "FAIL", "nobody answers there", "`redis_socketio`");
}
