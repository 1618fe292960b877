//! `sites.yml`, and the variables that describe one site.

use std::time::Duration;

use super::{Desk, GOOD_SITES};
use crate::domain::{BoundPolicy, QueueBounds, Site};

const KEY: &str = "apiKey: 0123456789abcdef";
const URL: &str = "authUrl: http://127.0.0.1:3000/auth";

fn site(desk: &Desk, name: &str) -> Site {
    let sites = desk.settings().sites;
    let site = sites.iter().find(|site| site.name.as_str() == name).unwrap();
    Site::clone(site)
}

#[test]
fn a_site_needs_no_more_than_two_settings() {
    let site = site(&Desk::new(), "shop");
    assert_eq!(
        (site.webservice().unwrap().auth_url.as_str(), site.api_key.as_ref().unwrap().expose()),
        ("http://127.0.0.1:3000/auth", "0123456789abcdef")
    );
    assert_eq!(
        (site.webservice().unwrap().auth_scheme.as_str(), site.auth_timeout),
        ("Bearer", Duration::from_secs(10))
    );
    assert_eq!((site.auth_concurrency, site.ack_timeout, site.queue), (64, None, QueueBounds::default()));
    assert_eq!(
        (
            site.user_room_prefix.clone(),
            site.webservice().unwrap().update_user_url.clone(),
            site.public_channel.clone()
        ),
        (None, None, None)
    );
}

#[test]
fn every_key_of_a_site_is_read() {
    let mut desk = Desk::new();
    desk.sites(
        "shop:\n  authUrl: https://shop.example/auth?app=x\n  authScheme: Token\n  apiKey: 1234567890123456\n  \
         userRoomPrefix: user_\n  updateUserUrl: https://shop.example/users/:id\n  publicChannel: browse\n  \
         authTimeout: 5\n  authConcurrency: 8\n  ackTimeout: 30s\n  \
         queue: {maxMessages: 50, maxBytes: 2MiB, policy: dropOldest}\n\
         123:\n  authUrl: http://127.0.0.1/\n  apiKey: 'abcdefghijklmnop'\n",
    );
    let shop = site(&desk, "shop");
    assert_eq!(
        (shop.webservice().unwrap().auth_url.as_str(), shop.webservice().unwrap().auth_scheme.as_str()),
        ("https://shop.example/auth?app=x", "Token")
    );
    assert_eq!(shop.api_key.as_ref().unwrap().expose(), "1234567890123456");
    assert_eq!(shop.user_room_prefix.as_deref(), Some("user_"));
    assert_eq!(shop.webservice().unwrap().update_user_url.as_deref(), Some("https://shop.example/users/:id"));
    assert_eq!(shop.public_channel.as_deref(), Some("browse"));
    assert_eq!((shop.auth_timeout, shop.auth_concurrency), (Duration::from_secs(5), 8));
    assert_eq!(shop.ack_timeout, Some(Duration::from_secs(30)));
    let queue = QueueBounds { max_messages: 50, max_bytes: 2 << 20, policy: BoundPolicy::DropOldest };
    assert_eq!(shop.queue, queue);
    assert_eq!(site(&desk, "123").api_key.as_ref().unwrap().expose(), "abcdefghijklmnop");
    assert_eq!(desk.warnings(), "");
}

/// What stands below `shop:`, what is said about it.
fn assert_named(wrong: &[(String, String)]) {
    for (yaml, error) in wrong {
        let errors = Desk::new().sites(&format!("shop:\n  {yaml}\n")).errors();
        assert_eq!(errors, format!("sites.yml:{error}"), "{yaml}");
    }
}

#[test]
fn missing_unknown_and_impossible_settings_of_a_site_are_named_with_a_mend() {
    let url = "must be an absolute http or https URL, such as https://shop.example/auth";
    let hidden = "(what it is now is not shown here, for it may be a secret)";
    assert_named(&[
        (
            KEY.to_owned(),
            "1:1: authUrl: is missing; add the address that answers which rooms a user of `shop` belongs to"
                .to_owned(),
        ),
        (URL.to_owned(), "1:1: apiKey: is missing; add one, or no backend can send to `shop`".to_owned()),
        (
            format!("{URL}\n  apikey: 0123456789abcdef"),
            "3:3: apikey: is not a setting; did you mean `apiKey`?".to_owned(),
        ),
        (
            format!("{URL}\n  {KEY}\n  userRoomPreffix: u"),
            "4:3: userRoomPreffix: is not a setting; did you mean `userRoomPrefix`?".to_owned(),
        ),
        (format!("{KEY}\n  authUrl: ftp://x"), format!("3:3: authUrl: {url} {hidden}")),
        (
            format!("{KEY}\n  authUrl: shop.example"),
            format!("3:3: authUrl: {url} (relative URL without a base) {hidden}"),
        ),
        (
            format!("{KEY}\n  authUrl: http://me:hunter2@x/"),
            format!(
                "3:3: authUrl: {url}, without a user name or password in it: `Authorization` carries the token {hidden}"
            ),
        ),
    ]);
}

