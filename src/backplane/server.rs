//! Where the servers are, and how one logs in.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use redis::{ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo};

use crate::domain::Secret;

/// Where the servers are.
#[derive(Debug, Clone)]
pub enum Servers {
    /// One server.
    Single(ServerUrl),
    /// Some nodes of a Redis Cluster; the others are found through them. Login and TLS of the first are those of all.
    Cluster(Vec<ServerUrl>),
    /// Behind Sentinel.
    Sentinel {
        /// The sentinels, with their own logins. `rediss://` at the first means TLS to the data servers, too.
        sentinels: Vec<ServerUrl>,
        /// What they call the master.
        master: String,
        /// How to log in at the data servers.
        login: Login,
    },
}

impl Servers {
    /// # Errors
    /// What cannot work, and how to mend it.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Self::Single(_) => Ok(()),
            Self::Cluster(nodes) if nodes.is_empty() => Err("no node of the Cluster is named".into()),
            Self::Cluster(nodes) if nodes.iter().any(|node| node.login.database != 0) => {
                Err("a Cluster has only database 0: name no other".into())
            }
            Self::Cluster(nodes) | Self::Sentinel { sentinels: nodes, .. } => {
                match nodes.iter().find(|node| matches!(node.place, Place::Unix(_))) {
                    Some(node) => Err(format!("{node}: others are found through it, so it has to be a host")),
                    None if nodes.is_empty() => Err("no sentinel is named".into()),
                    None => Ok(()),
                }
            }
        }
    }
}

/// How to reach Redis.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where.
    pub servers: Servers,
    /// Certificates (PEM) to trust besides the system's.
    pub ca: Option<PathBuf>,
    /// Scripts that are loaded on every new connection before it is given out.
    pub load: Vec<String>,
    /// How long an answer, or a connection, may take.
    pub timeout: Duration,
}

impl Options {
    /// Without certificates and scripts of one's own; 1 s for an answer.
    pub fn new(servers: Servers) -> Self {
        Self { servers, ca: None, load: Vec::new(), timeout: Duration::from_secs(1) }
    }
}

/// Who one is to a server, and which of its databases one uses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Login {
    /// The user; none is the default one.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The database. A Cluster has only 0.
    pub database: i64,
}

impl Login {
    pub(super) fn settings(&self) -> RedisConnectionInfo {
        let mut settings = RedisConnectionInfo::default().set_db(self.database).set_skip_set_lib_name();
        if let Some(username) = &self.username {
            settings = settings.set_username(username);
        }
        if let Some(password) = &self.password {
            settings = settings.set_password(password.expose());
        }
        settings
    }
}

/// One server. Shown without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl {
    pub(super) place: Place,
    pub(super) login: Login,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Place {
    Tcp { host: String, port: u16, tls: bool },
    Unix(PathBuf),
}

impl ServerUrl {
    /// Reads `redis://user:password@host:port/database`, the same with `rediss://` (TLS), or
    /// `unix:///path?db=0&user=..&pass=..` (also `redis+unix://`).
    ///
    /// # Errors
    /// What is wrong, and how to mend it; without the password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let known = ["redis://", "rediss://", "unix://", "redis+unix://"];
        if !known.iter().any(|scheme| text.starts_with(scheme)) {
            return Err("it has to begin with redis://, rediss:// (TLS) or unix://".into());
        }
        let read = text.into_connection_info().map_err(|error| mend(&error.to_string()))?;
        let place = match read.addr() {
            ConnectionAddr::Tcp(host, port) => Place::Tcp { host: host.clone(), port: *port, tls: false },
            ConnectionAddr::TcpTls { insecure: true, .. } => {
                return Err(
                    "#insecure is not possible: name the file of the certificate authority instead".into()
                );
            }
            ConnectionAddr::TcpTls { host, port, .. } => {
                Place::Tcp { host: host.clone(), port: *port, tls: true }
            }
            ConnectionAddr::Unix(path) => Place::Unix(path.clone()),
            _ => return Err("it names neither a host nor a socket".into()),
        };
        let settings = read.redis_settings();
        let login = Login {
            username: settings.username().map(str::to_owned),
            password: settings.password().map(Secret::new),
            database: settings.db(),
        };
        if login.username.is_some() && login.password.is_none() {
            return Err("it has a user, but no password: user:password@, or :password@ without a user".into());
        }
        if login.database < 0 {
            return Err("the database is a number from 0 on, as in redis://host:6379/2".into());
        }
        Ok(Self { place, login })
    }

    /// Whoever is at another address, with the same login and TLS as here.
    pub(super) fn at(host: &str, port: u16, tls: bool, login: Login) -> Self {
        Self { place: Place::Tcp { host: host.to_owned(), port, tls }, login }
    }

    /// Who one is there.
    pub fn login(&self) -> &Login {
        &self.login
    }

    pub(super) fn is_tls(&self) -> bool {
        matches!(self.place, Place::Tcp { tls: true, .. })
    }
}

/// What the reader of URLs said, and what to do about it.
fn mend(error: &str) -> String {
    if error.contains("database") {
        "the database is a number, as in redis://host:6379/2".into()
    } else if error.contains("wildcard") {
        "0.0.0.0 is not an address to connect to: write that of the server".into()
    } else if error.contains("hostname") {
        "the host is missing, as in redis://host:6379".into()
    } else if error.contains("path") {
        "the socket is missing, as in unix:///run/redis.sock".into()
    } else {
        "it cannot be read; write special characters of user and password as %XX (# is %23, / is %2F, @ is %40)"
            .into()
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Tcp { host, port, tls } => {
                let scheme = if *tls { "rediss" } else { "redis" };
                let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
                write!(f, "{scheme}://{open}{host}{close}:{port}")?;
            }
            Place::Unix(path) => write!(f, "unix://{}", path.display())?,
        }
        match self.login.database {
            0 => Ok(()),
            database => write!(f, "/{database}"),
        }
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        let full = ServerUrl::parse("rediss://me:p%40ss@redis.example.org:7000/3").unwrap();
        assert_eq!(full.to_string(), "rediss://redis.example.org:7000/3");
        let login = Login { username: Some("me".into()), password: Some(Secret::new("p@ss")), database: 3 };
        assert_eq!(full.login, login);
        assert!(full.is_tls());
        assert_eq!(ServerUrl::parse("redis://[::1]").unwrap().to_string(), "redis://[::1]:6379");
        let socket = ServerUrl::parse("redis+unix:///run/redis.sock?db=2&pass=x").unwrap();
        assert_eq!(socket.to_string(), "unix:///run/redis.sock/2");
        assert_eq!(socket.login.password, Some(Secret::new("x")));
    }

    #[test]
    fn a_bad_url_is_told_how_to_mend_and_not_the_password() {
        for (url, mend) in [
            ("localhost:6379", "redis://"),
            ("http://host", "redis://"),
            ("redis://", "host"),
            ("redis://:hunter2@host/x", "number"),
            ("redis://:hunter2@host/-1", "number"),
            ("redis://:hun#ter2@host", "%23"),
            ("redis://0.0.0.0", "0.0.0.0"),
            ("redis://me@host", "password"),
            ("rediss://:hunter2@host#insecure", "certificate"),
        ] {
            let error = ServerUrl::parse(url).unwrap_err();
            assert!(error.contains(mend) && !error.contains("hun"), "{url}: {error}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let url = ServerUrl::parse("redis://me:hunter2@host").unwrap();
        assert!(!format!("{url:?} {url} {:?}", Servers::Single(url.clone())).contains("hunter2"));
    }
}
