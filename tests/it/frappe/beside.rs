//! Frappe sites of sites.yml, without a bench, and beside sites of the other kind.

use serde_json::json;

use crate::support::backend;
use crate::support::client::Client;
use crate::support::frappe::{USER_INFO, Visit, WebServer, as_json};
use crate::support::gateway::{Gateway, Setup};
use crate::support::redis::RedisServer;
use crate::support::send::Send;
use crate::support::site_server::SiteServer;

const ERP: &str = "erp.example.com";

struct Scene {
    redis: RedisServer,
    web: WebServer,
    gateway: Gateway,
    _backend: SiteServer,
}

impl Scene {
    /// The sites `demo` and `erp.example.com`, which has `more` lines.
    async fn new(more: &str) -> Self {
        Self::with(more, "").await
    }

    /// The same, with these lines in config.yml.
    async fn with(more: &str, config: &str) -> Self {
        let (redis, web, backend) = (RedisServer::start(), WebServer::start().await, backend::start().await);
        web.rules(|rules| rules.version = 15);
        let erp = format!(
            "{ERP}:\n  protocol: frappe\n  redisQueue: 127.0.0.1:{}\n  backendUrl: http://127.0.0.1:{}\n{more}",
            redis.port(),
            web.port()
        );
        let demo = format!(
            "demo:\n  authUrl: {}\n  apiKey: {}\n  userRoomPrefix: user_\n",
            backend.url("/auth"),
            Gateway::key("demo")
        );
        let gateway = Setup::new().config(config).sites(&format!("{demo}{erp}")).start().await;
        Self { redis, web, gateway, _backend: backend }
    }

    fn visit(&self) -> Visit {
        Visit::new(self.gateway.port, ERP)
    }

    fn publish(&self, room: &str, event: &str) {
        let event = json!({ "event": event, "message": 1, "room": room, "namespace": ERP });
        let heard = self.redis.cli(&["PUBLISH", "events", &as_json(&event)]);
        assert_eq!(heard, "1");
    }
}

#[tokio::test]
async fn sites_of_both_kinds_live_in_one_process() {
    let scene = Scene::new("").await;
    let mut alice = scene.visit().sid("sid-alice").join().await;
    let mut shopper = Client::v4(&scene.gateway, "demo", "user_1", "d").await;
    scene.publish("user:alice@example.com", "from the bench");
    alice.event("from the bench").await;
    scene.gateway.send("demo", &["user_1"], "from the backend", json!(1)).await;
    shopper.acked("from the backend").await;
    // Neither hears what is for the other, under whatever name.
    scene.gateway.send("demo", &["user:alice@example.com", "all", "website"], "lost", json!(1)).await;
    for namespace in ["demo", ""] {
        let event = json!({ "event": "lost", "message": 1, "room": "user_1", "namespace": namespace });
        scene.redis.cli(&["PUBLISH", "events", &as_json(&event)]);
    }
    scene.redis.cli(&["PUBLISH", "events", r#"{"event":"for all sites of the bench","message":1}"#]);
    alice.event("for all sites of the bench").await;
    alice.pinged().await;
    shopper.settled().await;
}

/// Whether what is sent goes through this process alone, or through the Redis of several.
async fn a_backend_sends_to_a_frappe_site(config: &str) {
    let key = format!("  apiKey: {}\n", Gateway::key(ERP));
    let scene = Scene::with(&key, config).await;
    let mut alice = scene.visit().sid("sid-alice").join().await;
    alice.says(json!(["task_subscribe", "t1"])).await;
    alice.pinged().await;
    for (number, room) in ["user:alice@example.com", "website", "task_progress:t1"].into_iter().enumerate() {
        let rooms = [room, "user:bob@example.com"];
        // Until the broker hears the room, what is sent there is lost on it.
        let (mut round, mut heard) = (0, false);
        while !heard {
            round += 1;
            assert!(round < 1_000, "nothing came in {room}");
            scene.gateway.send(ERP, &rooms, "sent", json!(number)).await;
            scene.publish("website", "round");
            loop {
                let packet = alice.packet().await;
                heard |= packet.name() == "sent" && packet.args() == [json!(number)];
                if packet.name() == "round" {
                    break;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_backend_may_send_to_a_frappe_site_that_has_a_key() {
    a_backend_sends_to_a_frappe_site("").await;
}

#[tokio::test]
async fn a_backend_may_send_to_a_frappe_site_of_many_nodes() {
    let own = RedisServer::start();
    a_backend_sends_to_a_frappe_site(&format!("redis:\n  url: {}", own.url())).await;
}

/// Where other sites want it, clients of protocol 3 are served; at a Frappe site by the same rules as all others.
#[tokio::test]
async fn clients_of_protocol_3_are_checked_like_others() {
    let scene = Scene::new("").await;
    let mut visit = scene.visit();
    visit.dial.eio = 3;
    let mut nobody = visit.knock().await;
    assert!(nobody.refused().await.starts_with("Missing cookie"));
    assert_eq!(scene.web.calls().len(), 0);
    let mut alice = visit.sid("sid-alice").knock().await;
    assert_eq!(alice.client.packet().await.raw, format!("0/{ERP}"));
    scene.publish("user:alice@example.com", "for alice");
    alice.event("for alice").await;
}

#[tokio::test]
async fn a_frappe_site_without_a_key_takes_no_messages() {
    let scene = Scene::new("").await;
    let mut alice = scene.visit().sid("sid-alice").join().await;
    let answer = Send::to(&scene.gateway, ERP).wants_json().event(&["all"], "injected", 1).post().await;
    assert!((400..500).contains(&answer.status), "{}", answer.text());
    scene.publish("all", "next");
    alice.event("next").await;
}

#[tokio::test]
async fn a_site_has_settings_of_its_own() {
    let more =
        "  siteAliases: [www.example.com]\n  auth: token\n  tokenSchemes: [token]\n  defaultSite: true\n";
    let scene = Scene::new(more).await;
    let visit = scene.visit().authorization("token alice:secret");
    for host in [ERP, "www.example.com", "www.example.com:8000", "localhost:1337"] {
        visit.clone().reached_as(host).join().await;
    }
    assert!(!visit.clone().sid("sid-alice").without("Authorization").refused().await.is_empty());
    assert!(!visit.authorization("Bearer alice").refused().await.is_empty());
    let calls = scene.web.calls_of(USER_INFO);
    assert!(calls.iter().all(|call| call.header("x-frappe-site-name").as_deref() == Some(ERP)), "{calls:?}");
}
