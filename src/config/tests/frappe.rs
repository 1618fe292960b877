//! Sites of `sites.yml` with `protocol: frappe`.

use std::time::Duration;

use super::{Desk, GOOD_SITES};
use crate::domain::{CredentialRule, FrappeSite, PermissionApi, QueueBounds, Site, WebServer};

const REDIS: &str = "redisQueue: redis://127.0.0.1:11000";

/// A Frappe site with these settings, written with two blanks before each.
fn erp(settings: &str) -> Desk {
    let mut desk = Desk::new();
    desk.sites(&format!("erp.example.com:\n  protocol: frappe\n  {settings}\n"));
    desk
}

fn site(desk: &Desk) -> Site {
    Site::clone(&desk.settings().sites[0])
}

fn frappe(desk: &Desk) -> FrappeSite {
    FrappeSite::clone(site(desk).frappe().unwrap())
}

#[test]
fn a_frappe_site_needs_no_more_than_its_redis() {
    let desk = erp(REDIS);
    let site = site(&desk);
    assert_eq!((site.name.as_str(), site.api_key.clone()), ("erp.example.com", None));
    assert_eq!((site.keeps_messages(), site.public_channel.clone(), site.ack_timeout), (false, None, None));
    assert_eq!((site.auth_timeout, site.auth_concurrency), (Duration::from_secs(10), 64));
    assert_eq!(site.queue, QueueBounds::default());
    let frappe = frappe(&desk);
    assert_eq!(frappe.web_server, WebServer::OfOrigin { port: None, local: None });
    assert_eq!(frappe.redis_queue.expose(), "redis://127.0.0.1:11000");
    assert!(frappe.aliases.is_empty());
    assert_eq!(frappe.permission_api, PermissionApi::Auto);
    assert_eq!(frappe.credentials, CredentialRule::CookieOrHeader);
    let flags = [frappe.is_default, frappe.origin_required, frappe.developer_mode, frappe.in_root_namespace];
    assert_eq!(flags, [false; 4]);
    assert_eq!(desk.warnings(), "");
}

#[test]
fn every_key_of_a_frappe_site_is_read() {
    let desk =
        erp("backendUrl: https://web.example:8443/erp/\n  redisQueue: rediss://u:p@r.example:6380/2\n  \
                    siteAliases: [Shop.example.com, www.example.com]\n  defaultSite: true\n  \
                    permissionApi: can_subscribe\n  auth: token\n  tokenSchemes: [Bearer, TOKEN, bearer]\n  \
                    requireOrigin: true\n  developerMode: true\n  rootNamespace: true\n  \
                    apiKey: 0123456789abcdef\n  authTimeout: 3\n  authConcurrency: 7");
    let site = site(&desk);
    assert_eq!(site.api_key.as_ref().unwrap().expose(), "0123456789abcdef");
    assert_eq!((site.auth_timeout, site.auth_concurrency), (Duration::from_secs(3), 7));
    let frappe = frappe(&desk);
    assert_eq!(frappe.web_server, WebServer::At("https://web.example:8443/erp".to_owned()));
    assert_eq!(frappe.redis_queue.expose(), "rediss://u:p@r.example:6380/2");
    assert_eq!(frappe.aliases, ["shop.example.com", "www.example.com"]);
    assert_eq!(frappe.permission_api, PermissionApi::CanSubscribe);
    assert_eq!(frappe.credentials, CredentialRule::Token);
    assert_eq!(frappe.token_schemes, ["bearer", "token"]);
    let flags = [frappe.is_default, frappe.origin_required, frappe.developer_mode, frappe.in_root_namespace];
    assert_eq!(flags, [true; 4]);
    assert_eq!(desk.warnings(), "");
}

