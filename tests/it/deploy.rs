//! docker-compose.yml and the files that it mounts: they parse, fit together, and say to Redis what is meant. nginx itself
//! runs in `tests/e2e/clients/proxy.test.mjs`.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::gateway::Setup;
use crate::support::redis::RedisServer;
use crate::support::site_server::{Reply, SiteServer};

const COMPOSE: &str = include_str!("../../docker-compose.yml");
const NGINX: &str = include_str!("../../deploy/nginx.conf");
const GATEWAYS: [&str; 2] = ["gateway-a", "gateway-b"];

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn compose() -> Value {
    serde_saphyr::from_str(COMPOSE).unwrap()
}

/// A service, with what the gateways have in common merged in.
fn service(name: &str) -> Value {
    let mut service = compose()["services"][name].clone();
    if let Some(common) = service.as_object_mut().expect(name).remove("<<") {
        for (key, value) in common.as_object().unwrap() {
            service.as_object_mut().unwrap().entry(key).or_insert_with(|| value.clone());
        }
    }
    service
}

fn seconds(value: &Value) -> u64 {
    value.as_str().and_then(|text| text.strip_suffix('s')).expect("seconds").parse().unwrap()
}

#[test]
fn every_service_is_watched_restarted_and_has_files_enough() {
    let services = compose()["services"].as_object().unwrap().clone();
    assert_eq!(services.keys().collect::<Vec<_>>(), ["gateway-a", "gateway-b", "nginx", "redis"]);
    for name in services.keys() {
        let service = service(name);
        assert_eq!(service["restart"], "unless-stopped", "{name}");
        assert!(service["healthcheck"]["test"].is_array(), "{name}");
        assert!(service["ulimits"]["nofile"]["hard"].as_u64().unwrap() >= 65_536, "{name}");
        assert!(service["stop_grace_period"].is_string(), "{name}");
    }
}

#[test]
fn the_gateways_are_alike_and_stop_calmly() {
    for name in GATEWAYS {
        let gateway = service(name);
        assert_eq!(gateway["environment"]["REDIS_URL"], "redis://redis:6379");
        assert!(seconds(&gateway["stop_grace_period"]) > 10, "longer than drainTimeout");
        assert_eq!(gateway["depends_on"]["redis"]["condition"], "service_healthy");
        assert!(gateway["ports"].is_null(), "nginx is the way in");
        // nginx looks the name up once, so the address has to stay.
        assert!(gateway["networks"]["postroom"]["ipv4_address"].is_string());
    }
    assert!(service("redis")["ports"].is_null(), "nobody but the gateways");
}

#[test]
fn what_is_mounted_is_there() {
    for name in ["gateway-a", "nginx", "redis"] {
        for volume in service(name)["volumes"].as_array().unwrap() {
            let (from, _) = volume.as_str().unwrap().split_once(':').unwrap();
            match from.strip_prefix("./") {
                // What the operator is told to make of the example.
                Some("sites.yml") => assert!(repository().join("sites.example.yml").is_file()),
                Some(file) => assert!(repository().join(file).is_file(), "{file}"),
                None => assert!(compose()["volumes"].as_object().unwrap().contains_key(from), "{from}"),
            }
        }
    }
}

#[test]
fn nginx_knows_the_gateways_and_has_files_for_two_ends_of_each_connection() {
    for upstream in ["any_gateway", "own_gateway"] {
        let (_, rest) = NGINX.split_once(&format!("upstream {upstream} {{")).unwrap();
        let (servers, _) = rest.split_once('}').unwrap();
        for name in GATEWAYS {
            assert!(servers.contains(&format!("server {name}:1337 ")), "{name} in {upstream}");
        }
        assert_eq!(servers.matches("server ").count(), GATEWAYS.len());
    }
    let number = |directive: &str| -> u64 {
        let (_, rest) = NGINX.split_once(&format!("{directive} ")).unwrap();
        rest.split_once(';').unwrap().0.parse().unwrap()
    };
    let files = number("worker_rlimit_nofile");
    assert!(number("worker_connections") * 2 <= files);
    assert_eq!(service("nginx")["ulimits"]["nofile"]["hard"], json!(files));
    assert_eq!(service("nginx")["ports"], json!(["1337:80"]));
    assert!(NGINX.contains("listen 80 "));
}

#[tokio::test]
async fn the_health_check_of_the_gateways_tells_ready_from_not() {
    let mut redis = RedisServer::start();
    let site = SiteServer::start(|_, _| Reply::json(200, r#"["user_1"]"#)).await;
    let gateway = Setup::demo(&site).config(&format!("redis: {}", redis.url())).start().await;
    let check = service("gateway-a")["healthcheck"]["test"].clone();
    let words: Vec<&str> = check.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(words[..3], ["CMD", "bash", "-c"]);
    let healthy = || {
        let script = words[3].replace("/1337", &format!("/{}", gateway.port));
        Command::new("bash").args(["-c", &script]).status().unwrap().success()
    };
    assert!(healthy());
    redis.stop();
    let sick = tokio::time::timeout(std::time::Duration::from_secs(20), async {
        while healthy() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    });
    sick.await.expect("/readyz says that Redis is away");
}

#[tokio::test]
async fn redis_takes_its_file_and_the_gateway_is_content_with_it() {
    let file = repository().join("deploy/redis.conf");
    let redis = RedisServer::with(&[("include", file.to_str().unwrap())]);
    let setting =
        |name: &str| redis.cli(&["CONFIG", "GET", name]).lines().nth(1).unwrap_or_default().to_owned();
    for (name, value) in [
        ("appendonly", "yes"),
        ("appendfsync", "always"),
        ("no-appendfsync-on-rewrite", "no"),
        ("save", ""),
        ("maxmemory-policy", "noeviction"),
        ("maxmemory", "536870912"),
    ] {
        assert_eq!(setting(name), value, "{name}");
    }
    assert!(setting("client-output-buffer-limit").contains("pubsub 67108864 16777216 60"));

    let site = SiteServer::start(|_, _| Reply::json(200, r#"["user_1"]"#)).await;
    let gateway = Setup::demo(&site).config(&format!("redis: {}", redis.url())).start().await;
    let line = gateway.log_line("as durable as Redis").await;
    assert!(line.contains("a loss of power"), "{line}");
    // The tests always name a folder, which is of no use here; docker-compose.yml does not.
    let warns = |line: &String| line.contains("\"WARN\"") && !line.contains("--data");
    let warnings: Vec<_> = gateway.logs().into_iter().filter(warns).collect();
    assert_eq!(service("gateway-a")["command"], json!(["serve"]));
    assert_eq!(warnings, Vec::<String>::new());
}
