//! `config.yml`, the variables and the flags.

use std::path::PathBuf;
use std::time::Duration;

use super::super::{Io, Log, LogFormat, Origins, Server};
use super::Desk;
use crate::domain::{DeviceTtl, Durability};

fn defaults() -> Server {
    Server {
        listen: "0.0.0.0:1337".parse().unwrap(),
        socket: None,
        token_listen: None,
        workers: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        device_ttl: DeviceTtl::from_secs(3600),
        data: PathBuf::from("data"),
        durability: Durability::Full,
        redis: None,
        flake_node: None,
        send_limit: 1 << 20,
        batch_limit: 4 << 20,
        batch_items: 10_000,
        connect_timeout: Duration::from_secs(45),
        drain_timeout: Duration::from_secs(10),
        outbox_limit: 8 << 20,
        io: Io {
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            max_payload: 1_000_000,
            path: "/socket.io".to_owned(),
            token_paths: Vec::new(),
            origins: Origins::Any,
            cookie: None,
        },
        metrics: None,
        log: Log { level: "info".to_owned(), format: LogFormat::Auto },
    }
}

#[test]
fn nothing_given_is_the_defaults() {
    assert_eq!(Desk::new().settings().server, defaults());
    assert_eq!(Desk::new().config("# nothing\n").settings().server, defaults());
    assert_eq!(Desk::new().config("io:\nlog:\n").settings().server, defaults());
}

#[test]
fn every_key_is_read() {
    let mut desk = Desk::new();
    desk.config(
        "host: 127.0.0.1\nport: \"8080\"\nworkers: 3\ndevice_ttl: 7d\ndata: /var/lib/postroom\n\
         durability: normal\nsendLimit: 500kB\nbatchLimit: 1MiB\nbatchItems: 7\noutboxLimit: 2MiB\nconnectTimeout: 30\ndrainTimeout: 25s\n\
         flakeid: {datacenter: 2, worker: 3}\n\
         io:\n  path: /push/\n  pingInterval: 300\n  pingTimeout: 200ms\n  maxHttpBufferSize: 2000000\n  \
         origins: [https://shop.example, 'http://localhost:8080']\n  cookie: io\n  serveClient: false\n\
         metrics: {listen: 'localhost:9464'}\n\
         log: {level: 'warn,postroom=debug', format: json}\n",
    );
    let server = Server {
        listen: "127.0.0.1:8080".parse().unwrap(),
        socket: None,
        token_listen: None,
        workers: 3,
        device_ttl: DeviceTtl::from_secs(7 * 86_400),
        data: PathBuf::from("/var/lib/postroom"),
        durability: Durability::Normal,
        redis: None,
        flake_node: Some(67),
        send_limit: 500_000,
        batch_limit: 1 << 20,
        batch_items: 7,
        connect_timeout: Duration::from_secs(30),
        drain_timeout: Duration::from_secs(25),
        outbox_limit: 2 << 20,
        io: Io {
            ping_interval: Duration::from_millis(300),
            ping_timeout: Duration::from_millis(200),
            max_payload: 2_000_000,
            path: "/push".to_owned(),
            token_paths: Vec::new(),
            origins: Origins::Only(vec![
                "https://shop.example".to_owned(),
                "http://localhost:8080".to_owned(),
            ]),
            cookie: Some("io".to_owned()),
        },
        metrics: Some("127.0.0.1:9464".parse().unwrap()),
        log: Log { level: "warn,postroom=debug".to_owned(), format: LogFormat::Json },
    };
    assert_eq!(desk.settings().server, server);
    assert_eq!(desk.warnings(), "");
}

#[test]
fn a_flag_wins_over_the_environment_over_the_file_over_the_default() {
    let mut desk = Desk::new();
    let port = |desk: &Desk| desk.settings().server.listen.port();
    assert_eq!(port(&desk), 1337);
    assert_eq!(port(desk.config("port: 1\n")), 1);
    assert_eq!(port(desk.env("PORT", "2")), 2);
    assert_eq!(port(desk.env("PORT", "")), 1, "an empty variable is not set");
    desk.env("PORT", "2").sources.port = Some("3".to_owned());
    assert_eq!(port(&desk), 3);
}

#[test]
fn device_ttl_of_the_environment_wins_and_0_is_for_ever() {
    let mut desk = Desk::new();
    let ttl = |desk: &Desk| desk.settings().server.device_ttl;
    assert_eq!(ttl(desk.config("device_ttl: 0\n")), DeviceTtl::Never);
    assert_eq!(ttl(desk.env("DEVICE_TTL", "60")), DeviceTtl::from_secs(60));
    assert_eq!(ttl(desk.env("DEVICE_TTL", "0").config("device_ttl: 5\n")), DeviceTtl::Never);
    desk.env("DEVICE_TTL", "").config("device_ttl: 500ms\n");
    assert_eq!(
        desk.errors(),
        "config.yml:1:1: device_ttl: must be a whole number of seconds up to 10 years, or a time such as 1h or 7d; \
         0 is for ever, not `500ms`"
    );
}

