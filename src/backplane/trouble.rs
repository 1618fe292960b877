//! What can go wrong on the way to Redis, by what it means for the command.

use redis::{ErrorKind, RedisError, ServerError};

/// What is said of an answer that did not come in time.
pub(super) const LATE: &str = "no answer in time";

/// Why a command has no answer, by what that means for who sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The connection broke, or the answer did not come in time: whether the command was carried out is unknown.
    #[error("{0}")]
    Broken(String),
    /// Not carried out, and likely to be soon: LOADING, MASTERDOWN, CLUSTERDOWN, TRYAGAIN, ASK, BUSY, NOSCRIPT.
    #[error("{0}")]
    NotNow(String),
    /// Not carried out: the server is not in charge (MOVED, READONLY). The line must be asked for anew.
    #[error("{0}")]
    Elsewhere(String),
    /// Not carried out, until somebody mends it: OOM, NOREPLICAS, MISCONF, a server that must not be used (its
    /// maxmemory-policy would delete messages; too old; no right to do this).
    #[error("{0}")]
    Refused(String),
    /// An error reply that a script made: its first word and the rest.
    #[error("{code} {detail}")]
    Script {
        /// `ORDER`, `NOLEASE`, ...
        code: String,
        /// What follows.
        detail: String,
    },
    /// Anything else (WRONGTYPE, a bug): carried out up to the call that failed.
    #[error("{0}")]
    Foreign(String),
}

impl Trouble {
    /// What an error of the crate means.
    #[must_use]
    pub fn of(error: RedisError) -> Self {
        let error = match ServerError::try_from(error) {
            Ok(reply) => return Self::of_reply(&reply),
            Err(error) => error,
        };
        match error.kind() {
            ErrorKind::AuthenticationFailed => {
                let why = error.detail().unwrap_or("the server does not accept the login").to_owned();
                Self::Refused(format!("{why}: check user and password"))
            }
            ErrorKind::RESP3NotSupported => Self::Refused("too old: at least Redis 6.2 is needed".into()),
            ErrorKind::Io | ErrorKind::Parse if error.is_timeout() => Self::Broken(LATE.into()),
            ErrorKind::Io | ErrorKind::Parse => {
                // What is no answer of Redis is told in several lines.
                Self::Broken(error.to_string().lines().next().unwrap_or_default().to_owned())
            }
            // SELECT, at the beginning of a connection.
            ErrorKind::Server(_) => {
                Self::Refused(with_advice(error.detail().unwrap_or("the database cannot be used").to_owned()))
            }
            _ => Self::Foreign(error.to_string()),
        }
    }

    /// What an error reply means.
    pub(super) fn of_reply(reply: &ServerError) -> Self {
        let detail = reply.details().unwrap_or_default();
        if let Some((code, detail)) = inside_script(detail) {
            return Self::by_code(code, detail);
        }
        Self::by_code(reply.code(), detail)
    }

    fn by_code(code: &str, detail: &str) -> Self {
        let detail = without_place(detail);
        let text = format!("{code} {detail}").trim_end().to_owned();
        match code {
            "NOSCRIPT" | "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "ASK" | "BUSY" => {
                Self::NotNow(text)
            }
            "ERR" if detail.starts_with("max number of clients") => Self::NotNow(text),
            "MOVED" | "READONLY" => Self::Elsewhere(text),
            "OOM" | "NOREPLICAS" | "MISCONF" | "NOPERM" | "NOAUTH" | "WRONGPASS" | "DENIED" | "NOPROTO" => {
                Self::Refused(with_advice(text))
            }
            "ERR" if detail.starts_with("invalid password") || detail.starts_with("DB index") => {
                Self::Refused(with_advice(text))
            }
            "ERR" | "WRONGTYPE" | "EXECABORT" | "CROSSSLOT" | "NOTBUSY" | "UNKILLABLE" | "BUSYKEY"
            | "NOSUB" | "UNBLOCKED" | "IOERR" | "BUSYGROUP" | "NOGROUP" | "INVALIDOBJ" => Self::Foreign(text),
            _ => Self::Script { code: code.to_owned(), detail: detail.to_owned() },
        }
    }

    /// Whether it may go away without anybody changing settings. Who begins and finds that it will not had better say so
    /// and end.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Refused(why) => ["OOM", "NOREPLICAS", "MISCONF"].iter().any(|code| why.starts_with(code)),
            Self::Script { .. } => false,
            Self::Broken(_) | Self::NotNow(_) | Self::Elsewhere(_) | Self::Foreign(_) => true,
        }
    }

    /// The server says that it does not know a script.
    pub(super) fn is_unknown_script(&self) -> bool {
        matches!(self, Self::NotNow(text) if text.starts_with("NOSCRIPT"))
    }

    /// The server does not know who is in charge, or nobody is.
    pub(super) fn is_cluster_down(&self) -> bool {
        matches!(self, Self::NotNow(text) if text.starts_with("CLUSTERDOWN"))
    }
}

