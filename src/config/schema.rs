//! Which keys there are: the one list that reading, hints and the example files are checked against.

/// A key of `config.yml` or of a site.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    /// Its path, the key of a section before it: `io.path`.
    pub(super) path: &'static str,
    /// What it is.
    pub(super) kind: Kind,
    /// The variable of the environment that gives it.
    pub(super) variable: Option<&'static str>,
    /// What it is when nothing gives it, as it would be written.
    pub(super) default: Option<&'static str>,
}

/// What a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A single value.
    Value,
    /// A single value or a list.
    Values,
    /// A section, the keys of which follow.
    Section,
    /// A section; a value or a list in its place stands for the key with this path.
    SectionOr(&'static str),
    /// Another name of the key with this path.
    Alias(&'static str),
    /// A key of the original that does nothing here; the text says why.
    Unused(&'static str),
    /// A key of the original that cannot be honoured; the text says what to do.
    Refused(&'static str),
}

const fn value(path: &'static str, variable: Option<&'static str>, default: Option<&'static str>) -> Key {
    Key { path, kind: Kind::Value, variable, default }
}

const fn values(path: &'static str, variable: Option<&'static str>, default: Option<&'static str>) -> Key {
    Key { path, kind: Kind::Values, variable, default }
}

const fn other(path: &'static str, kind: Kind) -> Key {
    Key { path, kind, variable: None, default: None }
}

const NO_SOCKET_PATH: &str = "write the socket as `url: unix:///run/redis.sock` instead";
const NO_TLS_SECTION: &str = "write `rediss://` in `redis.url` instead, and name the file of your own certificate \
    authority, if you have one, in `redis.ca`";
const NO_RENAMING: &str =
    "commands are called by their own names; take them back in the server, and delete this";

const OLD_TOKEN_SERVER: &str = "is of an earlier token server and is not read; the port of clients that bring a token is \
    `socketio_token_port`";

const NOT_NEEDED: &str = "this setting of the original has no use here and is ignored";

/// The keys of `config.yml`.
pub(super) const SERVER: &[Key] = &[
    value("host", Some("POSTROOM_HOST"), Some("0.0.0.0")),
    value("port", Some("PORT"), Some("1337")),
    value("workers", Some("POSTROOM_WORKERS"), None),
    value("device_ttl", Some("DEVICE_TTL"), Some("3600")),
    value("data", Some("POSTROOM_DATA"), Some("data")),
    value("durability", Some("POSTROOM_DURABILITY"), Some("full")),
    value("sendLimit", Some("POSTROOM_SEND_LIMIT"), Some("1MiB")),
    value("batchLimit", Some("POSTROOM_BATCH_LIMIT"), Some("4MiB")),
    value("batchItems", Some("POSTROOM_BATCH_ITEMS"), Some("10000")),
    value("outboxLimit", Some("POSTROOM_OUTBOX_LIMIT"), Some("8MiB")),
    value("connectTimeout", Some("POSTROOM_CONNECT_TIMEOUT"), Some("45s")),
    value("drainTimeout", Some("POSTROOM_DRAIN_TIMEOUT"), Some("10s")),
    other("flakeid", Kind::Section),
    value("flakeid.id", Some("POSTROOM_FLAKEID_ID"), None),
    value("flakeid.datacenter", Some("POSTROOM_FLAKEID_DATACENTER"), None),
    value("flakeid.worker", Some("POSTROOM_FLAKEID_WORKER"), None),
    other("flakeid.epoch", Kind::Unused(NOT_NEEDED)),
    other("flakeid.seqMask", Kind::Unused(NOT_NEEDED)),
    other("io", Kind::Section),
    value("io.path", Some("POSTROOM_IO_PATH"), Some("/socket.io")),
    value("io.pingInterval", Some("POSTROOM_IO_PING_INTERVAL"), Some("25000")),
    value("io.pingTimeout", Some("POSTROOM_IO_PING_TIMEOUT"), Some("20000")),
    value("io.maxPayload", Some("POSTROOM_IO_MAX_PAYLOAD"), Some("1000000")),
    other("io.maxHttpBufferSize", Kind::Alias("io.maxPayload")),
    values("io.origins", Some("POSTROOM_IO_ORIGINS"), Some("*")),
    value("io.cookie", Some("POSTROOM_IO_COOKIE"), Some("false")),
    value("io.serveClient", None, Some("false")),
    other("io.transports", Kind::Unused(NOT_NEEDED)),
    other("io.allowUpgrades", Kind::Unused(NOT_NEEDED)),
    other("io.upgradeTimeout", Kind::Unused(NOT_NEEDED)),
    other("io.perMessageDeflate", Kind::Unused(NOT_NEEDED)),
    other("io.httpCompression", Kind::Unused(NOT_NEEDED)),
    other("io.wsEngine", Kind::Unused(NOT_NEEDED)),
    other("io.cookiePath", Kind::Unused(NOT_NEEDED)),
    other("io.cookieHttpOnly", Kind::Unused(NOT_NEEDED)),
    other("log", Kind::Section),
    value("log.level", Some("RUST_LOG"), Some("info")),
    value("log.format", Some("POSTROOM_LOG_FORMAT"), Some("auto")),
    other("metrics", Kind::Section),
    value("metrics.listen", Some("POSTROOM_METRICS_LISTEN"), None),
    other("redis", Kind::SectionOr("redis.url")),
    values("redis.url", Some("REDIS_URL"), None),
    value("redis.host", None, None),
    value("redis.port", None, None),
    value("redis.cluster", Some("POSTROOM_REDIS_CLUSTER"), Some("false")),
    value("redis.sentinelMaster", Some("POSTROOM_REDIS_SENTINEL_MASTER"), None),
    value("redis.username", Some("POSTROOM_REDIS_USERNAME"), None),
    value("redis.password", Some("POSTROOM_REDIS_PASSWORD"), None),
    value("redis.database", Some("POSTROOM_REDIS_DATABASE"), None),
    value("redis.ca", Some("POSTROOM_REDIS_CA"), None),
    value("redis.prefix", Some("POSTROOM_REDIS_PREFIX"), Some("postroom")),
    value("redis.shards", Some("POSTROOM_REDIS_SHARDS"), Some("16")),
    value("redis.waitReplicas", Some("POSTROOM_REDIS_WAIT_REPLICAS"), Some("0")),
    value("redis.lease", Some("POSTROOM_REDIS_LEASE"), Some("10s")),
    other("redis.user", Kind::Alias("redis.username")),
    other("redis.auth_pass", Kind::Alias("redis.password")),
    other("redis.db", Kind::Alias("redis.database")),
    other("redis.path", Kind::Refused(NO_SOCKET_PATH)),
    other("redis.tls", Kind::Refused(NO_TLS_SECTION)),
    other("redis.rename_commands", Kind::Refused(NO_RENAMING)),
    other("redis.family", Kind::Unused(NOT_NEEDED)),
    other("redis.connect_timeout", Kind::Unused(NOT_NEEDED)),
    other("redis.retry_strategy", Kind::Unused(NOT_NEEDED)),
    other("redis.retry_max_delay", Kind::Unused(NOT_NEEDED)),
    other("redis.max_attempts", Kind::Unused(NOT_NEEDED)),
    other("redis.retry_unfulfilled_commands", Kind::Unused(NOT_NEEDED)),
    other("redis.socket_keepalive", Kind::Unused(NOT_NEEDED)),
    other("redis.socket_initial_delay", Kind::Unused(NOT_NEEDED)),
    other("redis.no_ready_check", Kind::Unused(NOT_NEEDED)),
    other("redis.enable_offline_queue", Kind::Unused(NOT_NEEDED)),
    other("redis.disable_resubscribing", Kind::Unused(NOT_NEEDED)),
    other("redis.string_numbers", Kind::Unused(NOT_NEEDED)),
    other("redis.return_buffers", Kind::Unused(NOT_NEEDED)),
    other("redis.detect_buffers", Kind::Unused(NOT_NEEDED)),
    other("frappe", Kind::Section),
    value("frappe.benchRoot", None, None),
    value("frappe.backendUrl", Some("FRAPPE_BACKEND_URL"), None),
    value("frappe.permissionApi", Some("POSTROOM_FRAPPE_PERMISSION_API"), Some("auto")),
    value("frappe.auth", Some("POSTROOM_FRAPPE_AUTH"), Some("cookie")),
    values("frappe.tokenSchemes", Some("POSTROOM_FRAPPE_TOKEN_SCHEMES"), Some("Bearer")),
    value("frappe.requireOrigin", Some("POSTROOM_FRAPPE_REQUIRE_ORIGIN"), Some("false")),
    value("frappe.rootNamespace", Some("POSTROOM_FRAPPE_ROOT_NAMESPACE"), None),
    value("frappe.tokens", Some("POSTROOM_FRAPPE_TOKENS"), Some("false")),
    values("frappe.siteAliases", Some("POSTROOM_FRAPPE_SITE_ALIASES"), None),
    other("winston", Kind::Unused("this setting of the original is ignored; see `log`")),
    other("servers", Kind::Unused(NOT_NEEDED)),
];

/// The keys of a site in `sites.yml`.
pub(super) const SITE: &[Key] = &[
    value("protocol", None, Some("webservice")),
    value("authUrl", Some("AUTH_URL"), None),
    value("authScheme", Some("AUTH_SCHEME"), Some("Bearer")),
    value("apiKey", Some("API_KEY"), None),
    value("userRoomPrefix", Some("USER_ROOM_PREFIX"), None),
    value("updateUserUrl", Some("UPDATE_USER_URL"), None),
    value("publicChannel", Some("PUBLIC_CHANNEL"), None),
    value("authTimeout", None, Some("10s")),
    value("authConcurrency", None, Some("64")),
    value("ackTimeout", None, None),
    other("queue", Kind::Section),
    value("queue.maxMessages", None, Some("10000")),
    value("queue.maxBytes", None, Some("16MiB")),
    value("queue.policy", None, Some("resync")),
    value("backendUrl", None, None),
    value("redisQueue", None, None),
    values("siteAliases", None, None),
    value("defaultSite", None, Some("false")),
    value("permissionApi", None, Some("auto")),
    value("auth", None, Some("cookie")),
    values("tokenSchemes", None, Some("Bearer")),
    value("requireOrigin", None, Some("false")),
    value("developerMode", None, Some("false")),
    value("rootNamespace", None, Some("false")),
];

/// The keys of a bench of Frappe, in its `config.json` and `sites/common_site_config.json`, that a realtime server reads.
pub(super) const BENCH: &[Key] = &[
    value("socketio_port", Some("FRAPPE_SOCKETIO_PORT"), Some("9000")),
    value("socketio_uds", Some("FRAPPE_SOCKETIO_UDS"), None),
    value("redis_queue", Some("FRAPPE_REDIS_QUEUE"), Some("redis://127.0.0.1:11311")),
    value("redis_socketio", None, None),
    value("default_site", Some("FRAPPE_SITE"), None),
    value("developer_mode", None, None),
    value("webserver_port", None, None),
    value("webserver_host", None, None),
    value("socketio_token_port", None, None),
    value("socketio_token_path", None, None),
    other("excel_restaurant_pos_socketio_port", Kind::Unused(OLD_TOKEN_SERVER)),
    other("excel_restaurant_pos_socketio_uds", Kind::Unused(OLD_TOKEN_SERVER)),
];

/// The key with this path.
pub(super) fn find(schema: &'static [Key], path: &str) -> Option<&'static Key> {
    schema.iter().find(|key| key.path == path)
}

/// The key that was probably meant by `path`; of another section where its last word fits there.
pub(super) fn nearest(schema: &'static [Key], path: &str) -> Option<&'static str> {
    let section = |path: &str| path.rsplit_once('.').map(|(section, _)| section.to_owned());
    let here = section(path);
    let last = last_word(path);
    schema
        .iter()
        .filter(|key| !matches!(key.kind, Kind::Unused(_) | Kind::Refused(_)))
        .filter_map(|key| Some((distance(last, last_word(key.path))?, section(key.path) != here, key.path)))
        .min()
        .map(|(_, _, path)| path)
}

/// The word of `known` that was probably meant by `word`.
pub(super) fn nearest_word<'a>(known: impl IntoIterator<Item = &'a str>, word: &str) -> Option<&'a str> {
    known.into_iter().filter_map(|known| Some((distance(word, known)?, known))).min().map(|(_, known)| known)
}

/// `path` without its sections.
pub(super) fn last_word(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(_, last)| last)
}

/// How many letters apart two words are, not counting case, `_` and `-`; `None` if too far to be meant.
fn distance(a: &str, b: &str) -> Option<usize> {
    let plain = |word: &str| word.to_ascii_lowercase().replace(['_', '-'], "");
    let (a, b) = (plain(a), plain(b));
    let distance = strsim::damerau_levenshtein(&a, &b);
    (distance <= b.chars().count().div_ceil(4)).then_some(distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_finds_the_one_that_was_meant() {
        for (path, meant) in [
            ("userRoomPreffix", Some("userRoomPrefix")),
            ("user_room_prefix", Some("userRoomPrefix")),
            ("authurl", Some("authUrl")),
            ("apikey", Some("apiKey")),
            ("apiKye", Some("apiKey")),
            ("maxMessages", Some("queue.maxMessages")),
            ("queue.maxMesages", Some("queue.maxMessages")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(SITE, path), meant, "{path}");
        }
        assert_eq!(nearest(SERVER, "deviceTtl"), Some("device_ttl"));
        assert_eq!(nearest(SERVER, "pingIntervall"), Some("io.pingInterval"));
        assert_eq!(nearest(SERVER, "io.prot"), Some("port"));
    }

    #[test]
    fn every_section_comes_before_its_keys_and_no_path_twice() {
        for schema in [SERVER, SITE, BENCH] {
            for (n, key) in schema.iter().enumerate() {
                assert!(schema[..n].iter().all(|earlier| earlier.path != key.path), "{}", key.path);
                if let Some((section, _)) = key.path.rsplit_once('.') {
                    assert!(
                        schema[..n].iter().any(
                            |k| k.path == section && matches!(k.kind, Kind::Section | Kind::SectionOr(_))
                        ),
                        "{section}"
                    );
                }
                if let Kind::Alias(of) = key.kind {
                    assert!(find(schema, of).is_some());
                }
            }
        }
    }
}
