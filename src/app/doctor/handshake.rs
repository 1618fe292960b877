//! What a client's first steps came to.

use super::finding::{Finding, Mark};
use super::proxy::NGINX;
use super::subject::Subject;
use crate::protocol::frappe::probe::Stumble;

/// By which way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// To the Postroom of this machine, with the headers that bench's nginx template sets.
    Local,
    /// By the address that browsers use.
    Public {
        address: String,
        /// Whether a Postroom runs on this machine, which is to be found there.
        expected: bool,
    },
}

/// For the report.
pub(super) fn finding(way: &Way, outcome: &Result<(), Stumble>, subject: &Subject) -> Finding {
    let by = match way {
        Way::Local => "the Postroom of this machine".to_owned(),
        Way::Public { address, .. } => address.clone(),
    };
    let stumble = match outcome {
        Ok(()) => return Finding::ok(format!("{by} lets a client in")),
        Err(stumble) => stumble,
    };
    let (what, mend) = explained(stumble, way, subject);
    let mut finding = Finding::fail(format!("{by}: {what}")).mends(mend);
    if *way != Way::Local && !is_expected(way) {
        finding.mark = Mark::Warn;
        finding.text.push_str(" (no Postroom runs on this machine)");
    }
    finding
}

fn is_expected(way: &Way) -> bool {
    matches!(way, Way::Public { expected: true, .. })
}

fn explained(stumble: &Stumble, way: &Way, subject: &Subject) -> (String, Option<String>) {
    let (what, mend) = match stumble {
        Stumble::Unreached(why) => (
            format!("not reached: {why}"),
            (*way != Way::Local).then_some(
                "see that this name leads to the proxy, also from here, and that its certificate is valid",
            ),
        ),
        Stumble::Redirected => (
            "it redirects elsewhere".to_owned(),
            Some("name the address with --url that it redirects to, most often the one with https"),
        ),
        Stumble::Status(status, text) => return of_status(*status, text),
        Stumble::Foreign => (
            "something else answers at /socket.io, no Socket.IO server".to_owned(),
            Some(
                "the proxy needs a location /socket.io that leads to Postroom: `bench setup nginx` writes one",
            ),
        ),
        Stumble::Lost(status, text) => (
            format!(
                "a connection is opened, but its next request is not known any more (status {status}{})",
                quoted(text)
            ),
            Some(
                "several processes are behind this address: the proxy must bring a client to the same one again, as with `ip_hash`",
            ),
        ),
        Stumble::Silent => (
            "a connection is opened, but nothing says whether the client is let in".to_owned(),
            Some(
                "see what is said above about the web server, and that the proxy does not hold answers back (proxy_buffering)",
            ),
        ),
        Stumble::Refused(told) => {
            return (format!("a client is told '{told}'"), Some(of_refusal(told, subject)));
        }
    };
    (what, mend.map(str::to_owned))
}

fn of_status(status: u16, text: &str) -> (String, Option<String>) {
    let mend = match status {
        404 => "the proxy needs a location /socket.io that leads to Postroom: `bench setup nginx` writes one",
        502..=504 => {
            "the proxy does not reach Postroom: start it, or correct proxy_pass to the port that it listens on (`socketio_port`)"
        }
        401 | 403 => {
            "something before Postroom wants a login, or `io.origins` in config.yml does not name this origin"
        }
        _ => "look into the log of the proxy",
    };
    (format!("the first request is answered with status {status}{}", quoted(text)), Some(mend.to_owned()))
}

fn quoted(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

/// What helps a client that was told this.
fn of_refusal(told: &str, subject: &Subject) -> String {
    let site = &subject.site.name;
    if told.starts_with("Invalid namespace") {
        return format!(
            "the headers name another site: {NGINX}proxy_set_header X-Frappe-Site-Name {site}; or add the host as an alias"
        );
    }
    let text = match told {
        "Invalid origin" => return format!("Host and Origin differ: {NGINX}and no others"),
        _ if told.starts_with("Unauthorized") => {
            "the web server does not say who it is: see what is said above about web server, Redis and secret"
        }
        _ if told.starts_with("Missing cookie") || told.starts_with("No authentication method") => {
            "the cookie does not arrive: the proxy must hand on the header Cookie"
        }
        _ if told.starts_with("Authentication required") || told.starts_with("Invalid token") => {
            "tokens alone are taken there: try it with --token; which schemes, say `tokenSchemes`"
        }
        _ => "the log of Postroom says what was expected and what came",
    };
    text.to_owned()
}

/// Whether a WebSocket gets through.
pub(super) fn of_upgrade(outcome: Result<(), u16>) -> Finding {
    let mend = "in nginx, location /socket.io: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; \
                proxy_set_header Connection \"upgrade\";";
    match outcome {
        Ok(()) => Finding::ok("a WebSocket gets through"),
        Err(0) => Finding::warn("a WebSocket does not get through: clients stay with polling").mend(mend),
        Err(status) => {
            let text =
                format!("a WebSocket does not get through (status {status}): clients stay with polling");
            Finding::warn(text).mend(mend)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{FrappeSite, Protocol, Site};

    fn subject() -> Subject {
        let site = Site {
            protocol: Protocol::Frappe(Arc::new(FrappeSite::sample())),
            ..Site::sample("site1.local")
        };
        Subject { site: Arc::new(site), of_bench: true }
    }

    fn public(stumble: Stumble, expected: bool) -> Finding {
        let way = Way::Public { address: "https://erp.example.com".to_owned(), expected };
        finding(&way, &Err(stumble), &subject())
    }

    #[test]
    fn every_stumble_has_a_mend() {
        for (stumble, mend) in [
            (Stumble::Unreached("refused".to_owned()), "certificate"),
            (Stumble::Redirected, "--url"),
            (Stumble::Status(404, String::new()), "location /socket.io"),
            (Stumble::Status(502, String::new()), "socketio_port"),
            (Stumble::Status(403, String::new()), "io.origins"),
            (Stumble::Status(418, String::new()), "log of the proxy"),
            (Stumble::Foreign, "bench setup nginx"),
            (Stumble::Lost(400, "{}".to_owned()), "ip_hash"),
            (Stumble::Silent, "proxy_buffering"),
            (Stumble::Refused("Invalid namespace".to_owned()), "X-Frappe-Site-Name site1.local;"),
            (Stumble::Refused("Invalid origin".to_owned()), "Origin $scheme://$http_host;"),
            (Stumble::Refused("Unauthorized: x".to_owned()), "web server"),
            (Stumble::Refused("Missing cookie and ...".to_owned()), "header Cookie"),
            (Stumble::Refused("Authentication required. ...".to_owned()), "--token"),
            (Stumble::Refused("odd".to_owned()), "log of Postroom"),
        ] {
            let finding = public(stumble, true);
            assert_eq!(finding.mark, Mark::Fail);
            assert!(finding.mends.join("\n").contains(mend), "{finding:?}");
        }
    }

    #[test]
    fn before_it_is_started_it_is_no_fault_that_a_proxy_finds_nobody() {
        assert_eq!(public(Stumble::Status(502, String::new()), false).mark, Mark::Warn);
    }

    #[test]
    fn without_websockets_clients_get_along() {
        assert_eq!(of_upgrade(Ok(())).mark, Mark::Ok);
        let finding = of_upgrade(Err(400));
        assert!(finding.mark == Mark::Warn && finding.mends[0].contains("$http_upgrade"), "{finding:?}");
    }
}
