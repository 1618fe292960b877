//! The example files: in order, complete, and telling the truth about defaults.

use super::super::schema::{Key, Kind, SERVER, SITE, last_word};
use super::super::{CONFIG_EXAMPLE, Redis, SITES_EXAMPLE};
use super::Desk;
use crate::domain::{PermissionApi, QueueBounds};

#[test]
fn both_examples_are_in_order_and_without_warnings() {
    let mut desk = Desk::new();
    desk.config(CONFIG_EXAMPLE).sites(SITES_EXAMPLE);
    assert_eq!(desk.settings().server, Desk::new().settings().server, "the example states the defaults");
    let sites = desk.settings().sites;
    assert_eq!((sites.len(), sites[0].name.as_str()), (1, "shop"));
    assert_eq!(sites[0].queue, QueueBounds::default());
    assert_eq!(desk.warnings(), "");
}

/// The text with what is commented out put in force where it looks like one of these settings.
fn put_in_force(text: &str, starts: &[&str]) -> String {
    let line = |line: &str| {
        let indent = line.len() - line.trim_start().len();
        let bare = line
            .trim_start()
            .strip_prefix("# ")
            .filter(|bare| starts.iter().any(|start| bare.trim_start().starts_with(start)));
        bare.map_or_else(|| line.to_owned(), |bare| format!("{}{bare}", &line[..indent]))
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_commented_out_is_in_order_too() {
    let workers = ["workers:", "flakeid:", "id: 0", "datacenter:", "worker: 0", "metrics:", "listen:"];
    let redis = [
        "redis:",
        "url:",
        "cluster:",
        "sentinelMaster:",
        "username:",
        "password:",
        "database:",
        "ca:",
        "prefix:",
    ];
    let redis = [&redis[..], &["shards:", "waitReplicas:", "lease:"]].concat();
    let config = put_in_force(CONFIG_EXAMPLE, &workers);
    let sites =
        put_in_force(SITES_EXAMPLE, &["ackTimeout:", "news:", "authUrl: https://news", "apiKey: ${NEWS"]);
    let mut desk = Desk::new();
    desk.config(&config).sites(&sites).env("NEWS_API_KEY", "0123456789abcdef");
    let settings = desk.settings();
    assert_eq!((settings.server.workers, settings.sites.len()), (2, 2));
    assert!(settings.sites[0].ack_timeout.is_some());
    let config = put_in_force(CONFIG_EXAMPLE, &redis);
    let stated = desk.config(&config).env("REDIS_PASSWORD", "x").settings().server.redis.unwrap();
    let plain = Desk::new().config("redis: redis://redis.example:6379").settings().server.redis.unwrap();
    let rest = |redis: &Redis| (redis.prefix.clone(), redis.shards, redis.wait_replicas, redis.lease);
    assert_eq!(rest(&stated), rest(&plain), "the example states the defaults");
}

#[test]
fn a_bench_and_a_site_of_frappe_are_in_order_too() {
    let section = ["frappe:", "benchRoot:", "backendUrl:", "permissionApi:", "auth:", "tokenSchemes:"];
    let section = [&section[..], &["requireOrigin:", "rootNamespace:", "tokens:", "siteAliases:"]].concat();
    let section = [&section[..], &["appEvents:", "eventHook:"]].concat();
    let site =
        ["erp.example.com:", "protocol:", "redisQueue:", "defaultSite:", "developerMode:", "apiKey: ${ERP"];
    let mut desk = Desk::new();
    let config = put_in_force(CONFIG_EXAMPLE, &section);
    desk.config(&config.replace("/home/frappe/frappe-bench", "/nowhere"));
    assert_eq!(
        desk.errors().split_once(": ").map(|(_, error)| error.to_owned()).as_deref(),
        Some("frappe.benchRoot: /nowhere is not the folder of a bench: there is no folder `sites` in it")
    );
    std::fs::create_dir_all(desk.path("bench/sites")).unwrap();
    let root = desk.path("bench").display().to_string();
    desk.config(&config.replace("/home/frappe/frappe-bench", &root));
    desk.sites(&put_in_force(SITES_EXAMPLE, &[&section[..], &site[..]].concat()));
    let settings = desk.settings();
    let bench = settings.bench.unwrap();
    assert_eq!(bench.root(), desk.path("bench"));
    for rules in [&bench.common().rules, &settings.sites[1].frappe().unwrap().rules] {
        assert!(rules.rules.len() == 1 && rules.hook.is_some());
    }
    assert_eq!(settings.sites.len(), 2);
    let frappe = settings.sites[1].frappe().unwrap();
    assert_eq!((frappe.aliases.len(), &frappe.permission_api), (2, &PermissionApi::Auto));
}

#[test]
fn the_examples_mention_every_key_and_variable() {
    for (schema, example) in [(SERVER, CONFIG_EXAMPLE), (SITE, SITES_EXAMPLE)] {
        for key in schema {
            let word = mention(key);
            assert!(example.contains(&word), "{word}");
            if let Some(variable) = key.variable {
                assert!(example.contains(variable), "{variable}");
            }
        }
    }
    for variable in ["NODE_ENV", "POSTROOM_CONFIG", "POSTROOM_SITES"] {
        assert!(CONFIG_EXAMPLE.contains(variable), "{variable}");
    }
    assert!(SITES_EXAMPLE.contains("SITE_NAME"));
}

fn mention(key: &Key) -> String {
    match key.kind {
        Kind::Value | Kind::Values | Kind::Section | Kind::SectionOr(_) => {
            format!("{}:", last_word(key.path))
        }
        Kind::Alias(_) => last_word(key.path).to_owned(),
        Kind::Unused(_) | Kind::Refused(_) => key.path.to_owned(),
    }
}