/// What the server said, and how to mend it, where it does not say so.
fn with_advice(said: String) -> String {
    let advice = if said.contains("Authentication required") {
        "give it the password (`redis.password`, or in the URL; that of a sentinel always in its URL)"
    } else if said.contains("DB index") {
        "name another database (`redis.database`, or the number at the end of the URL), or raise `databases` there"
    } else {
        return said;
    };
    format!("{}: {advice}", said.trim_end_matches('.'))
}

/// Redis before 7 wraps errors of calls inside a script: `Error running script (call to f_<sha>): @user_script:1:
/// @user_script: 1: -OOM command not allowed`.
fn inside_script(detail: &str) -> Option<(&str, &str)> {
    if !detail.starts_with("Error running script") {
        return None;
    }
    let (_, line_and_error) = detail.rsplit_once("@user_script:")?;
    let (_, error) = line_and_error.trim_start().split_once(": ")?;
    let (code, detail) = error.trim_start_matches('-').split_once(' ')?;
    let is_code = !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_uppercase());
    is_code.then_some((code, detail))
}

/// Without the place in a script that Redis 7 adds: ` script: <sha>, on @user_script:12.`
fn without_place(detail: &str) -> &str {
    let is_place =
        |(at, _): &(usize, &str)| detail.get(at + 9 + 40..).is_some_and(|rest| rest.starts_with(", on @"));
    let place = detail.match_indices(" script: ").find(is_place);
    place.and_then(|(at, _)| detail.get(..at)).unwrap_or(detail).trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a reply of these bytes means.
    fn of(reply: &str) -> Trouble {
        let value = redis::parse_redis_value(format!("-{reply}\r\n").as_bytes()).unwrap();
        Trouble::of(value.extract_error().unwrap_err())
    }

    #[test]
    fn every_code_has_its_meaning() {
        let not_now =
            ["NOSCRIPT No matching script.", "LOADING Redis is loading", "MASTERDOWN Link", "BUSY Redis"];
        let cluster = ["CLUSTERDOWN The cluster is down", "TRYAGAIN Multiple keys", "ASK 1 127.0.0.1:1"];
        for reply in not_now.into_iter().chain(cluster).chain(["ERR max number of clients reached"]) {
            assert_eq!(of(reply), Trouble::NotNow(reply.into()));
        }
        for reply in ["MOVED 3999 127.0.0.1:6381", "READONLY You can't write against a read only replica."] {
            assert_eq!(of(reply), Trouble::Elsewhere(reply.into()));
        }
        let mend = ["OOM command not allowed", "NOREPLICAS Not enough", "MISCONF Redis is configured"];
        let rights = ["NOPERM no", "WRONGPASS invalid", "DENIED Redis is running"];
        for reply in mend.into_iter().chain(rights) {
            assert_eq!(of(reply), Trouble::Refused(reply.into()));
        }
        for reply in
            ["WRONGTYPE Operation against a key", "ERR unknown command", "CROSSSLOT Keys", "EXECABORT T"]
        {
            assert_eq!(of(reply), Trouble::Foreign(reply.into()));
        }
    }

    #[test]
    fn what_the_server_does_not_say_is_added() {
        for (reply, said, advice) in [
            ("NOAUTH Authentication required.", "NOAUTH Authentication required: ", "redis.password"),
            ("ERR DB index is out of range", "ERR DB index is out of range: ", "redis.database"),
        ] {
            let Trouble::Refused(text) = of(reply) else { panic!("{reply}") };
            assert!(text.starts_with(said) && text.contains(advice), "{text}");
        }
    }

    #[test]
    fn what_a_script_made_has_code_and_detail() {
        let script = |code: &str, detail: &str| Trouble::Script { code: code.into(), detail: detail.into() };
        assert_eq!(of("ORDER 5"), script("ORDER", "5"));
        assert_eq!(of("NOLEASE"), script("NOLEASE", ""));
        assert_eq!(of("MODEL 1/16/3 is another one"), script("MODEL", "1/16/3 is another one"));
    }

    #[test]
    fn the_place_in_the_script_is_not_shown() {
        let sha = "4ca238f611c9d0ae4e9a75a5dbac22aedc1e1f1a";
        let seven = format!("OOM not allowed. script: {sha}, on @user_script:1.");
        assert_eq!(of(&seven), Trouble::Refused("OOM not allowed.".into()));
        let order = format!("ORDER 5 script: {sha}, on @user_script:12.");
        assert_eq!(of(&order), Trouble::Script { code: "ORDER".into(), detail: "5".into() });
        let six = format!(
            "ERR Error running script (call to f_{sha}): @user_script:1: @user_script: 1: -OOM not allowed."
        );
        assert_eq!(of(&six), Trouble::Refused("OOM not allowed.".into()));
        let six = format!("ERR Error running script (call to f_{sha}): @user_script:7: WRONGTYPE Operation");
        assert_eq!(of(&six), Trouble::Foreign("WRONGTYPE Operation".into()));
    }

    #[test]
    fn a_connection_that_breaks_leaves_it_open_what_was_done() {
        let broken = RedisError::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert!(matches!(Trouble::of(broken), Trouble::Broken(_)));
        let late = RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
        assert_eq!(Trouble::of(late), Trouble::Broken("no answer in time".into()));
    }
}
