//! The examples of the README do what it says: each is marked there by `<!-- test: name -->`. The JavaScript ones
//! are run by `tests/e2e/clients/readme.test.mjs`.

use std::process::Command;

use serde_json::Value;

use crate::support::client::Client;
use crate::support::gateway::{Gateway, Setup};
use crate::support::site_server::{Reply, SiteServer};

const README: &str = include_str!("../../README.md");

/// The fenced block behind a mark.
fn example(name: &str) -> &'static str {
    let (_, rest) = README.split_once(&format!("<!-- test: {name} -->\n")).expect(name);
    let (_, block) = rest.split_once('\n').expect("a fence");
    block.split_once("\n```").expect("the end of the block").0
}

/// What a command of the README prints, with the address of this gateway in it.
fn run(name: &str, gateway: &Gateway) -> String {
    let command = example(name).replace("localhost:1337", &format!("127.0.0.1:{}", gateway.port));
    let output = Command::new("sh").args(["-c", &command]).output().unwrap();
    assert!(output.status.success(), "{command}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_quick_start_works_as_it_stands() {
    let rooms = |token: bool| if token { r#"["user_alice","staff"]"# } else { r#"["nobody"]"# };
    let site = SiteServer::start(move |seen, _| {
        let known = seen.header("authorization").as_deref() == Some("Bearer alice-token");
        Reply::json(200, rooms(known))
    })
    .await;
    let sites = example("sites.yml").replace("http://127.0.0.1:3000/", &site.url("/"));
    assert!(sites.contains(&site.url("/")));
    let gateway = Setup::new().sites(&sites).start().await;
    let mut alice = Client::v4(&gateway, "shop", "alice-token", "my-phone").await;

    let answer: Value = serde_json::from_str(&run("send", &gateway)).unwrap();
    let mut stated: Value = serde_json::from_str(example("send-answer")).unwrap();
    assert!(answer["id"].as_str().is_some_and(|id| id.parse::<u64>().is_ok()), "{answer}");
    stated["id"] = answer["id"].clone();
    assert_eq!(answer, stated);
    let order = alice.acked("order").await;
    assert_eq!(order.args(), [serde_json::json!({"id": 7, "state": "shipped"})]);

    assert_eq!(run("send-plain", &gateway), example("send-plain-answer"));
    assert_eq!(alice.acked("news").await.args(), [serde_json::json!("hello")]);
}

#[test]
fn the_files_of_the_readme_are_in_order() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["config.yml", "sites.yml"] {
        std::fs::write(folder.path().join(name), example(name)).unwrap();
    }
    let check = |http_port: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postroom"));
        command.arg("check").current_dir(folder.path()).env_clear().env("HTTP_PORT", http_port);
        command.output().unwrap()
    };
    let fine = check("18080");
    let text = String::from_utf8(fine.stdout).unwrap();
    assert!(fine.status.success() && text.contains("127.0.0.1:18080"), "{text}");
    assert!(!text.contains("warning"), "{text}");
    assert!(!check("nonsense").status.success());
}

#[test]
fn the_examples_of_redis_are_in_order() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("sites.yml"), example("sites.yml")).unwrap();
    let check = |env: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postroom"));
        command.arg("check").current_dir(folder.path()).env_clear().envs(env.iter().copied());
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !text.contains("warning"), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
        text.into_owned()
    };
    for (name, says) in [
        ("redis-single.yml", "rediss://"),
        ("redis-sentinel.yml", "mymaster"),
        ("redis-cluster.yml", "64 shards"),
    ] {
        std::fs::write(folder.path().join("config.yml"), example(name)).unwrap();
        let text = check(&[("REDIS_PASSWORD", "s3cret")]);
        assert!(text.contains("Redis at ") && text.contains(says), "{name}: {text}");
    }
    std::fs::remove_file(folder.path().join("config.yml")).unwrap();
    let (_, rest) = README.split_once("`REDIS_URL=").unwrap();
    let text = check(&[("REDIS_URL", rest.split_once('`').unwrap().0)]);
    assert!(text.contains("redis-2.example"), "{text}");
}

#[test]
fn every_setting_is_in_the_readme() {
    for example in [postroom::config::CONFIG_EXAMPLE, postroom::config::SITES_EXAMPLE] {
        for variable in example.split(['[', ']']).filter(|word| word.starts_with("POSTROOM_")) {
            let family = ["POSTROOM_FLAKEID", "POSTROOM_FRAPPE", "POSTROOM_REDIS"]
                .iter()
                .find_map(|name| variable.strip_prefix(name));
            let short = family.unwrap_or(variable);
            assert!(README.contains(variable) || README.contains(&format!("`{short}`")), "{variable}");
        }
        let lines = example.lines().map(|line| line.trim_start_matches(['#', ' ']));
        let pairs = lines.filter_map(|line| line.split_once(": "));
        let is_key = |key: &str| key.starts_with(char::is_lowercase) && !key.contains(char::is_whitespace);
        for (key, _) in pairs.filter(|(key, _)| is_key(key)) {
            let ways = [format!("`{key}`"), format!(".{key}`")];
            assert!(ways.iter().any(|way| README.contains(way)), "{key} is not in the README");
        }
    }
}
