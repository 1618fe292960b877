//! What is asked of every new connection before anything else.

use redis::Value;

use super::dial::{Connection, at_first};
use super::{ServerUrl, Trouble};

/// What was found at a server when it was connected to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findings {
    /// As in `7.0.15`.
    pub version: String,
    /// Names its process: another one after a restart, and at another server.
    pub run_id: String,
    /// Whether it writes an append-only file at all.
    pub appendonly: bool,
    /// How it does (`always`, `everysec`, `no`); unknown where CONFIG is forbidden.
    pub appendfsync: Option<String>,
}

/// Looks whether a server may be used, and loads the scripts.
///
/// # Errors
/// Why not.
pub(super) async fn check(
    connection: &Connection,
    server: &ServerUrl,
    in_cluster: bool,
    load: &[String],
) -> Result<Findings, Trouble> {
    let mut questions = redis::pipe();
    questions.cmd("INFO").cmd("CONFIG").arg("GET").arg("append*");
    let answers = connection.send(&questions).await;
    let mut answers = answers.map_err(|trouble| at_first(server, trouble))?.into_iter();
    let mut next = || answers.next().unwrap_or_else(|| Err(Trouble::Broken("an answer is missing".into())));
    let about = next().map_err(|trouble| match trouble {
        Trouble::Refused(why) if why.starts_with("NOPERM") => {
            Trouble::Refused(format!("{server}: the user may not ask INFO (ACL SETUSER .. +info): {why}"))
        }
        other => other,
    })?;
    let about = text(&about).unwrap_or_default();
    suits(&about, in_cluster).map_err(|trouble| named(server, trouble))?;
    let findings = Findings {
        version: field(&about, "redis_version").unwrap_or_default().to_owned(),
        run_id: field(&about, "run_id").unwrap_or_default().to_owned(),
        appendonly: field(&about, "aof_enabled") == Some("1"),
        appendfsync: next().ok().as_ref().and_then(|answer| setting(answer, "appendfsync")),
    };
    load_all(connection, load).await?;
    Ok(findings)
}

async fn load_all(connection: &Connection, scripts: &[String]) -> Result<(), Trouble> {
    let mut loading = redis::pipe();
    for script in scripts {
        loading.cmd("SCRIPT").arg("LOAD").arg(script);
    }
    connection.send(&loading).await?.into_iter().find_map(Result::err).map_or(Ok(()), Err)
}

/// Whether a server that says this of itself may be used.
pub(super) fn suits(about: &str, in_cluster: bool) -> Result<(), Trouble> {
    let field = |name| field(about, name);
    let refused = |why: String| Err(Trouble::Refused(why));
    let version = field("redis_version").unwrap_or_default();
    let least = if in_cluster { (7, 0) } else { (6, 2) };
    if numbers(version) < least {
        let (major, minor) = least;
        return refused(format!("version {version} is too old: at least Redis {major}.{minor} is needed"));
    }
    match (in_cluster, field("cluster_enabled") == Some("1")) {
        (false, true) => {
            return refused(
                "it is a node of a Cluster: set `redis.cluster: true`, or name several of its nodes".into(),
            );
        }
        (true, false) => return refused("it is not a node of a Cluster: name it as a single server".into()),
        _ => {}
    }
    if field("redis_mode") == Some("sentinel") {
        return refused("it is a sentinel: say what it calls the server (`redis.sentinelMaster`)".into());
    }
    if field("role") != Some("master") {
        return Err(Trouble::Elsewhere("READONLY it is a replica: connect to its master".into()));
    }
    if field("loading") == Some("1") {
        return Err(Trouble::NotNow("LOADING Redis is loading the dataset in memory".into()));
    }
    let policy = field("maxmemory_policy").unwrap_or("noeviction");
    if policy != "noeviction" && field("maxmemory").is_some_and(|limit| limit != "0") {
        return refused(format!(
            "maxmemory-policy {policy} would delete messages when memory runs out: set it to noeviction"
        ));
    }
    Ok(())
}

/// The trouble, and where it is.
fn named(server: &ServerUrl, trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::Refused(why) => Trouble::Refused(format!("{server}: {why}")),
        Trouble::Elsewhere(why) => {
            Trouble::Elsewhere(format!("{} ({server})", why.strip_prefix("READONLY ").unwrap_or(&why)))
        }
        other => other,
    }
}

fn field<'a>(about: &'a str, name: &str) -> Option<&'a str> {
    about.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// The first two numbers of a version.
fn numbers(version: &str) -> (u32, u32) {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// A text, however it came.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text.clone()),
        _ => None,
    }
}

/// A setting in an answer of CONFIG GET.
fn setting(answer: &Value, name: &str) -> Option<String> {
    match answer {
        Value::Map(pairs) => pairs
            .iter()
            .find(|(key, _)| text(key).as_deref() == Some(name))
            .and_then(|(_, value)| text(value)),
        Value::Array(values) => {
            let mut values = values.iter();
            values.by_ref().find(|key| text(key).as_deref() == Some(name))?;
            values.next().and_then(text)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "redis_version:7.0.15\r\nrole:master\r\nloading:0\r\ncluster_enabled:0\r\nmaxmemory:0\r\n";

    fn but(field: &str, value: &str) -> String {
        let line = GOOD.lines().find(|line| line.starts_with(field)).unwrap();
        GOOD.replace(line, &format!("{field}:{value}"))
    }

    #[test]
    fn what_may_be_used() {
        assert_eq!(suits(GOOD, false), Ok(()));
        assert_eq!(suits(&but("redis_version", "6.2.0"), false), Ok(()));
        assert_eq!(suits(&but("cluster_enabled", "1"), true), Ok(()));
        let full = format!("{}maxmemory_policy:noeviction", but("maxmemory", "1000"));
        assert_eq!(suits(&full, false), Ok(()));
        let unlimited = format!("{GOOD}maxmemory_policy:allkeys-lru");
        assert_eq!(suits(&unlimited, false), Ok(()));
    }

    #[test]
    fn what_may_not_and_how_to_mend_it() {
        let refused = |about: &str, in_cluster| match suits(about, in_cluster) {
            Err(Trouble::Refused(why)) => why,
            other => panic!("{other:?}"),
        };
        assert!(refused(&but("redis_version", "6.0.16"), false).contains("at least Redis 6.2"));
        let old_cluster = but("cluster_enabled", "1").replace("7.0.15", "6.2.7");
        assert!(refused(&old_cluster, true).contains("at least Redis 7.0"));
        assert!(refused(GOOD, true).contains("not a node of a Cluster"));
        assert!(refused(&but("cluster_enabled", "1"), false).contains("a node of a Cluster"));
        let sentinel = GOOD.replace("role:master", "redis_mode:sentinel");
        assert!(refused(&sentinel, false).contains("redis.sentinelMaster"));
        let deletes = format!("{}maxmemory_policy:allkeys-lru", but("maxmemory", "1000"));
        assert!(refused(&deletes, false).contains("noeviction"));
        assert!(matches!(suits(&but("role", "slave"), false), Err(Trouble::Elsewhere(_))));
        assert!(matches!(suits(&but("loading", "1"), false), Err(Trouble::NotNow(_))));
    }
}
