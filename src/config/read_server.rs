//! From the merged layers to [`Server`].

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::given::Fields;
use super::server::{Io, Log, LogFormat, Origins, Server};
use super::value::{self, Unit, Wanted, show_bytes};
use super::{read_redis, schema};
use crate::domain::{DeviceTtl, Durability};

const YEAR: Duration = Duration::from_hours(24 * 365);
const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const ONE_SECOND: Duration = Duration::from_secs(1);
const ONE_HOUR: Duration = Duration::from_hours(1);

/// Reads all settings, reporting what is wrong. `None` only where something is.
pub(super) fn read(fields: &mut Fields<'_>) -> Option<Server> {
    let ip = fields.take("host", value::address);
    let port = fields.take("port", |text| value::whole(text, 0..=u64::from(u16::MAX)));
    let workers = fields.take("workers", |text| value::whole(text, 1..=1024));
    let device_ttl = fields.take("device_ttl", device_ttl);
    let data = fields.take("data", value::text).map(PathBuf::from);
    let words = [("full", Durability::Full), ("normal", Durability::Normal)];
    let durability = fields.take("durability", |text| value::one_of(text, &words));
    let redis = read_redis::read(fields);
    let flake_node = flake_node(fields);
    let limits = limits(fields);
    let batch_items = fields.take("batchItems", |text| value::whole(text, 1..=100_000));
    let connect_timeout = fields.take("connectTimeout", seconds(ONE_SECOND..=ONE_HOUR));
    let drain_timeout = fields.take("drainTimeout", seconds(ONE_SECOND..=ONE_HOUR));
    let io = io(fields);
    let metrics = fields.take("metrics.listen", value::socket);
    let log = log(fields);
    let (send_limit, outbox_limit) = limits?;
    let batch_limit = batch_limit(fields, outbox_limit);
    Some(Server {
        listen: SocketAddr::new(ip?, u16::try_from(port?).ok()?),
        socket: None,
        token_listen: None,
        workers: workers.map_or_else(one_per_core, |workers| workers as usize),
        device_ttl: device_ttl?,
        data: data?,
        durability: durability?,
        redis,
        flake_node,
        send_limit,
        batch_limit: batch_limit?,
        batch_items: usize::try_from(batch_items?).ok()?,
        connect_timeout: connect_timeout?,
        drain_timeout: drain_timeout?,
        outbox_limit,
        io: io?,
        metrics,
        log: log?,
    })
}

fn one_per_core() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn seconds(range: std::ops::RangeInclusive<Duration>) -> impl Fn(&str) -> Wanted<Duration> {
    move |text| value::duration(text, Unit::Seconds, &range)
}

fn millis(range: std::ops::RangeInclusive<Duration>) -> impl Fn(&str) -> Wanted<Duration> {
    move |text| value::duration(text, Unit::Milliseconds, &range)
}

/// Whole seconds, because clients are told a number of seconds, and less than one would become 0: for ever.
fn device_ttl(text: &str) -> Wanted<DeviceTtl> {
    let time = value::duration(text, Unit::Seconds, &(Duration::ZERO..=10 * YEAR));
    match time {
        Ok(time) if time.subsec_nanos() == 0 => Ok(DeviceTtl::from_secs(time.as_secs())),
        _ => {
            Err("a whole number of seconds up to 10 years, or a time such as 1h or 7d; 0 is for ever"
                .to_owned())
        }
    }
}

fn flake_node(fields: &mut Fields<'_>) -> Option<u64> {
    let id = fields.take("flakeid.id", |text| value::whole(text, 0..=1023));
    let datacenter = fields.take("flakeid.datacenter", |text| value::whole(text, 0..=31));
    let worker = fields.take("flakeid.worker", |text| value::whole(text, 0..=31));
    if let (Some(id), true) = (id, datacenter.is_some() || worker.is_some()) {
        fields.warn("flakeid.id", format!("wins over `datacenter` and `worker`; ids carry node {id}"));
    }
    let parts = (datacenter.is_some() || worker.is_some())
        .then(|| datacenter.unwrap_or(0) << 5 | worker.unwrap_or(0));
    id.or(parts)
}

/// `sendLimit` and `outboxLimit`.
fn limits(fields: &mut Fields<'_>) -> Option<(usize, usize)> {
    let send = fields.take("sendLimit", |text| value::bytes(text, &(KIB..=256 * MIB)));
    let outbox = fields.take("outboxLimit", |text| value::bytes(text, &(64 * KIB..=GIB)));
    let (send, outbox) = send.zip(outbox)?;
    // A message that fits into no outbox would close every client that is to get it, again and again.
    if outbox < send {
        let path = if fields.has("outboxLimit") { "outboxLimit" } else { "sendLimit" };
        let (send, outbox) = (show_bytes(send), show_bytes(outbox));
        fields.error(
            path,
            format!("`outboxLimit` ({outbox}) must not be below `sendLimit` ({send}), or a long message reaches nobody"),
        );
    }
    Some((usize::try_from(send).ok()?, usize::try_from(outbox).ok()?))
}

