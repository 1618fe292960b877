//! `postroom check`.

use super::super::{Report, check};
use super::{Desk, GOOD_SITES};

fn report(desk: &Desk, files: &[&str]) -> (String, bool) {
    let files: Vec<_> = files.iter().map(|name| desk.path(name)).collect();
    let Report { text, in_order } = check(&desk.sources, &files);
    (desk.without_folder(&text), in_order)
}

#[test]
fn what_serve_would_read_is_described() {
    let mut desk = Desk::new();
    desk.config("io: {origins: 'https://shop.example'}\nwinston: {}\n");
    desk.sites(&format!(
        "{GOOD_SITES}  userRoomPrefix: user_\nnews: {{authUrl: 'http://x', apiKey: 0123456789abcdef}}\n"
    ));
    let text = "warning: config.yml:2:1: winston: this setting of the original is ignored; see `log`\n\
                settings: in order\n  \
                listen 0.0.0.0:1337, Socket.IO at /socket.io for https://shop.example\n  \
                store data, durability full, device_ttl 1h\n  \
                site shop: keeps messages for rooms that start with user_\n  \
                site news: plain broadcast, keeps no messages\n";
    assert_eq!(report(&desk, &[]), (text.to_owned(), true));
}

#[test]
fn errors_fail_the_check() {
    let mut desk = Desk::new();
    desk.config("prot: 1\n").sites("shop: {apiKey: x}\n");
    let text = "error: config.yml:1:1: prot: is not a setting; did you mean `port`?\n\
                error: sites.yml:1:1: authUrl: is missing; add the address that answers which rooms a user of `shop` \
                belongs to\n\
                warning: sites.yml:1:8: apiKey: is shorter than 16 characters and can be guessed; make one with \
                `openssl rand -hex 24`\n\
                settings: 2 errors\n";
    assert_eq!(report(&desk, &[]), (text.to_owned(), false));
}

#[test]
fn named_files_are_told_apart_by_name_and_else_by_what_they_hold() {
    let desk = Desk::new();
    desk.write("a.yml", GOOD_SITES);
    desk.write("b.yml", "port: 1\n");
    desk.write("c.yml", "production:\n  port: 1\n");
    desk.write("my-sites.yml", "port: 1\n");
    desk.write("Config.prod.yml", GOOD_SITES);
    let kind = |name: &str| report(&desk, &[name]).0;
    assert!(kind("a.yml").starts_with("a.yml (sites.yml): in order\n  site shop:"));
    assert!(kind("b.yml").starts_with("b.yml (config.yml): in order\n  listen 0.0.0.0:1,"));
    assert!(kind("c.yml").starts_with("c.yml (config.yml): in order"));
    assert!(kind("my-sites.yml").ends_with("my-sites.yml (sites.yml): 1 error\n"));
    assert!(kind("Config.prod.yml").ends_with("Config.prod.yml (config.yml): 1 error\n"));
    let (text, in_order) = report(&desk, &["a.yml", "gone.yml"]);
    assert!(!in_order && text.contains("error: gone.yml: there is no such file"), "{text}");
}

#[test]
fn a_named_sites_file_is_looked_at_whatever_the_environment_says() {
    let mut desk = Desk::new();
    desk.env("SITE_NAME", "env").env("AUTH_URL", "http://x").env("API_KEY", "0123456789abcdef");
    let text = "sites.yml (sites.yml): in order\n  site shop: plain broadcast, keeps no messages\n";
    assert_eq!(report(&desk, &["sites.yml"]), (text.to_owned(), true));
}

#[test]
fn redis_is_described_without_its_password() {
    let mut desk = Desk::new();
    desk.config("redis: {url: 'redis://:hunter2@a', sentinelMaster: m}\n");
    let (text, in_order) = report(&desk, &[]);
    let store = "  store Redis at the server `m` of the sentinels redis://a, prefix postroom, 16 shards, device_ttl 1h\n";
    assert!(in_order && text.contains(store) && !text.contains("hunter2"), "{text}");
}
