//! The web server of a site.

use std::sync::Arc;

use super::address::PublicAddress;
use super::bench_redis::{Known, read_again};
use super::finding::Finding;
use super::subject::Subject;
use crate::domain::{PermissionApi, Secret, WebServer};
use crate::protocol::frappe::probe::{Base, Probe, Said, bases};
use crate::protocol::frappe::{CallFailure, Caller, Credential, User};

/// A site, and what is known before its web server is asked.
pub(super) struct Visit<'a> {
    pub(super) probe: &'a Probe,
    pub(super) subject: &'a Subject,
    /// What the Redis of its bench says about the secret.
    pub(super) known: Known,
    /// Where browsers come, if that was said.
    pub(super) address: Option<&'a PublicAddress>,
    /// What the command line gives to prove somebody with.
    pub(super) credential: Option<&'a Credential>,
}

impl Visit<'_> {
    /// Asks the web servers that a client's calls may go to, one after the other until one is reached, as the gateway does.
    pub(super) async fn look(&mut self) -> Vec<Finding> {
        let origin = self.address.map(PublicAddress::origin);
        let bases = bases(&self.subject.site, origin.as_deref());
        if bases.is_empty() {
            return vec![nowhere(self.subject, self.address)];
        }
        let (mut findings, mut left) = (Vec::new(), bases.iter().peekable());
        let mut answered = None;
        while let Some(base) = left.next() {
            let said = self.ask(base, guest()).await;
            let finding = of_said(&said, base, &self.known, self.subject);
            if is_away(&said) && left.peek().is_some() {
                let text = format!("{} (the next one is asked)", finding.text);
                findings.push(Finding { mends: finding.mends, ..Finding::warn(text) });
                continue;
            }
            findings.push(finding);
            answered = matches!(said, Said::User(_)).then_some(base);
            break;
        }
        if let Some(base) = answered {
            findings.extend(self.look_closer(base).await);
        }
        if answered.is_none_or(|base| Some(&base.url) == origin.as_ref()) {
            findings.extend(self.look_without_tls().await);
        }
        findings
    }

    /// Who somebody is. The first call of all only makes the secret.
    async fn ask(&mut self, base: &Base, credential: Credential) -> Said {
        let caller = self.caller(credential);
        let said = self.probe.user_info(base, &caller, self.known.secret()).await;
        if said != Said::Nobody || !matches!(self.known, Known::Read(None)) {
            return said;
        }
        let Some(queue) = self.subject.queue_of() else { return said };
        let Some(secret) = read_again(queue).await else { return said };
        self.known = Known::Read(Some(secret));
        self.probe.user_info(base, &caller, self.known.secret()).await
    }

    fn caller(&self, credential: Credential) -> Caller {
        Caller::new(Arc::clone(&self.subject.site), credential)
    }

    /// How permission is asked for, and who the one on the command line is.
    async fn look_closer(&mut self, base: &Base) -> Vec<Finding> {
        let caller = self.caller(guest());
        let found = self.probe.permission_api(base, &caller, self.known.secret()).await;
        let configured = self.subject.site.frappe().map(|frappe| frappe.permission_api).unwrap_or_default();
        let mut findings = vec![of_permission(found, configured, self.subject)];
        if let Some(credential) = self.credential {
            let said = self.ask(base, credential.clone()).await;
            findings.push(of_credential(&said, credential));
        }
        findings
    }

    /// Where TLS ends before the proxy, that takes the page to be one of http, and says so in `Origin`.
    async fn look_without_tls(&mut self) -> Option<Finding> {
        let asks_origin = matches!(self.subject.site.frappe()?.web_server, WebServer::OfOrigin { .. });
        let address = self.address.filter(|address| asks_origin && address.scheme == "https")?;
        let origin = address.origin_as("http");
        let base = bases(&self.subject.site, Some(&origin)).into_iter().find(|base| base.url == origin)?;
        let said = self.ask(&base, guest()).await;
        if matches!(said, Said::User(_)) {
            return None;
        }
        let what = what_came(&said);
        let text = format!(
            "where TLS ends before the proxy, its `$scheme` is http, and {origin} is asked who a client is: {what}"
        );
        let finding = Finding::warn(text).mend("in nginx: proxy_set_header Origin https://$http_host;");
        Some(finding.mend(format!("or ask one web server for all, {}", self.subject.backend())))
    }
}

/// Not reached: the gateway goes on to the next one.
fn is_away(said: &Said) -> bool {
    matches!(said, Said::Failed(CallFailure::Unreachable(_) | CallFailure::Late))
}

fn guest() -> Credential {
    Credential::Cookie(Secret::new("Guest"))
}

fn nowhere(subject: &Subject, address: Option<&PublicAddress>) -> Finding {
    let Some(address) = address else {
        return Finding::warn(
            "which web server is asked depends on the address of a client's page; it was not looked at",
        )
        .mend("give that address with --url")
        .mend(format!("or ask one web server for all, {}", subject.backend()));
    };
    let text = format!(
        "no web server is known for clients from {}, which is no host of this site",
        address.origin()
    );
    Finding::fail(text).mend(subject.alias(address.host())).mend(format!("or {}", subject.backend()))
}

