//! From the merged layers to [`Redis`].

use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::time::Duration;

use url::{ParseError, Url};

use super::given::Fields;
use super::problem::Place;
use super::server_redis::{Redis, RedisLogin, RedisServers, RedisUrl};
use super::value::{self, Unit, Wanted};
use crate::domain::Secret;

const WANTED: &str = "the URL of a server, such as redis://redis.example:6379, rediss://user:password@redis.example/0 \
    (TLS) or unix:///run/redis.sock; special characters of user and password written as %XX";
/// Settings that say how to use a Redis, and nothing without one.
const DETAILS: &[&str] = &[
    "redis.cluster",
    "redis.sentinelMaster",
    "redis.username",
    "redis.password",
    "redis.database",
    "redis.ca",
    "redis.prefix",
    "redis.shards",
    "redis.waitReplicas",
    "redis.lease",
];

/// Reads the settings of Redis, reporting what is wrong. `None` where there are none, or something is wrong.
pub(super) fn read(fields: &mut Fields<'_>) -> Option<Redis> {
    let urls = addresses(fields);
    let login = login(fields);
    let cluster = fields.take("redis.cluster", value::boolean);
    let master = fields.take("redis.sentinelMaster", value::text);
    let ca = fields.take("redis.ca", value::text).map(PathBuf::from);
    let prefix = fields.take("redis.prefix", prefix);
    let shards = fields.take("redis.shards", |text| value::whole(text, 1..=256));
    let wait_replicas = fields.take("redis.waitReplicas", |text| value::whole(text, 0..=16));
    let lease = Duration::from_secs(1)..=Duration::from_hours(1);
    let lease = fields.take("redis.lease", |text| value::duration(text, Unit::Seconds, &lease));
    let urls = urls?;
    look_at_urls(fields, &urls);
    look_at_the_rest(fields);
    let servers = servers(fields, urls, login, cluster?, master)?;
    Some(Redis {
        servers,
        ca,
        prefix: prefix?,
        shards: u16::try_from(shards?).ok()?,
        wait_replicas: u32::try_from(wait_replicas?).ok()?,
        lease: lease?,
    })
}

/// `redis.url`; or `redis.host` and `redis.port`, as the original has them.
fn addresses(fields: &mut Fields<'_>) -> Option<Vec<Url>> {
    let urls = fields.take("redis.url", urls);
    let host = fields.take("redis.host", host);
    let port = fields.take("redis.port", |text| value::whole(text, 1..=u64::from(u16::MAX)));
    let parts = ["redis.host", "redis.port"].into_iter().find(|path| fields.has(path));
    match (fields.has("redis.url"), parts) {
        (true, Some(path)) if matches!(fields.place("redis.url"), Place::Variable(_)) => {
            fields.warn(path, "does nothing, because REDIS_URL is set");
            urls
        }
        (true, Some(path)) => {
            fields.error(path, "is given beside `redis.url`, which says the same; delete one of the two");
            None
        }
        (true, None) => urls,
        (false, Some(_)) => {
            let host = if fields.has("redis.host") { host? } else { "127.0.0.1".to_owned() };
            let port = if fields.has("redis.port") { port? } else { 6379 };
            Some(vec![Url::parse(&format!("redis://{host}:{port}")).ok()?])
        }
        (false, None) => {
            if let Some(path) = DETAILS.iter().find(|path| fields.has(path)) {
                fields.error(path, "needs `redis.url` (or REDIS_URL) beside it: where is the server?");
            }
            None
        }
    }
}

/// One or more, with blanks or commas between them.
fn urls(text: &str) -> Wanted<Vec<Url>> {
    let items = text.split([' ', ',']).filter(|item| !item.is_empty());
    let urls = items.map(url).collect::<Wanted<Vec<Url>>>()?;
    if urls.is_empty() { Err(WANTED.to_owned()) } else { Ok(urls) }
}