#[test]
fn wrong_values_of_a_site_are_named_with_a_mend() {
    let hidden = "(what it is now is not shown here, for it may be a secret)";
    assert_named(&[
        (
            format!("{URL}\n  apiKey:"),
            "3:3: apiKey: is empty; delete the line, or give it a value".to_owned(),
        ),
        (format!("{URL}\n  apiKey: [a]"), "3:3: apiKey: must be a single value, not a list".to_owned()),
        (
            format!("{URL}\n  {KEY}\n  updateUserUrl: http://x/users"),
            format!(
                "4:3: updateUserUrl: must be a URL with `:id` where the user's id belongs, such as \
                 https://shop.example/users/:id {hidden}"
            ),
        ),
        (
            format!("{URL}\n  {KEY}\n  userRoomPrefix: ''"),
            "4:3: userRoomPrefix: is empty; delete the line, or give it a value".to_owned(),
        ),
        (
            format!("{URL}\n  {KEY}\n  authScheme: Bearer x"),
            "4:3: authScheme: must be one word of letters, digits, `-`, `_` or `.`, not `Bearer x`"
                .to_owned(),
        ),
        (
            format!("{URL}\n  {KEY}\n  queue:\n    policy: drop"),
            "5:5: queue.policy: must be `resync` or `dropOldest`, not `drop`".to_owned(),
        ),
        (
            format!("{URL}\n  {KEY}\n  maxBytes: 1MiB"),
            "4:3: maxBytes: is not a setting; did you mean `queue.maxBytes`?".to_owned(),
        ),
        (
            format!("{URL}\n  apiKey: ${{SHOP_KEY}}"),
            "3:3: apiKey: the environment variable SHOP_KEY is not set; set it, or give a default with \
             `${SHOP_KEY:-default}`"
                .to_owned(),
        ),
        (
            format!("{URL}\n  {KEY}\n  {KEY}"),
            "4:3: apiKey: stands twice, first in line 3; delete one of the two".to_owned(),
        ),
    ]);
}

#[test]
fn what_is_no_site_is_named() {
    let none = "names no site; add one as in sites.example.yml: its name, and below it authUrl and apiKey";
    let name = "a site name has 1 to 253 of the characters A-Z a-z 0-9 . _ -";
    let shape = "must be a site, that is a mapping with `authUrl` and `apiKey`, not";
    let good = &GOOD_SITES["shop:\n".len()..];
    for (yaml, error) in [
        (String::new(), format!("sites.yml: {none}")),
        ("# only a comment\n".to_owned(), format!("sites.yml: {none}")),
        ("{}".to_owned(), format!("sites.yml: {none}")),
        ("- shop".to_owned(), "sites.yml: must be a mapping of sites, not a list".to_owned()),
        (format!("my shop:\n{good}"), format!("sites.yml:1:1: my shop: {name}")),
        (format!("a/b:\n{good}"), format!("sites.yml:1:1: a/b: {name}")),
        ("shop:\n".to_owned(), format!("sites.yml:1:1: shop: {shape} nothing")),
        ("shop: x\n".to_owned(), format!("sites.yml:1:1: shop: {shape} a single value")),
        // Nothing is left of that one, and it does not vanish.
        ("shop: ${NONE:-}\n".to_owned(), format!("sites.yml:1:1: shop: {shape} a single value")),
        (
            "apiKey: x\n".to_owned(),
            "sites.yml:1:1: apiKey: is a setting of a site; put the name of the site above it, and indent it below that"
                .to_owned(),
        ),
        (format!("{GOOD_SITES}{GOOD_SITES}"), "sites.yml:4:1: shop: stands twice, first in line 1; delete one of the two".to_owned()),
    ] {
        assert_eq!(Desk::new().sites(&yaml).errors(), error, "{yaml}");
    }
}

#[test]
fn the_errors_of_all_sites_come_at_once() {
    let errors = Desk::new().sites("a:\n  authUrl: x\n  apiKey: y z\n  foo: 1\nb: {}\n").errors();
    let places: Vec<&str> = errors.lines().filter_map(|line| line.split(": ").next()).collect();
    assert_eq!(places, ["sites.yml:2:3", "sites.yml:4:3", "sites.yml:5:1", "sites.yml:5:1"], "{errors}");
}

#[test]
fn a_key_is_never_shown() {
    let mut desk = Desk::new();
    desk.env("KEY", "hunter2 ").env("U", "http://u:hunter2@x/");
    desk.sites("a: {authUrl: '${U}', apiKey: 'hunter2 '}\nb: {authUrl: 'hunter2', apiKey: '${KEY}', authScheme: '${KEY}'}\n");
    let errors = desk.errors();
    assert_eq!(errors.lines().count(), 5, "{errors}");
    assert!(!errors.contains("hunter2"), "{errors}");
}