/// `batchLimit`. A batch may be taken while half of an outbox waits already; what is in it must find room in the other half.
fn batch_limit(fields: &mut Fields<'_>, outbox: usize) -> Option<usize> {
    let limit = fields.take("batchLimit", |text| value::bytes(text, &(KIB..=256 * MIB)))?;
    let (limit, room) = (usize::try_from(limit).ok()?, outbox / 2);
    if limit <= room {
        return Some(limit);
    }
    if !fields.has("batchLimit") {
        return Some(room);
    }
    let half = show_bytes(room as u64);
    fields.warn(
        "batchLimit",
        format!("is above half of `outboxLimit` ({half}): a client that gets all of a batch may be closed as too slow"),
    );
    Some(limit)
}

fn io(fields: &mut Fields<'_>) -> Option<Io> {
    let times = || Duration::from_millis(100)..=ONE_HOUR;
    let ping_interval = fields.take("io.pingInterval", millis(times()));
    let ping_timeout = fields.take("io.pingTimeout", millis(times()));
    let max_payload = fields.take("io.maxPayload", |text| value::bytes(text, &(KIB..=256 * MIB)));
    let path = fields.take("io.path", path);
    let origins = fields.take("io.origins", origins);
    let cookie = fields.take("io.cookie", cookie);
    if fields.take("io.serveClient", value::boolean) == Some(true) {
        fields.error(
            "io.serveClient",
            "no client bundle is shipped; delete the line and load socket.io-client from your own pages or a CDN",
        );
    }
    Some(Io {
        ping_interval: ping_interval?,
        ping_timeout: ping_timeout?,
        max_payload: usize::try_from(max_payload?).ok()?,
        path: path?,
        token_paths: Vec::new(),
        origins: origins?,
        cookie: cookie?,
    })
}

/// With a leading slash, and without the one at the end.
pub(super) fn path(text: &str) -> Wanted<String> {
    let path = text.trim_end_matches('/');
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~".contains(&b);
    let taken = ["/send", "/healthcheck", "/livez", "/readyz", "/metrics"].contains(&path)
        || path.starts_with("/v1/sites");
    if path.len() > 1 && path.starts_with('/') && !path.contains("//") && path.bytes().all(plain) && !taken {
        Ok(path.to_owned())
    } else {
        Err("a path of its own with a leading slash, such as /socket.io".to_owned())
    }
}

/// One or more, with blanks or commas between them.
fn origins(text: &str) -> Wanted<Origins> {
    let items: Vec<&str> = text.split([' ', ',']).filter(|item| !item.is_empty()).collect();
    if items.iter().any(|item| matches!(*item, "*" | "*:*")) {
        return Ok(Origins::Any);
    }
    let only = items.into_iter().map(value::origin).collect::<Wanted<Vec<String>>>()?;
    if only.is_empty() { value::origin("").map(|_| Origins::Any) } else { Ok(Origins::Only(only)) }
}

/// `true` is the name that the original gives it.
fn cookie(text: &str) -> Wanted<Option<String>> {
    match text {
        "false" => Ok(None),
        "true" => Ok(Some("io".to_owned())),
        name => value::token(name)
            .map(Some)
            .map_err(|_| "`false`, or the name of a cookie, such as `io`".to_owned()),
    }
}

fn log(fields: &mut Fields<'_>) -> Option<Log> {
    let level = fields.take("log.level", level);
    let words = [("auto", LogFormat::Auto), ("json", LogFormat::Json), ("pretty", LogFormat::Pretty)];
    let format = fields.take("log.format", |text| value::one_of(text, &words));
    Some(Log { level: level?, format: format? })
}

/// A level, or directives `target=level` with commas between them. A bare word that is no level would be taken
/// as a target by the logging crate, and silence everything else; here it is refused.
fn level(text: &str) -> Wanted<String> {
    let levels = ["off", "error", "warn", "info", "debug", "trace"];
    for directive in text.split(',') {
        let level = directive.rsplit_once('=').map_or(directive, |(_, level)| level).trim();
        if !levels.contains(&level.to_ascii_lowercase().as_str()) {
            let hint = schema::nearest_word(levels, level);
            let hint = hint.map(|meant| format!(" (did you mean `{meant}`?)")).unwrap_or_default();
            return Err(format!("{}, or directives such as `info,postroom=debug`{hint}", levels.join(", ")));
        }
    }
    Ok(text.to_owned())
}
