//! The sites of a bench, as they come and go.

use std::path::PathBuf;
use std::sync::Arc;

use super::super::{Desk, GOOD_SITES};
use super::{COMMON, REDIS, one, read, server, site, with};
use crate::domain::{CredentialRule, PermissionApi, WebServer};

#[test]
fn the_environment_says_the_same_as_the_section() {
    let mut desk = with(r#""socketio_port": 9100"#);
    desk.config("frappe: {auth: cookie, tokens: false}\n");
    for (name, value) in [
        ("FRAPPE_BACKEND_URL", "http://web:8000"),
        ("POSTROOM_FRAPPE_PERMISSION_API", "can_subscribe"),
        ("POSTROOM_FRAPPE_AUTH", "token"),
        ("POSTROOM_FRAPPE_TOKEN_SCHEMES", "token Basic"),
        ("POSTROOM_FRAPPE_REQUIRE_ORIGIN", "true"),
        ("POSTROOM_FRAPPE_ROOT_NAMESPACE", "true"),
        ("POSTROOM_FRAPPE_TOKENS", "true"),
        ("POSTROOM_FRAPPE_SITE_ALIASES", "a.example=one.local, b.example=one.local"),
    ] {
        desk.env(name, value);
    }
    let one = one(&desk);
    assert_eq!(one.web_server, WebServer::At("http://web:8000".to_owned()));
    assert_eq!(one.permission_api, PermissionApi::CanSubscribe);
    assert_eq!(one.credentials, CredentialRule::Token);
    assert_eq!(one.token_schemes, ["token", "basic"]);
    assert!(one.origin_required && one.in_root_namespace);
    assert_eq!(one.aliases, ["a.example", "b.example"]);
    assert_eq!(server(&desk).token_listen, Some("0.0.0.0:9001".parse().unwrap()));
    assert_eq!(desk.warnings(), "");
}

#[test]
fn sites_come_and_go() {
    let desk = with(r#""socketio_port": 9000"#);
    let bench = read(&desk);
    let first = bench.site("one.local").unwrap();
    assert!(Arc::ptr_eq(&first, &bench.site("one.local").unwrap()), "the same one while it is there");
    assert!(bench.site("two.local").is_none());
    site(&desk, "two.local", "{}");
    assert_eq!(bench.site("two.local").unwrap().name.as_str(), "two.local");
    assert_eq!(bench.site_names(), ["one.local", "two.local"]);
    std::fs::remove_file(desk.path("bench/sites/one.local/site_config.json")).unwrap();
    assert!(bench.site("one.local").is_none());
    assert_eq!(bench.site_names(), ["two.local"]);
    site(&desk, "one.local", "{}");
    assert!(!Arc::ptr_eq(&first, &bench.site("one.local").unwrap()), "another one, with the same name");
}

#[test]
fn a_name_from_outside_finds_nothing_but_sites() {
    let desk = with(r#""socketio_port": 9000"#);
    // Everything that a careless look would find.
    for place in ["", "assets/", "../", ".git/", "one.local/private/"] {
        std::fs::create_dir_all(desk.path(&format!("bench/sites/{place}"))).unwrap();
        desk.write(&format!("bench/sites/{place}site_config.json"), "{}");
    }
    std::fs::create_dir_all(desk.path("bench/sites/folder.local/site_config.json")).unwrap();
    let bench = read(&desk);
    for name in [
        "",
        ".",
        "..",
        "...",
        ".git",
        "assets",
        "/",
        "../bench",
        "../sites/one.local",
        "one.local/private",
        "one.local/",
        "./one.local",
        "one.local\0",
        "one.local\n",
        "one%2Elocal",
        "öne.local",
        "one.local?x=1",
        "common_site_config.json",
        "folder.local",
        &"x".repeat(254),
        &"x".repeat(100_000),
    ] {
        assert!(bench.site(name).is_none(), "{name}");
    }
    let absolute = desk.path("bench/sites/one.local");
    assert!(bench.site(absolute.to_str().unwrap()).is_none());
    assert_eq!(bench.site_names(), ["one.local"]);
}

#[test]
fn the_site_of_localhost_may_stand_in_a_file_of_its_own() {
    let desk = with(r#""socketio_port": 9000"#);
    desk.write("bench/sites/currentsite.txt", "one.local\n");
    assert_eq!(read(&desk).default_site(), Some("one.local"));
    assert!(one(&desk).is_default);
    desk.write(COMMON, &format!(r#"{{{REDIS}, "default_site": "gone.local"}}"#));
    assert_eq!(read(&desk).default_site(), Some("gone.local"));
    assert!(!one(&desk).is_default);
    assert!(
        desk.warnings().ends_with("default_site: `gone.local` is no site of this bench"),
        "{}",
        desk.warnings()
    );
}

#[test]
fn sites_of_the_file_stand_beside_the_bench() {
    let mut desk = with(r#""socketio_port": 9000"#);
    desk.sites(GOOD_SITES);
    assert_eq!(desk.settings().sites.len(), 1);
    assert_eq!(read(&desk).site_names(), ["one.local"]);
    desk.sources.sites = Some(desk.path("gone.yml"));
    assert!(desk.errors().starts_with("gone.yml: there is no such file"), "one that is named must be there");
}

#[test]
fn the_section_says_whom_the_sites_let_in() {
    let mut desk = with(r#""default_site": "one.local""#);
    desk.config(
        "frappe:\n  permissionApi: has_permission\n  auth: token\n  tokenSchemes: [Bearer, Basic]\n  requireOrigin: true\n  \
         siteAliases: [shop.example.com=one.local, other.example.com=two.local]\n",
    );
    let one = one(&desk);
    assert_eq!((one.permission_api, one.origin_required), (PermissionApi::HasPermission, true));
    assert_eq!(one.credentials, CredentialRule::Token);
    assert_eq!(one.token_schemes, ["bearer", "basic"]);
    assert_eq!((one.aliases, one.is_default), (vec!["shop.example.com".to_owned()], true));
    let bench = read(&desk);
    assert_eq!(bench.site_of_alias("SHOP.example.com").unwrap().name.as_str(), "one.local");
    assert!(bench.site_of_alias("other.example.com").is_none() && bench.site_of_alias("one.local").is_none());
    assert_eq!(
        desk.warnings(),
        "config.yml:6:3: frappe.siteAliases: other.example.com: `two.local` is no site of this bench"
    );
    let wrong = desk.config("frappe: {siteAliases: shop.example.com}\n").errors();
    assert!(wrong.contains("frappe.siteAliases: must be texts of the form host=site"), "{wrong}");
}

#[test]
fn clients_of_version_14_come_to_the_root() {
    let desk = with(r#""socketio_port": 9000"#);
    std::fs::create_dir_all(desk.path("bench/apps/frappe/frappe")).unwrap();
    for (code, version, is_root) in [
        ("import os\n\n__version__ = \"14.99.1\"\n", Some(14), true),
        ("__version__ = '13.0.0-dev'\n", Some(13), true),
        ("__version__ = \"15.0.0\"\n", Some(15), false),
        ("__version__ = \"16.0.0-dev\"\n", Some(16), false),
        ("__version__ = version()\n", None, false),
        ("", None, false),
    ] {
        desk.write("bench/apps/frappe/frappe/__init__.py", code);
        assert_eq!((read(&desk).version(), one(&desk).in_root_namespace), (version, is_root), "{code}");
    }
    let mut desk = desk;
    desk.config("frappe: {rootNamespace: true}\n");
    assert!(one(&desk).in_root_namespace);
}

#[test]
fn up_to_version_14_a_bench_publishes_in_a_redis_of_its_own() {
    let mut desk = with(r#""redis_socketio": "redis://:hunter2@s:12000""#);
    std::fs::create_dir_all(desk.path("bench/apps/frappe/frappe")).unwrap();
    let queue = |desk: &Desk, code: &str| {
        desk.write("bench/apps/frappe/frappe/__init__.py", code);
        one(desk).redis_queue.expose().to_owned()
    };
    let (own, shared) = ("redis://:hunter2@s:12000", "redis://127.0.0.1:11000");
    assert_eq!(queue(&desk, "__version__ = \"14.1.0\""), own);
    assert_eq!(queue(&desk, "__version__ = \"15.0.0\""), shared);
    assert_eq!(queue(&desk, ""), shared);
    desk.config("frappe: {rootNamespace: true}\n");
    assert_eq!(queue(&desk, ""), own);
    assert_eq!(queue(&desk, "__version__ = \"15.0.0\""), shared);
    desk.write(COMMON, &format!("{{{REDIS}}}"));
    assert_eq!(queue(&desk, "__version__ = \"14.1.0\""), shared, "where none is named");
}

#[test]
fn the_store_goes_to_the_bench_only_where_nothing_is_kept() {
    let mut desk = with(r#""socketio_port": 9000"#);
    let in_bench = desk.path("bench/config/postroom/9000");
    assert_eq!(server(&desk).data, in_bench);
    desk.sites(GOOD_SITES);
    assert_eq!(server(&desk).data, in_bench);
    desk.sites(&format!("{GOOD_SITES}  userRoomPrefix: u_\n"));
    assert_eq!(server(&desk).data, PathBuf::from("data"));
    desk.sources.sites = None;
    desk.config("data: here\n");
    assert_eq!(server(&desk).data, PathBuf::from("here"));
}
