//! What `--from` and `--to` mean.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};

use super::super::stores::servers;
use super::Migration;
use crate::backplane::{ServerUrl, Servers};
use crate::config::Server;
use crate::store::moving::{MoveError, Source, Target};
use crate::store::redis::moving::{RedisPlace, RedisSource, RedisTarget};
use crate::store::sqlite::{SqliteSource, SqliteTarget};

/// The name of the database inside its folder.
const DATABASE: &str = "postroom.db";

/// One end of a move. Shown without passwords.
pub(super) enum End {
    /// The folder of an embedded store.
    Sqlite(PathBuf),
    /// A store on Redis.
    Redis(RedisPlace),
}

impl End {
    /// Reads `sqlite`, `sqlite:path`, `redis` or URLs of Redis. Where no place is named, or the one that the settings
    /// name, everything else is as in the settings too, the login where the URL has none; what the command line says
    /// goes first.
    pub(super) fn read(flag: &str, text: &str, said: &Migration, server: &Server) -> anyhow::Result<Self> {
        if text == "sqlite" {
            return Ok(Self::Sqlite(server.data.clone()));
        }
        if let Some(path) = text.strip_prefix("sqlite:") {
            return folder(path.strip_prefix("//").unwrap_or(path)).with_context(|| flag.to_owned());
        }
        let mut place = if text == "redis" {
            configured(server)?.with_context(|| {
                format!("{flag} redis: config.yml names no Redis (`redis.url`, or REDIS_URL)")
            })?
        } else {
            from_urls(text, server).with_context(|| flag.to_owned())?
        };
        if let Some(prefix) = &said.prefix {
            // As `redis.prefix`: it becomes a part of patterns.
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-:".contains(&b);
            if !(1..=64).contains(&prefix.len()) || !prefix.bytes().all(plain) {
                bail!("--redis-prefix: 1 to 64 letters, digits, `.`, `_`, `-` or `:`");
            }
            place.prefix.clone_from(prefix);
        }
        place.shards = said.shards.unwrap_or(place.shards);
        place.ca = said.ca.clone().or(place.ca);
        Ok(Self::Redis(place))
    }

    pub(super) fn is_redis(&self) -> bool {
        matches!(self, Self::Redis(_))
    }

    pub(super) fn source(&self) -> Result<Box<dyn Source>, MoveError> {
        Ok(match self {
            Self::Sqlite(dir) => Box::new(SqliteSource::open(dir)?),
            Self::Redis(place) => Box::new(RedisSource::open(place)?),
        })
    }

    pub(super) fn target(&self) -> Result<Box<dyn Target>, MoveError> {
        Ok(match self {
            Self::Sqlite(dir) => Box::new(SqliteTarget::open(dir)?),
            Self::Redis(place) => Box::new(RedisTarget::open(place)?),
        })
    }
}

/// The folder, which may be named by the database in it.
fn folder(path: &str) -> anyhow::Result<End> {
    let path = Path::new(path);
    if path.as_os_str().is_empty() {
        bail!("the path is missing, as in sqlite:data/{DATABASE}");
    }
    if path.file_name().is_some_and(|name| name == DATABASE) {
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        return Ok(End::Sqlite(dir.unwrap_or(Path::new(".")).to_owned()));
    }
    if path.is_file() {
        bail!("{} is not named {DATABASE}: a gateway uses no other name", path.display());
    }
    Ok(End::Sqlite(path.to_owned()))
}

/// Where config.yml says that the store is.
fn configured(server: &Server) -> anyhow::Result<Option<RedisPlace>> {
    let Some(redis) = &server.redis else { return Ok(None) };
    let (ca, prefix, shards) = (redis.ca.clone(), redis.prefix.clone(), redis.shards);
    Ok(Some(RedisPlace { servers: servers(&redis.servers)?, ca, prefix, shards }))
}

/// The text may hold passwords, so no error shows it.
fn from_urls(text: &str, server: &Server) -> anyhow::Result<RedisPlace> {
    let urls: Result<Vec<ServerUrl>, String> = text.split(',').map(str::trim).map(ServerUrl::parse).collect();
    let urls = urls.map_err(|error| {
        anyhow!("neither sqlite:<path>, as in sqlite:data/{DATABASE}, nor a URL of Redis: {error}")
    })?;
    let has_login = urls.iter().any(|url| url.login().username.is_some() || url.login().password.is_some());
    let configured = configured(server)?.filter(|place| shown(named(&place.servers)) == shown(&urls));
    let servers = match <[ServerUrl; 1]>::try_from(urls) {
        Ok([url]) => Servers::Single(url),
        Err(urls) => Servers::Cluster(urls),
    };
    Ok(match configured {
        Some(place) if has_login => RedisPlace { servers, ..place },
        Some(place) => place,
        None => RedisPlace { servers, ca: None, prefix: "postroom".to_owned(), shards: 16 },
    })
}

/// What is named of the servers.
fn named(servers: &Servers) -> &[ServerUrl] {
    match servers {
        Servers::Single(url) => std::slice::from_ref(url),
        Servers::Cluster(urls) | Servers::Sentinel { sentinels: urls, .. } => urls,
    }
}

/// Without logins.
fn shown(urls: &[ServerUrl]) -> String {
    let urls: Vec<String> = urls.iter().map(ToString::to_string).collect();
    urls.join(",")
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(dir) => write!(f, "sqlite:{}", dir.join(DATABASE).display()),
            Self::Redis(place) => write!(f, "{} ({})", shown(named(&place.servers)), place.prefix),
        }
    }
}