/// Every variable but those of Redis and Frappe, each with a value of its own.
const VARIABLES: &[(&str, &str)] = &[
    ("POSTROOM_HOST", "::1"),
    ("PORT", "8080"),
    ("POSTROOM_WORKERS", "3"),
    ("DEVICE_TTL", "60"),
    ("POSTROOM_DATA", "/tmp/x"),
    ("POSTROOM_DURABILITY", "normal"),
    ("POSTROOM_SEND_LIMIT", "2MiB"),
    ("POSTROOM_BATCH_LIMIT", "2MiB"),
    ("POSTROOM_BATCH_ITEMS", "70"),
    ("POSTROOM_OUTBOX_LIMIT", "4MiB"),
    ("POSTROOM_CONNECT_TIMEOUT", "1m"),
    ("POSTROOM_DRAIN_TIMEOUT", "20"),
    ("POSTROOM_FLAKEID_ID", "9"),
    ("POSTROOM_IO_PATH", "/p"),
    ("POSTROOM_IO_PING_INTERVAL", "1000"),
    ("POSTROOM_IO_PING_TIMEOUT", "2s"),
    ("POSTROOM_IO_MAX_PAYLOAD", "5000"),
    ("POSTROOM_IO_ORIGINS", "https://a.example https://b.example"),
    ("POSTROOM_IO_COOKIE", "true"),
    ("POSTROOM_METRICS_LISTEN", "[::1]:9464"),
    ("RUST_LOG", "debug"),
    ("POSTROOM_LOG_FORMAT", "pretty"),
];

#[test]
fn every_variable_and_flag_is_read() {
    let mut desk = Desk::new();
    for (name, value) in VARIABLES {
        desk.env(name, value);
    }
    let server = Server {
        listen: "[::1]:8080".parse().unwrap(),
        workers: 3,
        device_ttl: DeviceTtl::from_secs(60),
        data: PathBuf::from("/tmp/x"),
        durability: Durability::Normal,
        flake_node: Some(9),
        send_limit: 2 << 20,
        batch_limit: 2 << 20,
        batch_items: 70,
        connect_timeout: Duration::from_mins(1),
        drain_timeout: Duration::from_secs(20),
        outbox_limit: 4 << 20,
        io: Io {
            ping_interval: Duration::from_secs(1),
            ping_timeout: Duration::from_secs(2),
            max_payload: 5000,
            path: "/p".to_owned(),
            origins: Origins::Only(vec!["https://a.example".to_owned(), "https://b.example".to_owned()]),
            cookie: Some("io".to_owned()),
            ..defaults().io
        },
        metrics: Some("[::1]:9464".parse().unwrap()),
        log: Log { level: "debug".to_owned(), format: LogFormat::Pretty },
        ..defaults()
    };
    assert_eq!(desk.settings().server, server);
    assert_eq!(desk.warnings(), "");
    desk.sources.host = Some("127.0.0.1".to_owned());
    desk.sources.data = Some(PathBuf::from("here"));
    let Server { listen, data, .. } = desk.settings().server;
    assert_eq!((listen.to_string().as_str(), data), ("127.0.0.1:8080", PathBuf::from("here")));
}

