//! One site: its names, its web server, what proxies send, and a client's first steps.

use super::address::PublicAddress;
use super::bench_redis::Known;
use super::entrance::Local;
use super::finding::Finding;
use super::handshake::{self, Way};
use super::proxy;
use super::report::Report;
use super::subject::Subject;
use super::web::Visit;
use crate::config::Server;
use crate::domain::CredentialRule;
use crate::protocol::frappe::Credential;
use crate::protocol::frappe::probe::{Door, Probe, Stumble};

/// What is the same for all sites.
pub(super) struct Round<'a> {
    pub(super) server: &'a Server,
    /// The Postroom that runs here.
    pub(super) local: Option<&'a Local>,
    /// Where browsers come, if that was said.
    pub(super) address: Option<&'a PublicAddress>,
    /// What the command line gives to prove somebody with.
    pub(super) credential: Option<&'a Credential>,
}

/// What a client's first steps came to.
#[derive(Default)]
struct Steps {
    findings: Vec<Finding>,
    /// It was let in by the address that browsers use.
    got_through: bool,
}

impl Round<'_> {
    pub(super) async fn look(
        &self,
        subject: &Subject,
        known: Known,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        report.about(&format!("site {}", subject.site.name));
        report.add_all(&names(subject));
        let probe = Probe::new()?;
        report.wait_for("the web server");
        let (address, credential) = (self.address, self.credential);
        let mut visit = Visit { probe: &probe, subject, known, address, credential };
        let findings = visit.look().await;
        report.add_all(&findings);
        let own = PublicAddress::of_site(subject.site.name.as_str());
        let address = address.unwrap_or(&own);
        report.wait_for("a client's first steps");
        let steps = self.steps(&probe, subject, address).await?;
        report.add(&proxy::with_template(subject, address, steps.got_through));
        report.add_all(&steps.findings);
        Ok(())
    }

    async fn steps(
        &self,
        probe: &Probe,
        subject: &Subject,
        address: &PublicAddress,
    ) -> anyhow::Result<Steps> {
        let mut steps = Steps::default();
        if self.credential.is_none() && takes_tokens_alone(subject) {
            let text = "it takes tokens alone: give --token to try a client's first steps";
            steps.findings.push(Finding::ok(text));
            return Ok(steps);
        }
        if let Some(local) = self.local {
            let outcome = self.enter_here(local, probe, subject, address).await?;
            steps.findings.push(handshake::finding(&Way::Local, &outcome, subject));
        }
        if self.address.is_some() {
            self.enter_there(probe, subject, address, &mut steps).await;
        } else {
            let text =
                "the way through the proxy was not tried: give the address that browsers use with --url";
            steps.findings.push(Finding::ok(text));
        }
        Ok(steps)
    }

    /// As bench's nginx would bring a client.
    async fn enter_here(
        &self,
        local: &Local,
        probe: &Probe,
        subject: &Subject,
        address: &PublicAddress,
    ) -> anyhow::Result<Result<(), Stumble>> {
        let approach = proxy::accepted(subject, address);
        let set = [
            ("host", approach.host),
            ("origin", approach.origin),
            ("x-frappe-site-name", approach.site_name),
        ];
        let mut headers = self.credentials();
        headers.extend(set.into_iter().filter_map(|(name, value)| Some((name, value?))));
        let door = self.door(local.base.clone(), subject, headers);
        Ok(match &local.socket {
            Some(socket) => Probe::by_socket(socket)?.enter(&door).await,
            None => probe.enter(&door).await,
        })
    }

    /// As a browser comes: it says from where only with what it posts, and with a WebSocket.
    async fn enter_there(
        &self,
        probe: &Probe,
        subject: &Subject,
        address: &PublicAddress,
        steps: &mut Steps,
    ) {
        let base = address.origin();
        let door = self.door(base.clone(), subject, self.credentials());
        let outcome = probe.enter(&door).await;
        let way = Way::Public { address: base.clone(), expected: self.local.is_some() };
        steps.findings.push(handshake::finding(&way, &outcome, subject));
        steps.got_through = outcome.is_ok();
        if steps.got_through {
            let mut headers = self.credentials();
            headers.push(("origin", base));
            let outcome = probe.upgrade(&Door { headers, ..door }).await;
            steps.findings.push(handshake::of_upgrade(outcome));
        } else {
            steps.findings.extend(proxy::with_none(subject, address));
        }
    }

    fn door(&self, base: String, subject: &Subject, headers: Vec<(&'static str, String)>) -> Door {
        let namespace = subject.namespace();
        Door { base, path: self.server.io.path.clone(), namespace: namespace.to_owned(), headers }
    }

    /// Who comes: the one of the command line, else a visitor.
    fn credentials(&self) -> Vec<(&'static str, String)> {
        let header = match self.credential {
            Some(Credential::Cookie(sid)) => ("cookie", format!("sid={}", sid.expose())),
            Some(Credential::Authorization(value)) => ("authorization", value.expose().to_owned()),
            None => ("cookie", "sid=Guest".to_owned()),
        };
        vec![header]
    }
}

fn takes_tokens_alone(subject: &Subject) -> bool {
    subject.site.frappe().is_some_and(|frappe| frappe.credentials == CredentialRule::Token)
}

fn names(subject: &Subject) -> Vec<Finding> {
    let Some(frappe) = subject.site.frappe() else { return Vec::new() };
    let namespace = subject.namespace();
    let mut hosts = vec![subject.site.name.to_string()];
    hosts.extend(frappe.aliases.iter().cloned());
    if frappe.is_default {
        hosts.extend(["localhost".to_owned(), "127.0.0.1".to_owned()]);
    }
    vec![Finding::ok(format!("clients come as {} to the namespace {namespace}", hosts.join(", ")))]
}
