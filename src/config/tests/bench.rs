//! A bench of Frappe: its files, the variables, the section `frappe`.

mod sites;

use std::path::PathBuf;
use std::sync::Arc;

use super::super::{Bench, Server, check};
use super::{Desk, GOOD_SITES};
use crate::domain::{CredentialRule, FrappeSite, PermissionApi, WebServer};

const COMMON: &str = "bench/sites/common_site_config.json";

/// `postroom frappe --bench bench`, with one site in the bench, without any other file.
fn bench(common: &str) -> Desk {
    let mut desk = Desk::new();
    desk.sources.sites = None;
    desk.sources.bench = Some(desk.path("bench"));
    desk.sources.frappe = true;
    site(&desk, "one.local", "{}");
    desk.write(COMMON, common);
    desk
}

fn site(desk: &Desk, name: &str, config: &str) {
    std::fs::create_dir_all(desk.path(&format!("bench/sites/{name}"))).unwrap();
    desk.write(&format!("bench/sites/{name}/site_config.json"), config);
}

fn server(desk: &Desk) -> Server {
    desk.settings().server
}

fn read(desk: &Desk) -> Arc<Bench> {
    desk.settings().bench.unwrap()
}

/// What site `one.local` is.
fn one(desk: &Desk) -> FrappeSite {
    FrappeSite::clone(read(desk).site("one.local").unwrap().frappe().unwrap())
}

const REDIS: &str = r#""redis_queue": "redis://127.0.0.1:11000""#;

fn with(more: &str) -> Desk {
    bench(&format!("{{{REDIS}, {more}}}"))
}

#[test]
fn a_bench_that_says_nothing_is_served_as_frappe_would() {
    let desk = bench("{}");
    std::fs::remove_file(desk.path(COMMON)).unwrap();
    let settings = desk.settings();
    assert_eq!(
        (settings.server.listen.to_string().as_str(), &settings.server.socket),
        ("0.0.0.0:9000", &None)
    );
    assert_eq!((settings.server.token_listen, settings.server.io.token_paths.len()), (None, 0));
    assert!(settings.sites.is_empty());
    let one = one(&desk);
    assert_eq!(one.redis_queue.expose(), "redis://127.0.0.1:11311");
    assert_eq!(one.web_server, WebServer::OfOrigin { port: None, local: None });
    assert_eq!((one.permission_api, one.credentials), (PermissionApi::Auto, CredentialRule::CookieOrHeader));
    assert!(!one.developer_mode && !one.in_root_namespace && !one.is_default && !one.origin_required);
    let site = read(&desk).site("one.local").unwrap();
    assert!(!site.keeps_messages() && site.api_key.is_none());
    assert_eq!(
        desk.warnings(),
        format!("{COMMON}: redis_queue: is not given; redis://127.0.0.1:11311 is taken, as Frappe does")
    );
}