fn of_said(said: &Said, base: &Base, known: &Known, subject: &Subject) -> Finding {
    let url = &base.url;
    let backend = subject.backend();
    match said {
        Said::User(user) => {
            Finding::ok(format!("web server {url} answers: a visitor is {}, {}", user.name, version(user)))
        }
        Said::Nobody => of_nobody(url, known, subject),
        said => {
            let finding = Finding::fail(format!("web server {url}: {}", what_came(said)));
            finding.mends(mend_of(said, base, subject)).mend(format!("if it is another one: {backend}"))
        }
    }
}

fn version(user: &User) -> String {
    match &user.apps {
        Some(apps) => format!("apps {} (Frappe 16 or later)", apps.join(", ")),
        None => "no apps are named (Frappe 15 or earlier)".to_owned(),
    }
}

fn of_nobody(url: &str, known: &Known, subject: &Subject) -> Finding {
    let queue = subject.queue();
    let text = format!("web server {url} takes us for a stranger (it answers {{}}):");
    match known {
        Known::Read(Some(_)) => Finding::fail(format!("{text} its secret is not the socketio_auth_secret of our Redis"))
            .mend(format!("{queue} must be the Redis that this web server uses; compare with its own `redis_queue`"))
            .mend("if it is: `redis-cli -u <redis_queue> DEL socketio_auth_secret`, and the next call makes a new one"),
        Known::Read(None) => Finding::fail(format!("{text} it makes a secret, but not in our Redis"))
            .mend(format!("{queue} must be the Redis that this web server uses; compare with its own `redis_queue`")),
        Known::Unread => Finding::fail(format!("{text} its secret could not be read from Redis"))
            .mend("mend what fails with Redis first"),
    }
}

/// What a web server said, where that is of no use.
fn what_came(said: &Said) -> String {
    match said {
        Said::User(user) => format!("it names {}", user.name),
        Said::Nobody => "it answers {}, as to a stranger".to_owned(),
        Said::Page(status) => format!("a page for people came with status {status}, no answer of Frappe"),
        Said::Failed(failure) => failure.to_string(),
    }
}

fn mend_of(said: &Said, base: &Base, subject: &Subject) -> Option<String> {
    let site = &subject.site.name;
    Some(match said {
        Said::Page(404) | Said::Failed(CallFailure::Status(404)) => format!(
            "it knows no such site: it was asked for `{}`; see that sites/{site} is there for that web server too",
            base.host.as_deref().unwrap_or_else(|| crate::protocol::frappe::hostname(&base.url))
        ),
        Said::Page(500..) | Said::Failed(CallFailure::Status(500..)) => {
            format!(
                "look into logs/web.error.log and sites/{site}/logs; `bench --site {site} migrate` after an update"
            )
        }
        Said::Page(_) => {
            "something else answers there, such as a login page of a proxy or another application".to_owned()
        }
        Said::Failed(CallFailure::Unreachable(_)) => {
            "start it (`bench start`, or supervisor), if it is the right one".to_owned()
        }
        Said::Failed(CallFailure::Late) => {
            "see whether its workers are busy: `gunicorn_workers` in sites/common_site_config.json".to_owned()
        }
        Said::Failed(CallFailure::Status(401 | 403)) => {
            "it lets no visitor ask: see that nothing before it wants a login".to_owned()
        }
        _ => return None,
    })
}

fn of_permission(found: Option<PermissionApi>, configured: PermissionApi, subject: &Subject) -> Finding {
    let name = |api| match api {
        PermissionApi::HasPermission => "has_permission",
        PermissionApi::CanSubscribe => "can_subscribe",
        PermissionApi::Auto => "auto",
    };
    match found {
        None => Finding::warn(
            "it does not say how it is asked for permission (neither has_permission nor can_subscribe)",
        ),
        Some(found) if configured == PermissionApi::Auto || configured == found => {
            Finding::ok(format!("permission is asked for with {}", name(found)))
        }
        Some(found) => Finding::fail(format!(
            "permission is asked for with {}, but this site knows {} alone",
            name(configured),
            name(found)
        ))
        .mend(subject.permission()),
    }
}

fn of_credential(said: &Said, credential: &Credential) -> Finding {
    let flag = match credential {
        Credential::Cookie(_) => "--sid",
        Credential::Authorization(_) => "--token",
    };
    match said {
        Said::User(user) if user.is_guest() => Finding::warn(format!(
            "{flag} is a visitor who is not logged in (Guest): it has expired, or is of another site"
        ))
        .mend("log in anew; the cookie `sid` is the one of this very host"),
        Said::User(user) => {
            let kind = if user.is_system { "a user of the desk" } else { "a user of the website alone" };
            Finding::ok(format!("{flag} is {}, {kind}", user.name))
        }
        Said::Failed(CallFailure::Status(401 | 403)) => {
            Finding::fail(format!("{flag} is refused by the web server"))
                .mend("a new one: `Bearer <token>`, or `token <api_key>:<api_secret>` of an enabled user")
        }
        said => Finding::fail(format!("{flag}: {}", what_came(said))),
    }
}

#[cfg(test)]
mod tests;