/// One, with nothing in it that would be misunderstood.
pub(super) fn url(text: &str) -> Wanted<Url> {
    let wanted = |why: &str| format!("{WANTED} ({why})");
    if !text.contains("://") {
        return Err(wanted("one has no scheme; a comma or blank inside a password is %2C or %20"));
    }
    let url = Url::parse(text).map_err(|error| match error {
        ParseError::RelativeUrlWithoutBase => wanted("it has to begin with the scheme, without quotes"),
        ParseError::InvalidPort => wanted("invalid port number; `/` in a password is %2F"),
        error => wanted(&error.to_string()),
    })?;
    let numbered = |path: &str| path.is_empty() || path.parse::<u32>().is_ok();
    match url.scheme() {
        _ if url.fragment().is_some() => Err(wanted("`#` in a password is %23")),
        "redis" | "rediss" if url.host_str().is_none_or(str::is_empty) => Err(wanted("the host is missing")),
        "redis" | "rediss" if url.query().is_some() => Err(wanted("nothing may stand behind `?`")),
        "redis" | "rediss" if !numbered(url.path().trim_start_matches('/')) => Err(wanted(
            "behind the host stands the number of a database, or nothing; `/` and `@` in a password are %2F and %40",
        )),
        "redis" | "rediss" => Ok(url),
        "unix" | "redis+unix" if url.has_host() && url.host_str().is_some_and(|host| !host.is_empty()) => {
            Err(wanted("the path of a socket begins with a third slash"))
        }
        "unix" | "redis+unix" if url.path().len() > 1 => Ok(url),
        "unix" | "redis+unix" => Err(wanted("the path of the socket is missing")),
        _ => Err(wanted("another scheme is not known")),
    }
}

fn is_socket(url: &Url) -> bool {
    url.scheme().ends_with("unix")
}

fn host(text: &str) -> Wanted<String> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    if bare.parse::<Ipv6Addr>().is_ok() {
        return Ok(format!("[{bare}]"));
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("the name or the address of a server, such as redis.example".to_owned())
    }
}

fn prefix(text: &str) -> Wanted<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-:".contains(&b);
    if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("1 to 64 letters, digits, `.`, `_`, `-` or `:`".to_owned())
    }
}

fn login(fields: &mut Fields<'_>) -> RedisLogin {
    let username = fields.take("redis.username", value::text);
    let password = fields.take("redis.password", |text| Ok(Secret::new(text)));
    let database = fields.take("redis.database", |text| value::whole(text, 0..=65_535));
    RedisLogin { username, password, database: database.and_then(|number| u32::try_from(number).ok()) }
}

/// What must hold for each URL, and for all of them together.
fn look_at_urls(fields: &mut Fields<'_>, urls: &[Url]) {
    if urls.len() > 1 && urls.iter().any(is_socket) {
        fields.error(
            "redis.url",
            "names a socket and more: several URLs are for Cluster and Sentinel, which need hosts",
        );
    }
    let tls = urls.iter().filter(|url| url.scheme() == "rediss").count();
    if tls != 0 && tls != urls.len() {
        fields.error("redis.url", "has `rediss://` (TLS) and others: write all of them the same way");
    }
    if tls == 0 && fields.has("redis.ca") {
        fields.warn("redis.ca", "does nothing without TLS; write `rediss://` in `redis.url`");
    }
}

/// What Redis makes meaningless.
fn look_at_the_rest(fields: &mut Fields<'_>) {
    for path in ["data", "durability"] {
        if fields.has(path) {
            let text = match path {
                "data" => "has no effect: messages are kept in Redis (`redis`), not in the embedded store",
                _ => {
                    "has no effect: how durable messages are in Redis is said there, by `appendonly` and `appendfsync`"
                }
            };
            fields.warn(path, text);
        }
    }
}

