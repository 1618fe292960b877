//! `postroom doctor`: looks at everything that a Frappe site needs of its surroundings, step by step, and names the mend where
//! something is wrong. It changes nothing.

mod address;
mod bench_redis;
mod entrance;
mod finding;
mod handshake;
mod proxy;
mod report;
mod site;
mod subject;
mod web;

use std::collections::HashMap;
use std::path::Path;

use crate::config::{self, Problems, Settings, Sources};
use crate::domain::Secret;
use crate::protocol::frappe::Credential;
use crate::protocol::frappe::probe::BenchRedis;
use address::PublicAddress;
use bench_redis::Known;
use finding::Finding;
use report::Report;
use subject::Subject;

/// What is to be looked at.
#[derive(Clone, Default)]
pub struct Examination {
    /// Frappe sites, and all they need.
    pub frappe: bool,
    /// One site alone.
    pub site: Option<String>,
    /// The address at which browsers come.
    pub url: Option<String>,
    /// A `sid` cookie to try.
    pub sid: Option<String>,
    /// A value of `Authorization` to try.
    pub token: Option<String>,
}

impl Examination {
    /// People copy the cookie with its name.
    fn credential(&self) -> Option<Credential> {
        let sid = self.sid.as_deref().map(str::trim);
        let sid = sid.map(|sid| Credential::Cookie(Secret::new(sid.strip_prefix("sid=").unwrap_or(sid))));
        sid.or_else(|| {
            self.token.as_deref().map(|token| Credential::Authorization(Secret::new(token.trim())))
        })
    }
}

/// Looks, and says what it finds. Whether nothing fails.
///
/// # Errors
/// When it cannot look, or what is asked of it makes no sense.
pub fn doctor(sources: &Sources, examination: &Examination) -> anyhow::Result<bool> {
    let address = examination.url.as_deref().map(PublicAddress::read).transpose();
    let address = address.map_err(|why| anyhow::anyhow!(why))?;
    let mut report = Report::default();
    report.about("settings");
    let sources = if examination.frappe { of_bench(sources) } else { sources.clone() };
    let settings = match config::load(&sources) {
        Ok(settings) => settings,
        Err(problems) => {
            report.add_all(&of_problems(&problems));
            return Ok(report.end());
        }
    };
    report.add_all(&of_settings(&settings));
    if !examination.frappe {
        report.add(&Finding::ok("`postroom doctor --frappe` also looks at what Frappe sites need"));
        return Ok(report.end());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(examine(&settings, examination, address.as_ref(), &mut report))?;
    // A name lookup that hangs in the system must not keep the process.
    runtime.shutdown_background();
    Ok(report.end())
}

/// As `postroom frappe` would read them, unless there are sites of a list.
fn of_bench(sources: &Sources) -> Sources {
    let is_set = |name: &str| sources.env.get(name).is_some_and(|value| !value.is_empty());
    let named = sources.sites.is_some() || is_set("POSTROOM_SITES") || is_set("SITE_NAME");
    let listed = named || (Path::new("sites.yml").exists() && !Path::new("sites").is_dir());
    Sources { frappe: sources.bench.is_some() || !listed, ..sources.clone() }
}

fn of_problems(problems: &Problems) -> Vec<Finding> {
    let errors = problems.errors.iter().map(|problem| Finding::fail(problem.to_string()));
    errors.chain(problems.warnings.iter().map(|problem| Finding::warn(problem.to_string()))).collect()
}

fn of_settings(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(bench) = &settings.bench {
        let version =
            bench.version().map_or("of a version that is not known".to_owned(), |major| major.to_string());
        let (root, sites) = (bench.root().display(), bench.site_names().len());
        findings.push(Finding::ok(format!("bench {root}: Frappe {version}, sites: {sites}")));
    }
    if !settings.sites.is_empty() {
        findings.push(Finding::ok(format!("sites of a list: {}", settings.sites.len())));
    }
    findings.extend(settings.warnings.iter().map(|problem| Finding::warn(problem.to_string())));
    findings
}

async fn examine(
    settings: &Settings,
    examination: &Examination,
    address: Option<&PublicAddress>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let (subjects, said) = subject::choose(subject::all(settings), examination, address);
    let credential = examination.credential();
    if credential.is_some() && subjects.len() > 1 {
        anyhow::bail!("--sid and --token are those of one site: name it with --site");
    }
    report.add_all(&said);
    report.about("entrance");
    report.wait_for("who is where clients come in");
    let (findings, local) = entrance::look(&settings.server).await?;
    report.add_all(&findings);
    let known = look_at_redis(settings, &subjects, report).await;
    let round = site::Round {
        server: &settings.server,
        local: local.as_ref(),
        address,
        credential: credential.as_ref(),
    };
    for subject in &subjects {
        let known = subject.queue_of().and_then(|queue| known.get(queue.expose())).cloned();
        round.look(subject, known.unwrap_or_default(), report).await?;
    }
    Ok(())
}

/// Each Redis once, with its secret.
async fn look_at_redis(
    settings: &Settings,
    subjects: &[Subject],
    report: &mut Report,
) -> HashMap<String, Known> {
    let of_bench = settings.bench.iter().map(|bench| {
        let common = bench.common();
        (common.redis_queue.clone(), subject::queue(true, common.in_root_namespace))
    });
    let of_sites = subjects.iter().filter_map(|subject| Some((subject.queue_of()?.clone(), subject.queue())));
    let mut known = HashMap::new();
    for (queue, key) in of_bench.chain(of_sites) {
        if known.contains_key(queue.expose()) {
            continue;
        }
        let address = BenchRedis::address(&queue).unwrap_or_else(|_| "(not shown)".to_owned());
        report.about(&format!("Redis {address}"));
        report.wait_for("Redis");
        let (findings, secret) = bench_redis::look(&queue, key).await;
        report.add_all(&findings);
        known.insert(queue.expose().to_owned(), secret);
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_may_be_copied_with_its_name() {
        for text in ["sid=abc", " abc ", "abc"] {
            let examination = Examination { sid: Some(text.to_owned()), ..Examination::default() };
            assert_eq!(examination.credential(), Some(Credential::Cookie(Secret::new("abc"))));
        }
        let examination = Examination { token: Some("Bearer x".to_owned()), ..Examination::default() };
        assert_eq!(examination.credential(), Some(Credential::Authorization(Secret::new("Bearer x"))));
    }

    #[test]
    fn a_list_of_sites_that_is_named_is_read_as_it_is_served() {
        let named = Sources { sites: Some("sites.yml".into()), ..Sources::default() };
        assert!(!of_bench(&named).frappe);
        let bench = Sources { bench: Some("/bench".into()), ..named };
        assert!(of_bench(&bench).frappe);
    }
}
