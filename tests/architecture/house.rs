//! The plan of the house: who may import whom, and where each outside crate lives.

/// What a room may import besides itself; of rooms with parts, the longest prefix counts. The smallest table that
/// today's code passes.
pub const IMPORTS: &[(&str, &[&str])] = &[
    ("main", &["app", "config", "telemetry"]),
    ("lib", &[]),
    (
        "app",
        &[
            "api",
            "backplane",
            "broker",
            "config",
            "demo",
            "domain",
            "frappe",
            "gateway",
            "hub",
            "listen",
            "protocol",
            "store",
            "telemetry",
            "transport",
        ],
    ),
    ("api", &["gateway", "telemetry", "domain"]),
    ("listen", &["transport"]),
    ("transport", &[]),
    ("transport/engine", &["hub", "domain"]),
    ("transport/socketio", &["gateway", "hub", "protocol", "domain"]),
    ("frappe", &["transport", "gateway", "hub", "broker", "protocol", "telemetry", "domain"]),
    ("gateway", &["hub", "store", "broker", "protocol", "telemetry", "domain"]),
    ("hub", &["domain"]),
    ("store", &["domain"]),
    ("store/redis", &["store", "backplane", "domain"]),
    ("backplane", &["domain"]),
    ("broker", &["domain"]),
    ("broker/redis", &["backplane", "telemetry", "domain"]),
    ("protocol", &["domain"]),
    ("config", &["domain"]),
    ("demo", &["domain"]),
    ("telemetry", &[]),
    ("domain", &[]),
];

/// Pieces that only the composition root and their own room may name: everybody else knows the traits.
pub const CONCRETE: &[(&str, &str)] = &[
    ("store", "sqlite"),
    ("store", "redis"),
    ("protocol", "webservice"),
    ("broker", "LocalBroker"),
    ("broker", "redis"),
];

/// Where each outside crate may be used.
pub const HOMES: &[(&str, &[&str])] = &[
    ("actix_codec", &["listen"]),
    ("actix_http", &["listen"]),
    ("actix_rt", &["app"]),
    ("actix_server", &["listen"]),
    ("actix_service", &["listen"]),
    ("actix_web", &["api", "app", "demo", "listen", "transport/engine/http.rs"]),
    (
        "ahash",
        &["broker/redis", "frappe", "gateway", "hub", "store/redis", "store/sqlite", "transport/engine"],
    ),
    ("anyhow", &["app", "main.rs"]),
    (
        "bytes",
        &[
            "backplane",
            "broker/redis",
            "domain",
            "frappe",
            "hub",
            "listen",
            "protocol/frappe",
            "store",
            "transport",
        ],
    ),
    ("clap", &["main.rs"]),
    ("config", &["config"]),
    ("deadpool_redis", &["store/redis/moving"]),
    ("engineioxide_core", &["transport/engine"]),
    ("form_urlencoded", &["api", "transport"]),
    ("futures_util", &["protocol/frappe"]),
    ("getrandom", &["app", "backplane", "broker/redis", "store/redis", "transport/engine/sid.rs"]),
    ("prometheus_client", &["telemetry"]),
    ("redis", &["backplane", "broker/redis", "protocol/frappe", "store/redis"]),
    ("reqwest", &["protocol"]),
    ("rusqlite", &["store/sqlite"]),
    ("rustix", &["app/limits.rs", "listen", "transport/engine"]),
    ("rustls", &["backplane", "protocol"]),
    ("rustls_platform_verifier", &["backplane", "protocol"]),
    ("serde", &["api", "config", "demo", "frappe", "protocol", "transport/socketio/packet"]),
    (
        "serde_json",
        &["api", "config/frappe", "demo", "domain", "frappe", "protocol", "store", "transport/socketio"],
    ),
    ("serde_saphyr", &["config"]),
    ("slab", &["gateway", "hub", "store/redis"]),
    ("socketioxide_core", &["transport/socketio"]),
    ("socketioxide_parser_common", &["transport/socketio"]),
    ("strsim", &["config"]),
    ("subtle", &["api"]),
    (
        "thiserror",
        &["api", "backplane", "broker", "domain", "gateway", "protocol", "store", "telemetry", "transport"],
    ),
    (
        "tokio",
        &[
            "app",
            "backplane",
            "broker/redis",
            "frappe",
            "gateway",
            "hub",
            "listen",
            "protocol",
            "store/redis",
            "transport",
        ],
    ),
    ("tokio_rustls", &["backplane"]),
    (
        "tracing",
        &[
            "api",
            "app",
            "backplane",
            "broker/redis",
            "frappe",
            "gateway",
            "protocol",
            "store",
            "telemetry",
            "transport",
        ],
    ),
    ("tracing_subscriber", &["telemetry"]),
    ("url", &["config"]),
];

/// Words that name nothing, as a type or the end of one.
pub const EMPTY_NAMES: &[&str] =
    &["Manager", "Handler", "Service", "Helper", "Util", "Utils", "Data", "Info", "Client"];

/// Rooms and files that would become attics.
pub const ATTICS: &[&str] = &["util", "utils", "common", "helper", "helpers", "misc", "types"];

/// Lines of a file, and of a function.
pub const FILE_LINES: usize = 400;
pub const FUNCTION_LINES: usize = 60;