/// What stands in config.yml, what is said about it.
const WRONG: &[(&str, &str)] = &[
    ("prot: 1", "1:1: prot: is not a setting; did you mean `port`?"),
    ("colour: 1", "1:1: colour: is not a setting; delete it"),
    ("pingInterval: 1", "1:1: pingInterval: is not a setting; did you mean `io.pingInterval`?"),
    ("io:\n  pingIntervall: 1", "2:3: io.pingIntervall: is not a setting; did you mean `io.pingInterval`?"),
    ("port: abc", "1:1: port: must be a whole number from 0 to 65535, not `abc`"),
    ("port: 65536", "1:1: port: must be a whole number from 0 to 65535, not `65536`"),
    ("port: [1]", "1:1: port: must be a single value, not a list"),
    ("port:", "1:1: port: is empty; delete the line to get the default, or give it a value"),
    ("port: ''", "1:1: port: is empty; delete the line to get the default, or give it a value"),
    ("io: 5", "1:1: io: must be a mapping, not a single value; its keys stand below it, indented"),
    ("- port", "must be a mapping of settings, not a list"),
    (
        "host: shop.example",
        "1:1: host: must be an IP address of this machine, such as 0.0.0.0 (all), 127.0.0.1 (only this machine) \
         or ::, not `shop.example`",
    ),
    ("durability: ful", "1:1: durability: must be `full` or `normal`, not `ful`"),
    ("workers: 0", "1:1: workers: must be a whole number from 1 to 1024, not `0`"),
    (
        "metrics:\n  listen: 9464\n",
        "2:3: metrics.listen: must be an IP address of this machine and a port, such as 127.0.0.1:9464 (only this machine) \
         or 0.0.0.0:9464, not `9464`",
    ),
    (
        "drainTimeout: 10 minutes",
        "1:1: drainTimeout: must be a time from 1s to 1h, in seconds or with a unit, such as 10 or 10s or 1m, \
         not `10 minutes`",
    ),
    (
        "sendLimit: 1M",
        "1:1: sendLimit: must be a size from 1KiB to 256MiB, in bytes or with a unit, such as 1048576 or 1MiB or \
         500kB, not `1M`",
    ),
    (
        "sendLimit: 9MiB",
        "1:1: sendLimit: `outboxLimit` (8MiB) must not be below `sendLimit` (9MiB), or a long message reaches nobody",
    ),
    ("flakeid: {id: 1024}", "1:11: flakeid.id: must be a whole number from 0 to 1023, not `1024`"),
    (
        "io: {path: /send}",
        "1:6: io.path: must be a path of its own with a leading slash, such as /socket.io, not `/send`",
    ),
    (
        "io: {path: /v1/sites}",
        "1:6: io.path: must be a path of its own with a leading slash, such as /socket.io, not `/v1/sites`",
    ),
    (
        "io: {path: socket.io}",
        "1:6: io.path: must be a path of its own with a leading slash, such as /socket.io, not `socket.io`",
    ),
    (
        "io: {path: /}",
        "1:6: io.path: must be a path of its own with a leading slash, such as /socket.io, not `/`",
    ),
    (
        "io: {serveClient: true}",
        "1:6: io.serveClient: no client bundle is shipped; delete the line and load socket.io-client from your own \
         pages or a CDN",
    ),
    (
        "io: {maxPayload: 2000, maxHttpBufferSize: 2000}",
        "1:24: io.maxHttpBufferSize: is another name of `io.maxPayload`, which is given too; delete one of the two",
    ),
    (
        "io: {cookie: 'a b'}",
        "1:6: io.cookie: must be `false`, or the name of a cookie, such as `io`, not `a b`",
    ),
    ("io: {origins: []}", "1:6: io.origins: is an empty list; delete the line, or name at least one"),
    (
        "log: {level: inof}",
        "1:7: log.level: must be off, error, warn, info, debug, trace, or directives such as `info,postroom=debug` \
         (did you mean `info`?), not `inof`",
    ),
    ("port: 1\nport: 2", "2:1: port: stands twice, first in line 1; delete one of the two"),
    (
        "data: ${NOWHERE}",
        "1:1: data: the environment variable NOWHERE is not set; set it, or give a default with `${NOWHERE:-default}`",
    ),
    ("port: 1\n  host: x", "2:7: not valid YAML: mapping values are not allowed in this context"),
];

#[test]
fn wrong_settings_are_named_with_their_place_and_a_mend() {
    for (yaml, error) in WRONG {
        let expected = if error.starts_with("must") {
            format!("config.yml: {error}")
        } else {
            format!("config.yml:{error}")
        };
        assert_eq!(Desk::new().config(yaml).errors(), expected, "{yaml}");
    }
}

#[test]
fn origins_that_no_browser_states_are_refused() {
    for origins in ["shop.example:*", "[https://shop.example, https://shop.example/page]", "' '"] {
        let errors = Desk::new().config(&format!("io: {{origins: {origins}}}")).errors();
        assert!(errors.starts_with("config.yml:1:6: io.origins: must be `*`, or origins"), "{errors}");
    }
}

#[test]
fn all_errors_of_all_sources_come_at_once() {
    let mut desk = Desk::new();
    desk.config("prot: 1\nworkers: x\n").sites("shop:\n  apiKey: 0123456789abcdef\n").env("PORT", "http");
    desk.sources.host = Some("nowhere".to_owned());
    let errors = desk.errors();
    assert_eq!(errors.lines().count(), 5, "{errors}");
    for (line, start) in errors.lines().zip([
        "--host: host: must be an IP address",
        "$PORT: port: must be a whole number from 0 to 65535, not `http`",
        "config.yml:1:1: prot: is not a setting",
        "config.yml:2:1: workers: must be",
        "sites.yml:1:1: authUrl: is missing",
    ]) {
        assert!(line.starts_with(start), "{line}");
    }
}