#[test]
fn a_number_as_a_key_is_taken_as_it_is_written() {
    for (yaml, key, warned) in [
        ("1234567890123456", "1234567890123456", false),
        ("\"0000000000000007\"", "0000000000000007", false),
        ("0000000000000007", "0000000000000007", true),
        ("12345678901234567890123", "12345678901234567890123", true),
        ("0x123456789012345", "0x123456789012345", true),
    ] {
        let mut desk = Desk::new();
        desk.sites(&format!("shop:\n  {URL}\n  apiKey: {yaml}\n"));
        assert_eq!(site(&desk, "shop").api_key.as_ref().unwrap().expose(), key, "{yaml}");
        assert_eq!(desk.warnings().contains("written differently by other readers"), warned, "{yaml}");
    }
}

#[test]
fn what_looks_wrong_is_warned_of() {
    for (yaml, warning) in [
        (
            "publicChannel: browse",
            "4:3: publicChannel: does nothing without `userRoomPrefix`: such a site is plain broadcast, and keeps no messages",
        ),
        (
            "updateUserUrl: http://x/:id",
            "4:3: updateUserUrl: does nothing without `userRoomPrefix`: such a site knows rooms, not users",
        ),
        (
            "userRoomPrefix: u\n  publicChannel: unknown",
            "5:3: publicChannel: starts with `userRoomPrefix`, so that its clients count as one user, and not as anonymous",
        ),
    ] {
        let warnings = Desk::new().sites(&format!("{GOOD_SITES}  {yaml}\n")).warnings();
        assert_eq!(warnings, format!("sites.yml:{warning}"), "{yaml}");
    }
    assert_eq!(
        Desk::new().sites(&format!("shop:\n  {URL}\n  apiKey: 123\n")).warnings(),
        "sites.yml:3:3: apiKey: is shorter than 16 characters and can be guessed; make one with `openssl rand -hex 24`"
    );
    assert_eq!(
        Desk::new()
            .sites(&format!("{GOOD_SITES}  userRoomPrefix: u_\n  queue: {{maxBytes: 64KiB}}\n"))
            .warnings(),
        "sites.yml: shop: `queue.maxBytes` (64KiB) is below `sendLimit` (1MiB): a long message fits into no inbox"
    );
}

#[test]
fn site_name_of_the_environment_replaces_the_file() {
    let mut desk = Desk::new();
    for (name, value) in [
        ("SITE_NAME", "env"),
        ("AUTH_URL", "https://env.example/auth"),
        ("AUTH_SCHEME", "Token"),
        ("API_KEY", "fedcba9876543210"),
        ("USER_ROOM_PREFIX", "u_"),
        ("UPDATE_USER_URL", "https://env.example/:id"),
        ("PUBLIC_CHANNEL", ""),
    ] {
        desk.env(name, value);
    }
    assert_eq!(desk.settings().sites.len(), 1);
    let env = site(&desk, "env");
    assert_eq!(
        (env.webservice().unwrap().auth_url.as_str(), env.webservice().unwrap().auth_scheme.as_str()),
        ("https://env.example/auth", "Token")
    );
    assert_eq!(
        (env.api_key.as_ref().unwrap().expose(), env.user_room_prefix.as_deref()),
        ("fedcba9876543210", Some("u_"))
    );
    assert_eq!(
        (env.webservice().unwrap().update_user_url.as_deref(), env.public_channel.clone()),
        (Some("https://env.example/:id"), None)
    );
    assert_eq!(desk.warnings(), "$SITE_NAME: SITE_NAME is set, so that sites.yml is not read");
}

#[test]
fn a_site_of_the_environment_is_checked_like_one_of_the_file() {
    let mut desk = Desk::new();
    desk.env("SITE_NAME", "a b").env("AUTH_URL", "hunter2").env("API_KEY", "");
    let errors = desk.errors();
    let starts = [
        "$AUTH_URL: authUrl: must be an absolute http or https URL",
        "$SITE_NAME: a b: a site name has 1 to 253",
        "$SITE_NAME: apiKey: is missing; set API_KEY, or no backend can send to `a b`",
    ];
    assert_eq!(errors.lines().count(), 3, "{errors}");
    assert!(errors.lines().zip(starts).all(|(line, start)| line.starts_with(start)), "{errors}");
    assert!(!errors.contains("hunter2"));
}

#[test]
fn no_sites_at_all_names_the_mend() {
    let mut desk = Desk::new();
    desk.sources.sites = Some(desk.path("gone.yml"));
    assert_eq!(
        desk.errors(),
        "gone.yml: there is no such file; copy sites.example.yml to sites.yml and fill in your site, or set SITE_NAME, \
         AUTH_URL and API_KEY"
    );
}

#[test]
fn a_reference_that_comes_out_empty_is_not_given() {
    let mut desk = Desk::new();
    desk.sites(&format!("{GOOD_SITES}  publicChannel: ${{NONE:-}}\n"));
    assert_eq!(site(&desk, "shop").public_channel, None);
    desk.sites(&format!("shop:\n  {URL}\n  apiKey: ${{NONE:-}}\n"));
    assert!(desk.errors().starts_with("sites.yml:1:1: apiKey: is missing"), "{}", desk.errors());
}
