//! The Redis of a bench.

use super::finding::Finding;
use crate::domain::Secret;
use crate::protocol::frappe::probe::{BenchRedis, RedisTrouble};

/// What was found out about the secret of the web server.
#[derive(Debug, Clone, Default)]
pub(super) enum Known {
    /// It is this one, or there is none.
    Read(Option<Secret>),
    /// It could not be read.
    #[default]
    Unread,
}

impl Known {
    pub(super) fn secret(&self) -> Option<&Secret> {
        match self {
            Self::Read(secret) => secret.as_ref(),
            Self::Unread => None,
        }
    }
}

/// Looks at it. `key` is how its setting is named.
pub(super) async fn look(queue: &Secret, key: &str) -> (Vec<Finding>, Known) {
    let redis = match BenchRedis::reach(queue).await {
        Ok(redis) => redis,
        Err(trouble) => return (vec![not_reached(&trouble, key)], Known::Unread),
    };
    let version = redis.version().await.unwrap_or_else(|| "it".to_owned());
    let mut findings = vec![Finding::ok(format!("{version} answers"))];
    findings.push(step(
        redis.hears_events().await,
        "the channel `events` can be heard",
        "the channel `events` cannot be heard, so that no event of the sites comes",
        "ACL SETUSER <user> +subscribe +psubscribe &events",
    ));
    findings.push(step(
        redis.carries_letters().await,
        "a letter to the channel of the Postrooms (postroom:frappe:1) comes back",
        "a letter to the channel of the Postrooms (postroom:frappe:1) does not come back: several processes do not share viewers",
        "ACL SETUSER <user> +subscribe +publish &postroom:frappe:1",
    ));
    let secret = redis.secret().await;
    findings.push(of_secret(&secret));
    (findings, secret.map_or(Known::Unread, Known::Read))
}

/// The secret as it is now.
pub(super) async fn read_again(queue: &Secret) -> Option<Secret> {
    BenchRedis::reach(queue).await.ok()?.secret().await.ok()?
}

fn not_reached(trouble: &RedisTrouble, key: &str) -> Finding {
    let finding = Finding::fail(format!("it cannot be used: {trouble}"));
    match trouble {
        RedisTrouble::UnknownName => finding.mend(format!(
            "correct the host in {key}; in a container, it is the name of the service of Redis, such as redis-queue"
        )),
        RedisTrouble::Refused | RedisTrouble::Late => {
            finding.mend(format!("start it (`bench start`, or supervisor), or correct {key}"))
        }
        RedisTrouble::Login | RedisTrouble::Forbidden => finding.mend(format!(
            "write the login into {key}: redis://user:password@host:port (`use_redis_auth` is not read by realtime servers)"
        )),
        RedisTrouble::Tls(_) => finding.mend(format!(
            "{key}: rediss:// where Redis speaks TLS with a certificate that this machine trusts, else redis://"
        )),
        RedisTrouble::Other(_) => finding.mend(format!("see that {key} is the address of a Redis: redis://host:port, and rediss:// where it speaks TLS")),
    }
}

fn step(outcome: Result<(), RedisTrouble>, good: &str, bad: &str, rule: &str) -> Finding {
    match outcome {
        Ok(()) => Finding::ok(good),
        Err(trouble @ RedisTrouble::Forbidden) => {
            Finding::fail(format!("{bad}: {trouble}")).mend(format!("in Redis: {rule}"))
        }
        Err(trouble) => Finding::fail(format!("{bad}: {trouble}")),
    }
}

fn of_secret(secret: &Result<Option<Secret>, RedisTrouble>) -> Finding {
    match secret {
        Ok(Some(_)) => Finding::ok("socketio_auth_secret is there (version 16 and later)"),
        Ok(None) => Finding::ok(
            "socketio_auth_secret is not there: there is none up to version 15, and from 16 on the first call makes it",
        ),
        Err(trouble) => Finding::fail(format!("socketio_auth_secret cannot be read: {trouble}"))
            .mend("in Redis: ACL SETUSER <user> +get ~socketio_auth_secret"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trouble_has_a_mend_that_names_the_setting() {
        let key = "`redis_queue` in sites/common_site_config.json";
        for trouble in [
            RedisTrouble::UnknownName,
            RedisTrouble::Refused,
            RedisTrouble::Late,
            RedisTrouble::Login,
            RedisTrouble::Forbidden,
            RedisTrouble::Tls("bad certificate".to_owned()),
            RedisTrouble::Other("odd".to_owned()),
        ] {
            let finding = not_reached(&trouble, key);
            assert!(finding.mends.iter().any(|mend| mend.contains("`redis_queue`")), "{finding:?}");
        }
    }

    #[test]
    fn a_secret_is_never_shown_and_its_absence_is_no_fault() {
        let there = of_secret(&Ok(Some(Secret::new("hunter2"))));
        assert!(!there.text.contains("hunter2"), "{there:?}");
        assert_eq!(of_secret(&Ok(None)).mark, super::super::finding::Mark::Ok);
        assert_eq!(of_secret(&Err(RedisTrouble::Forbidden)).mark, super::super::finding::Mark::Fail);
    }
}