#[test]
fn a_value_out_of_the_environment_counts_as_written() {
    let mut desk = Desk::new();
    desk.env("P", "8080")
        .config("port: ${P}\ndata: ${D:-/x}\nlog: {level: '${L:-}'}\nio: {origins: ['${O:-*}']}\n");
    let server = desk.settings().server;
    assert_eq!((server.listen.port(), server.data), (8080, PathBuf::from("/x")));
    assert_eq!(server.log.level, "info", "an empty reference is not given");
    let errors = desk.env("P", "hunter2").errors();
    assert!(errors.starts_with("config.yml:1:1: port: must be") && !errors.contains("hunter2"), "{errors}");
}

#[test]
fn node_env_chooses_a_section() {
    let mut desk = Desk::new();
    let port = |desk: &Desk| desk.settings().server.listen.port();
    let file = "default: &default\n  device_ttl: 60\nproduction:\n  <<: *default\n  port: 80\n\
                development:\n  port: 8080\n  data: ${UNSET}\nempty:\n";
    assert_eq!(port(desk.config(file)), 80);
    assert_eq!(desk.settings().server.device_ttl, DeviceTtl::from_secs(60));
    assert_eq!(port(desk.env("NODE_ENV", "empty")), 1337);
    desk.env("NODE_ENV", "development");
    assert!(
        desk.errors().starts_with("config.yml:8:3: data: the environment variable UNSET"),
        "{}",
        desk.errors()
    );
    desk.env("NODE_ENV", "staging");
    assert_eq!(
        desk.errors(),
        "config.yml: has sections for `default`, `production`, `development`, `empty` and none for `staging` \
         (NODE_ENV); add one, or set NODE_ENV to one of these"
    );
    desk.env("NODE_ENV", "").config("prodution:\n  port: 1\n");
    assert_eq!(
        desk.errors(),
        "config.yml: has sections for `prodution` and none for `production` (NODE_ENV); did you mean `prodution`?"
    );
    desk.config("port: 2\nproduction:\n  workers: 1\n");
    assert_eq!(
        desk.errors(),
        "config.yml:1:1: port: stands beside the environment sections, where it belongs to none; move it into one"
    );
    desk.config("production: 5\n");
    assert!(desk.errors().starts_with("config.yml:1:1: production: must be a mapping"), "{}", desk.errors());
    assert_eq!(port(desk.config("port: 2\n").env("NODE_ENV", "anything")), 2, "a flat file needs no section");
}

#[test]
fn what_the_original_has_and_we_do_not_need_is_warned_of() {
    let mut desk = Desk::new();
    desk.config("winston: {x: {y: 1}}\nservers: [a]\nio: {transports: [polling]}\nflakeid: {id: 5, worker: 1, epoch: 1}\n");
    assert_eq!(
        desk.warnings(),
        "config.yml:1:1: winston: this setting of the original is ignored; see `log`\n\
         config.yml:2:1: servers: this setting of the original has no use here and is ignored\n\
         config.yml:3:6: io.transports: this setting of the original has no use here and is ignored\n\
         config.yml:4:11: flakeid.id: wins over `datacenter` and `worker`; ids carry node 5\n\
         config.yml:4:29: flakeid.epoch: this setting of the original has no use here and is ignored"
    );
    assert_eq!(desk.settings().server.flake_node, Some(5));
}

#[test]
fn a_variable_that_looks_like_ours_is_warned_of() {
    let mut desk = Desk::new();
    desk.env("POSTROOM_DATTA", "x")
        .env("POSTROOM_SERVICE_HOST", "10.0.0.1")
        .env("POSTROOM_PORT", "tcp://10.0.0.1:1337");
    assert_eq!(
        desk.warnings(),
        "$POSTROOM_DATTA: is not a variable that is read; did you mean POSTROOM_DATA?"
    );
    assert_eq!(desk.settings().server.listen.port(), 1337);
}

#[test]
fn a_named_file_must_be_there_and_readable() {
    let mut desk = Desk::new();
    desk.sources.config = Some(desk.path("nowhere.yml"));
    assert_eq!(desk.errors(), "nowhere.yml: there is no such file");
    desk.sources.config = None;
    let path = super::show(&desk.path("elsewhere.yml"));
    assert_eq!(desk.env("POSTROOM_CONFIG", &path).errors(), "elsewhere.yml: there is no such file");
    std::fs::create_dir(desk.path("folder.yml")).unwrap();
    desk.sources.config = Some(desk.path("folder.yml"));
    assert!(desk.errors().starts_with("folder.yml: is a folder, not a file"), "{}", desk.errors());
    std::fs::write(desk.path("latin.yml"), b"host: \xff").unwrap();
    desk.sources.config = Some(desk.path("latin.yml"));
    assert_eq!(desk.errors(), "latin.yml: is not a text in UTF-8");
}