/// With the login put into the URLs; only that of the servers behind Sentinel stands beside them.
fn servers(
    fields: &mut Fields<'_>,
    urls: Vec<Url>,
    login: RedisLogin,
    cluster: bool,
    master: Option<String>,
) -> Option<RedisServers> {
    if fields.has("redis.sentinelMaster") {
        return sentinels(fields, &urls, login, cluster, master?);
    }
    let several = urls.len() > 1;
    if several && !cluster && fields.has("redis.cluster") {
        fields.error(
            "redis.cluster",
            "is false, but several URLs are those of a Cluster; name one, or delete this",
        );
    }
    let urls: Option<Vec<Url>> = urls.into_iter().map(|url| with_login(url, &login)).collect();
    let urls = urls?;
    let nameless = |url: &Url| password(url).is_none() && user(url).is_some();
    if urls.iter().any(nameless) {
        let path = if fields.has("redis.username") { "redis.username" } else { "redis.url" };
        fields.error(path, "names a user without a password; add `redis.password`");
    }
    let mut urls = urls.into_iter();
    if !cluster && !several {
        return urls.next().map(|url| RedisServers::Single(shown(&url)));
    }
    let urls: Vec<Url> = urls.collect();
    if urls.iter().any(is_socket) && !several {
        fields.error("redis.url", "names a socket, and a Cluster is reached over the network; name a host");
    }
    if urls.iter().any(|url| database(url).is_some_and(|number| number > 0)) {
        let path = if fields.has("redis.database") { "redis.database" } else { "redis.url" };
        fields.error(path, "names a database, and a Cluster has only 0; delete the number");
    }
    Some(RedisServers::Cluster(urls.iter().map(shown).collect()))
}

fn sentinels(
    fields: &mut Fields<'_>,
    urls: &[Url],
    login: RedisLogin,
    cluster: bool,
    master: String,
) -> Option<RedisServers> {
    if cluster {
        fields.error(
            "redis.cluster",
            "goes not with `redis.sentinelMaster`: a Cluster needs no Sentinel; delete one of the two",
        );
    }
    if urls.iter().any(is_socket) {
        fields.error("redis.url", "names a socket, and a sentinel is reached over the network; name a host");
    }
    if urls.iter().any(|url| database(url).is_some()) {
        fields.error(
            "redis.url",
            "names a database, which sentinels do not have; write it in `redis.database`",
        );
    }
    if login.username.is_some() && !fields.has("redis.password") {
        fields.error("redis.username", "names a user without a password; add `redis.password`");
    }
    let sentinels: Vec<RedisUrl> = urls.iter().map(shown).collect();
    (!sentinels.is_empty()).then_some(RedisServers::Sentinel { sentinels, master, login })
}

/// What stands in `login` replaces what stands in the URL. `None` cannot come up: only a URL without a host has no place
/// for a login.
fn with_login(mut url: Url, login: &RedisLogin) -> Option<Url> {
    let number = login.database.map(|number| number.to_string());
    let password = login.password.as_ref().map(Secret::expose);
    if is_socket(&url) {
        let given = [("user", login.username.as_deref()), ("pass", password), ("db", number.as_deref())];
        let replaced = |name: &str| given.iter().any(|(known, value)| *known == name && value.is_some());
        let kept: Vec<(String, String)> =
            url.query_pairs().into_owned().filter(|(name, _)| !replaced(name)).collect();
        let given = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
        if kept.is_empty() && given.clone().next().is_none() {
            url.set_query(None);
        } else {
            url.query_pairs_mut().clear().extend_pairs(kept).extend_pairs(given);
        }
        return Some(url);
    }
    if let Some(username) = &login.username {
        url.set_username(username).ok()?;
    }
    if password.is_some() {
        url.set_password(password).ok()?;
    }
    if let Some(number) = number {
        url.set_path(&number);
    }
    Some(url)
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

fn user(url: &Url) -> Option<String> {
    let given = if is_socket(url) { parameter(url, "user") } else { Some(url.username().to_owned()) };
    given.filter(|user| !user.is_empty())
}

fn password(url: &Url) -> Option<String> {
    if is_socket(url) { parameter(url, "pass") } else { url.password().map(str::to_owned) }
}

fn database(url: &Url) -> Option<u32> {
    let number = if is_socket(url) { parameter(url, "db") } else { Some(url.path().replace('/', "")) };
    number.and_then(|number| number.parse().ok())
}

/// With what may be shown of it.
pub(super) fn shown(url: &Url) -> RedisUrl {
    let place = match (url.host_str().filter(|host| !host.is_empty()), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => url.path().to_owned(),
    };
    RedisUrl { full: Secret::new(url.as_str()), shown: format!("{}://{place}", url.scheme()) }
}