#[test]
fn a_redis_is_named_as_frappe_names_it() {
    for (written, taken) in [
        ("redis-queue:6379", "redis://redis-queue:6379"),
        ("127.0.0.1:6379/1", "redis://127.0.0.1:6379/1"),
        ("redis://:hunter2@h:1", "redis://:hunter2@h:1"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
    ] {
        assert_eq!(frappe(&erp(&format!("redisQueue: {written}"))).redis_queue.expose(), taken);
    }
    for written in ["http://x", "redis+unix:///run/x.sock", "redis://", "hunter2 with blanks:1"] {
        let errors = erp(&format!("redisQueue: {written}")).errors();
        assert!(errors.starts_with("sites.yml:3:3: redisQueue: must be "), "{errors}");
        assert!(!errors.contains("hunter2"), "{errors}");
    }
}

#[test]
fn a_token_is_a_bearer_where_nothing_else_is_said() {
    let tokens = frappe(&erp(&format!("{REDIS}\n  auth: token")));
    assert_eq!(
        (tokens.credentials, tokens.token_schemes),
        (CredentialRule::Token, vec!["bearer".to_owned()])
    );
    let warned = erp(&format!("{REDIS}\n  tokenSchemes: Basic"));
    assert_eq!(frappe(&warned).credentials, CredentialRule::CookieOrHeader);
    assert_eq!(
        warned.warnings(),
        "sites.yml:4:3: tokenSchemes: does nothing without `auth: token`: any scheme is taken"
    );
}

#[test]
fn what_is_wrong_with_a_frappe_site_is_said_at_once() {
    let desk =
        erp("backendUrl: web.example\n  siteAliases: ['http://x']\n  permissionApi: maybe\n  auth: sid\n  \
                    tokenSchemes: 'a:b'\n  defaultSite: 1");
    let scheme = "must be words that stand before a token in `Authorization`, such as Bearer, token or Basic";
    let lines = [
        "sites.yml:1:1: redisQueue: is missing; add the URL of the Redis in which the site publishes: `redis_queue` in \
         common_site_config.json of its bench"
            .to_owned(),
        "sites.yml:3:3: backendUrl: must be the address of a web server, such as http://127.0.0.1:8000 or \
         https://erp.example.com (without user name and password, and nothing behind `?` or `#`) (what it is now is not \
         shown here, for it may be a secret)"
            .to_owned(),
        "sites.yml:4:3: siteAliases: must be names of hosts without scheme and port, such as erp.example.com, not \
         `http://x`"
            .to_owned(),
        "sites.yml:5:3: permissionApi: must be `auto` or `has_permission` or `can_subscribe`, not `maybe`".to_owned(),
        "sites.yml:6:3: auth: must be `cookie` or `token`, not `sid`".to_owned(),
        format!("sites.yml:7:3: tokenSchemes: {scheme}, not `a:b`"),
        "sites.yml:8:3: defaultSite: must be `true` or `false`, not `1`".to_owned(),
    ];
    assert_eq!(desk.errors(), lines.join("\n"));
}

#[test]
fn what_a_frappe_site_does_not_do_is_refused_with_the_reason() {
    for (setting, why) in [
        (
            "authUrl: http://x",
            "authUrl: goes not with `protocol: frappe`: its own web server says who a client is",
        ),
        ("authScheme: Bearer", "authScheme: goes not with `protocol: frappe`: which schemes are taken"),
        (
            "userRoomPrefix: u_",
            "userRoomPrefix: goes not with `protocol: frappe`: Frappe's clients acknowledge nothing",
        ),
        (
            "updateUserUrl: http://x/:id",
            "updateUserUrl: goes not with `protocol: frappe`: Frappe has no such call",
        ),
        (
            "publicChannel: all",
            "publicChannel: goes not with `protocol: frappe`: visitors who are not logged in",
        ),
    ] {
        let errors = erp(&format!("{REDIS}\n  {setting}")).errors();
        assert!(errors.starts_with(&format!("sites.yml:4:3: {why}")), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
    for setting in ["ackTimeout: 5", "queue: {maxBytes: 2MiB}"] {
        let warnings = erp(&format!("{REDIS}\n  {setting}")).warnings();
        let why = "does nothing with `protocol: frappe`: nothing is kept for its clients";
        assert!(warnings.ends_with(why) && warnings.starts_with("sites.yml:4:"), "{warnings}");
    }
}

#[test]
fn settings_of_frappe_elsewhere_name_the_protocol() {
    let why = "is a setting of a Frappe site; add `protocol: frappe` beside it, or delete it";
    let forgotten = Desk::new().sites(&format!("erp:\n  {REDIS}\n  defaultSite: true\n")).errors();
    let lines = format!("sites.yml:2:3: redisQueue: {why}\nsites.yml:3:3: defaultSite: {why}");
    assert_eq!(forgotten, lines, "and not a word about authUrl");
    let strayed = Desk::new().sites(&format!("{GOOD_SITES}  {REDIS}\n")).errors();
    assert_eq!(strayed, format!("sites.yml:4:3: redisQueue: {why}"));
    let both = Desk::new().sites(&format!("shop:\n  protocol: webservice\n  {REDIS}\n")).errors();
    assert!(both.contains("authUrl: is missing") && both.contains(why), "{both}");
    let other = Desk::new().sites("shop:\n  protocol: frape\n").errors();
    assert_eq!(other, "sites.yml:2:3: protocol: must be `webservice` or `frappe`, not `frape`");
}

#[test]
fn localhost_means_one_site() {
    let site = |name: &str| format!("{name}:\n  protocol: frappe\n  {REDIS}\n  defaultSite: true\n");
    assert_eq!(
        Desk::new().sites(&(site("a") + &site("b"))).errors(),
        "sites.yml:5:1: b: has `defaultSite: true`, and so has `a`; only one can be meant by localhost"
    );
}

#[test]
fn frappe_sites_and_others_stand_in_one_file() {
    let mut desk = Desk::new();
    desk.sites(&format!("{GOOD_SITES}erp:\n  protocol: frappe\n  {REDIS}\n"));
    let is_frappe: Vec<bool> = desk.settings().sites.iter().map(|site| site.frappe().is_some()).collect();
    assert_eq!(is_frappe, [false, true]);
}

#[test]
fn a_password_is_not_printed() {
    let desk = erp("redisQueue: redis://:hunter2@h:1");
    assert!(!format!("{:?}", desk.settings()).contains("hunter2"));
}