#[test]
fn later_sources_win_and_nothing_falsy_does() {
    let mut desk =
        with(r#""socketio_port": 0, "webserver_port": null, "default_site": "", "developer_mode": false"#);
    desk.write(
        "bench/config.json",
        r#"{"socketio_port": "9100", "webserver_port": 8100, "default_site": "one.local", "developer_mode": 1}"#,
    );
    let all = |desk: &Desk| (server(desk).listen.port(), one(desk).web_server, one(desk).is_default);
    let local =
        |port| WebServer::OfOrigin { port: Some(port), local: Some(format!("http://127.0.0.1:{port}")) };
    assert_eq!(all(&desk), (9100, local(8100), true));
    desk.write(COMMON, &format!(r#"{{{REDIS}, "socketio_port": 9200, "webserver_port": "8200"}}"#));
    assert_eq!(all(&desk), (9200, local(8200), true));
    desk.env("FRAPPE_SOCKETIO_PORT", "9300").env("FRAPPE_REDIS_QUEUE", "redis-queue:6379");
    desk.env("FRAPPE_SITE", "two.local");
    assert_eq!(all(&desk), (9300, local(8200), false));
    assert_eq!(one(&desk).redis_queue.expose(), "redis://redis-queue:6379");
    desk.env("FRAPPE_SOCKETIO_PORT", "").env("FRAPPE_SITE", "");
    assert_eq!(all(&desk), (9200, local(8200), true));
}

#[test]
fn every_falsy_value_leaves_what_was_there() {
    for falsy in ["0", "0.0", "-0", "\"\"", "null", "false"] {
        let desk = with(&format!(r#""socketio_port": {falsy}, "developer_mode": {falsy}"#));
        assert_eq!((server(&desk).listen.port(), one(&desk).developer_mode), (9000, false), "{falsy}");
    }
    for truthy in ["1", "true", "\"0\""] {
        assert!(one(&with(&format!(r#""developer_mode": {truthy}"#))).developer_mode, "{truthy}");
    }
}

#[test]
fn a_port_that_somebody_gave_wins_and_that_of_a_procfile_runner_does_not() {
    let mut desk = with(r#""socketio_port": 9100"#);
    desk.env("PORT", "5300");
    assert_eq!((server(&desk).listen.port(), desk.warnings()), (9100, String::new()));
    desk.config("port: 8080\n");
    assert_eq!(server(&desk).listen.port(), 8080);
    desk.sources.port = Some("8081".to_owned());
    assert_eq!(server(&desk).listen.port(), 8081);
    desk.sources.port = None;
    desk.sources.frappe = false;
    assert_eq!(server(&desk).listen.port(), 8080);
    assert!(desk.warnings().starts_with("$PORT: is not read where there is a bench"), "{}", desk.warnings());
}

#[test]
fn a_socket_wins_over_the_port_of_the_bench() {
    let mut desk = with(r#""socketio_port": 9100, "socketio_uds": "config/socketio.sock""#);
    assert_eq!(server(&desk).socket, Some(desk.path("bench/config/socketio.sock")));
    desk.env("FRAPPE_SOCKETIO_UDS", "/run/s.sock");
    assert_eq!(server(&desk).socket, Some(PathBuf::from("/run/s.sock")));
    desk.sources.port = Some("1234".to_owned());
    assert_eq!((server(&desk).socket, server(&desk).listen.port()), (None, 1234));
    assert_eq!(desk.warnings(), "$FRAPPE_SOCKETIO_UDS: socketio_uds: does nothing: a port is given (--port)");
}

#[test]
fn the_web_server_is_where_the_first_of_these_says() {
    let at = |url: &str| WebServer::At(url.to_owned());
    for (more, web_server) in [
        (
            r#""webserver_port": 8000"#,
            WebServer::OfOrigin { port: None, local: Some("http://127.0.0.1:8000".to_owned()) },
        ),
        (r#""developer_mode": 1"#, WebServer::OfOrigin { port: None, local: None }),
        (r#""webserver_host": "web", "webserver_port": 8000"#, at("http://web:8000")),
        (r#""webserver_host": "https://web", "webserver_port": 8000"#, at("https://web:8000")),
        (r#""webserver_host": "https://web:443/", "webserver_port": 8000"#, at("https://web:443")),
        (r#""webserver_host": "web:9", "webserver_port": 8000, "developer_mode": 1"#, at("http://web:9")),
        (r#""webserver_host": "[::1]", "webserver_port": 8000"#, at("http://[::1]:8000")),
        (r#""webserver_host": "http://[::1]:7", "webserver_port": 8000"#, at("http://[::1]:7")),
    ] {
        assert_eq!(one(&with(more)).web_server, web_server, "{more}");
    }
    let mut desk = with(r#""webserver_host": "web", "webserver_port": 8000"#);
    desk.config("frappe: {backendUrl: 'http://config:1/'}\n");
    assert_eq!(one(&desk).web_server, at("http://config:1"));
    desk.env("FRAPPE_BACKEND_URL", "http://env:2");
    assert_eq!(one(&desk).web_server, at("http://env:2"));
    let lonely = with(r#""webserver_host": "web""#);
    assert_eq!(one(&lonely).web_server, WebServer::OfOrigin { port: None, local: None });
    assert!(lonely.warnings().contains("does nothing without `webserver_port` beside it"));
}

#[test]
fn tokens_have_an_entrance_of_their_own_where_one_is_named() {
    let entrance = |desk: &Desk| {
        let Server { token_listen, io, .. } = server(desk);
        (token_listen.map(|listen| listen.to_string()), io.token_paths)
    };
    let path = || vec!["/socket-token".to_owned()];
    assert_eq!(entrance(&with(r#""socketio_token_port": 9001"#)), (Some("0.0.0.0:9001".to_owned()), path()));
    let both = vec!["/socket-token".to_owned(), "/t".to_owned()];
    assert_eq!(entrance(&with(r#""socketio_token_path": "/t/""#)), (None, both));
    // The path of everybody stays open to cookies.
    assert_eq!(entrance(&with(r#""socketio_token_path": "/socket.io""#)), (None, path()));
    let mut desk = with(r#""socketio_port": 9100"#);
    desk.config("host: 127.0.0.1\nfrappe: {tokens: true}\n");
    assert_eq!(entrance(&desk), (Some("127.0.0.1:9001".to_owned()), path()));
    assert_eq!(
        with(r#""socketio_token_port": 9000"#).errors(),
        format!(
            "{COMMON}:1:67: socketio_token_port: 9000 is the port of the other clients too; give it another"
        )
    );
}

#[test]
fn a_file_that_is_not_json_is_named_with_its_place() {
    for (text, error) in [
        (
            "{\n \"socketio_port\": 9000,\n \"redis_queue\": hunter2\n}",
            "3:17: not valid JSON: expected value",
        ),
        ("{\"a\": \"hunter2", "1:14: not valid JSON: EOF while parsing a string"),
        ("", "1:1: not valid JSON: EOF while parsing a value"),
        ("[\"hunter2\"]", "1:1: must be a JSON object with settings"),
        (
            "{\"socketio_port\": [9000]}",
            "1:19: socketio_port: must be a single value, not a list or an object",
        ),
        (
            "{\n  \"socketio_port\": \"90x\"}",
            "2:20: socketio_port: must be a whole number from 1 to 65535, not `90x`",
        ),
        (
            "{\"socketio_port\": 99999}",
            "1:19: socketio_port: must be a whole number from 1 to 65535, not `99999`",
        ),
    ] {
        let desk = bench(text);
        assert!(desk.errors().starts_with(&format!("{COMMON}:{error}")), "{}", desk.errors());
        assert!(!desk.errors().contains("hunter2"), "{}", desk.errors());
        desk.write(COMMON, "{}");
        desk.write("bench/config.json", text);
        assert!(desk.errors().starts_with(&format!("bench/config.json:{error}")), "{}", desk.errors());
    }
}

#[test]
fn all_that_is_wrong_comes_at_once() {
    let mut desk = bench(r#"{"redis_queue": "http://:hunter2@x", "webserver_port": "x"}"#);
    desk.config("prot: 1\n").env("FRAPPE_SOCKETIO_PORT", "y");
    let errors = desk.errors();
    let places: Vec<&str> = errors.lines().filter_map(|line| line.split(": ").next()).collect();
    let common = |column: u32| format!("{COMMON}:1:{column}");
    assert_eq!(places, ["$FRAPPE_SOCKETIO_PORT", &common(17), &common(56), "config.yml:1:1"], "{errors}");
    assert!(!errors.contains("hunter2"), "{errors}");
}

#[test]
fn a_setting_where_nobody_looks_is_warned_of() {
    let desk = with(r#""redis_socketio": "redis://dead:1", "excel_restaurant_pos_socketio_port": 9005"#);
    site(&desk, "two.local", "{\n \"db_name\": \"x\",\n \"socketio_port\": 9001\n}");
    site(&desk, "three.local", "not json");
    assert_eq!(
        desk.warnings(),
        format!(
            "{COMMON}:1:118: excel_restaurant_pos_socketio_port: is of an earlier token server and is not read; the port of \
             clients that bring a token is `socketio_token_port`\n\
             bench/sites/two.local/site_config.json:3:19: socketio_port: does nothing in the file of a site; write it in \
             sites/common_site_config.json"
        )
    );
    assert_eq!(server(&desk).listen.port(), 9000);
}

#[test]
fn the_flag_names_the_bench_else_the_file_else_the_variable() {
    let mut desk = with(r#""socketio_port": 9100"#);
    let bench = desk.sources.bench.take().unwrap();
    let named = bench.display().to_string();
    desk.sources.frappe = false;
    desk.sites(GOOD_SITES);
    assert!(desk.settings().bench.is_none(), "nobody named it");
    desk.env("FRAPPE_BENCH_ROOT", &named);
    assert_eq!(server(&desk).listen.port(), 9100);
    desk.config("frappe: {benchRoot: /nowhere}\n");
    assert_eq!(
        desk.errors(),
        "config.yml:1:10: frappe.benchRoot: /nowhere is not the folder of a bench: there is no folder `sites` in it"
    );
    desk.sources.bench = Some(bench);
    assert_eq!(server(&desk).listen.port(), 9100);
    desk.sources.bench = Some(PathBuf::from("/nowhere"));
    assert!(desk.errors().starts_with("--bench: /nowhere is not the folder of a bench"), "{}", desk.errors());
    assert_eq!(desk.errors().lines().count(), 1, "and nothing about sites.yml");
}

#[test]
fn without_a_bench_nothing_goes_that_needs_one() {
    let mut desk = Desk::new();
    desk.sources.frappe = true;
    assert!(
        desk.errors().starts_with("--bench: is missing, and the current folder is no bench"),
        "{}",
        desk.errors()
    );
    desk.sources.frappe = false;
    desk.env("FRAPPE_BACKEND_URL", "http://x");
    assert_eq!(desk.warnings(), "", "it may be there for others");
    desk.config("frappe:\n  auth: token\n");
    assert!(
        desk.warnings().starts_with("config.yml:2:3: frappe.auth: does nothing without a bench"),
        "{}",
        desk.warnings()
    );
}

#[test]
fn check_says_what_was_read_without_a_password() {
    let mut desk = bench(
        r#"{"redis_queue": "redis://:hunter2@r:11000", "socketio_uds": "s.sock", "socketio_token_port": 9001,
            "webserver_port": 8000, "default_site": "one.local", "developer_mode": 1}"#,
    );
    let report = check(&desk.sources, &[]);
    let text = desk.without_folder(&report.text);
    assert_eq!(
        text,
        "settings: in order\n  listen bench/s.sock, Socket.IO at /socket.io for any origin\n  \
         tokens alone at 0.0.0.0:9001, and at /socket-token\n  \
         store bench/config/postroom/s.sock, durability full, device_ttl 1h\n  \
         bench bench: Frappe of a version that is not known, 1 site\n  \
         web server http://127.0.0.1:8000, else where the client's page is from with port 8000; Redis at redis://r:11000\n  \
         clients come to /<site>, default site one.local\n"
    );
    assert!(report.in_order && !format!("{:?}", desk.settings()).contains("hunter2"));
    desk.sites(
        "erp:\n  protocol: frappe\n  redisQueue: redis://:hunter2@r:1\n  backendUrl: http://web:8000\n",
    );
    let text = check(&desk.sources, &[]).text;
    assert!(
        text.ends_with("  site erp: Frappe, web server http://web:8000; Redis at redis://r:1\n"),
        "{text}"
    );
}
