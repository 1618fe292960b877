//! Which sites are looked at, and in which words their settings are named.

use std::sync::Arc;

use super::Examination;
use super::address::PublicAddress;
use super::finding::Finding;
use crate::config::Settings;
use crate::domain::{Secret, Site, SiteName};

/// More sites than these are looked at only by name.
const MOST: usize = 20;

/// A site, and where it comes from.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) site: Arc<Site>,
    pub(super) of_bench: bool,
}

impl Subject {
    /// How to let clients in by another host name.
    pub(super) fn alias(&self, host: &str) -> String {
        if self.of_bench {
            return format!("in config.yml: `frappe: {{siteAliases: [{host}={}]}}`", self.site.name);
        }
        format!("in sites.yml, below {}: `siteAliases: [{host}]`", self.site.name)
    }

    /// How to say where the web server is.
    pub(super) fn backend(&self) -> String {
        if self.of_bench {
            return "in sites/common_site_config.json: `webserver_host` and `webserver_port`; or in config.yml: `frappe: \
                    {backendUrl: http://127.0.0.1:8000}`"
                .to_owned();
        }
        format!("in sites.yml, below {}: `backendUrl: http://127.0.0.1:8000`", self.site.name)
    }

    /// How to say which Redis it is.
    pub(super) fn queue(&self) -> &'static str {
        queue(self.of_bench, self.in_root())
    }

    /// How to have the way of asking for permission found out.
    pub(super) fn permission(&self) -> String {
        if self.of_bench {
            return "in config.yml: `frappe: {permissionApi: auto}`".to_owned();
        }
        format!("in sites.yml, below {}: `permissionApi: auto`", self.site.name)
    }

    /// Its clients come to the root namespace, as those of version 14.
    fn in_root(&self) -> bool {
        self.site.frappe().is_some_and(|frappe| frappe.in_root_namespace)
    }

    /// The namespace that its clients come to.
    pub(super) fn namespace(&self) -> &str {
        if self.in_root() { "/" } else { self.site.name.namespace() }
    }

    pub(super) fn queue_of(&self) -> Option<&Secret> {
        self.site.frappe().map(|frappe| &frappe.redis_queue)
    }
}

/// How to say which Redis it is. Up to version 14 there was one for this alone, which the bench may name or not.
pub(super) fn queue(of_bench: bool, is_old: bool) -> &'static str {
    match (of_bench, is_old) {
        (true, false) => "`redis_queue` in sites/common_site_config.json",
        (true, true) => "`redis_socketio`, or without it `redis_queue`, in sites/common_site_config.json",
        (false, _) => "`redisQueue` in sites.yml",
    }
}

/// All Frappe sites there are.
pub(super) fn all(settings: &Settings) -> Vec<Subject> {
    let listed = settings.sites.iter().filter(|site| site.frappe().is_some());
    let mut all: Vec<Subject> =
        listed.map(|site| Subject { site: Arc::clone(site), of_bench: false }).collect();
    if let Some(bench) = &settings.bench {
        let known: Vec<SiteName> = all.iter().map(|subject| subject.site.name.clone()).collect();
        let sites = bench.site_names().into_iter().filter_map(|name| bench.site(&name));
        let sites = sites.filter(|site| !known.contains(&site.name));
        all.extend(sites.map(|site| Subject { site, of_bench: true }));
    }
    all
}

/// Those that are meant, and what there is to say about the choice.
pub(super) fn choose(
    all: Vec<Subject>,
    examination: &Examination,
    address: Option<&PublicAddress>,
) -> (Vec<Subject>, Vec<Finding>) {
    if all.is_empty() {
        let finding = Finding::fail("there is no Frappe site here")
            .mend("name the bench with --bench; `bench new-site` makes a site in it");
        return (all, vec![finding]);
    }
    if let Some(name) = &examination.site {
        return named(&all, name);
    }
    let meant = address.map(|address| {
        all.iter().filter(|subject| subject.site.is_reached_at(address.host())).cloned().collect::<Vec<_>>()
    });
    match (meant, address) {
        (Some(meant), _) if !meant.is_empty() => (meant, Vec::new()),
        (Some(_), Some(address)) if all.len() > 1 => {
            let finding = unknown_host(address.host(), &all);
            (Vec::new(), vec![finding])
        }
        _ => few(all),
    }
}

fn named(all: &[Subject], name: &str) -> (Vec<Subject>, Vec<Finding>) {
    let found = all.iter().find(|subject| subject.site.name.as_str() == name);
    if let Some(subject) = found {
        return (vec![subject.clone()], Vec::new());
    }
    if let Some(subject) = all.iter().find(|subject| subject.site.is_reached_at(name)) {
        let text = format!("`{name}` is a host name of the site {}", subject.site.name);
        return (vec![subject.clone()], vec![Finding::ok(text)]);
    }
    let finding = Finding::fail(format!("there is no site `{name}` here; there are {}", names(all)))
        .mend("a site is there while its folder sites/<name> has a file site_config.json; or it is one of sites.yml");
    (Vec::new(), vec![finding])
}

fn unknown_host(host: &str, all: &[Subject]) -> Finding {
    let finding = Finding::fail(format!("`{host}` is the name of no site here; there are {}", names(all)))
        .mend("name the site that is meant with --site");
    match all.first() {
        Some(first) => finding.mend(format!("if it is another name of a site: {}", first.alias(host))),
        None => finding,
    }
}

fn few(mut all: Vec<Subject>) -> (Vec<Subject>, Vec<Finding>) {
    let more = all.len().saturating_sub(MOST);
    all.truncate(MOST);
    let text = format!("only {MOST} sites are looked at, {more} more are not; name one with --site");
    let findings = if more > 0 { vec![Finding::warn(text)] } else { Vec::new() };
    (all, findings)
}

fn names(all: &[Subject]) -> String {
    let mut names: Vec<&str> = all.iter().take(MOST).map(|subject| subject.site.name.as_str()).collect();
    if all.len() > MOST {
        names.push("...");
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::finding::Mark;
    use super::*;
    use crate::domain::{FrappeSite, Protocol};

    fn subjects(count: usize) -> Vec<Subject> {
        let site = |number| {
            let mut frappe = FrappeSite::sample();
            frappe.aliases = vec![format!("shop{number}.example.com")];
            let name = format!("site{number}.local");
            let site = Site { protocol: Protocol::Frappe(Arc::new(frappe)), ..Site::sample(&name) };
            Subject { site: Arc::new(site), of_bench: true }
        };
        (0..count).map(site).collect()
    }

    fn chosen(count: usize, site: Option<&str>, url: Option<&str>) -> (Vec<String>, Vec<Mark>) {
        let examination = Examination { site: site.map(str::to_owned), ..Examination::default() };
        let address = url.map(|url| PublicAddress::read(url).unwrap());
        let (chosen, findings) = choose(subjects(count), &examination, address.as_ref());
        let names = chosen.iter().map(|subject| subject.site.name.to_string()).collect();
        (names, findings.iter().map(|finding| finding.mark).collect())
    }

    #[test]
    fn a_site_is_meant_by_its_name_by_a_host_or_by_the_address() {
        let one = |name: &str| vec![name.to_owned()];
        assert_eq!(chosen(3, Some("site1.local"), None), (one("site1.local"), vec![]));
        assert_eq!(chosen(3, Some("shop1.example.com"), None), (one("site1.local"), vec![Mark::Ok]));
        assert_eq!(chosen(3, None, Some("https://shop2.example.com")), (one("site2.local"), vec![]));
        // Only one can be meant: why it is not reached by that name is said where the headers are looked at.
        assert_eq!(chosen(1, None, Some("https://other.example.com")), (one("site0.local"), vec![]));
        assert_eq!(chosen(3, None, Some("https://other.example.com")), (vec![], vec![Mark::Fail]));
        assert_eq!(chosen(3, Some("nowhere"), None), (vec![], vec![Mark::Fail]));
        assert_eq!(chosen(0, None, None), (vec![], vec![Mark::Fail]));
    }

    #[test]
    fn of_very_many_only_some_are_looked_at_and_that_is_said() {
        assert_eq!(chosen(MOST, None, None).1, []);
        let (names, marks) = chosen(MOST + 1, None, None);
        assert_eq!((names.len(), marks), (MOST, vec![Mark::Warn]));
        let last = format!("site{MOST}.local");
        assert_eq!(chosen(MOST + 1, Some(&last), None), (vec![last], vec![]));
    }

    #[test]
    fn settings_are_named_where_they_are() {
        let of_bench = &subjects(1)[0];
        let listed = Subject { of_bench: false, ..of_bench.clone() };
        assert_eq!(
            of_bench.alias("a.example"),
            "in config.yml: `frappe: {siteAliases: [a.example=site0.local]}`"
        );
        assert_eq!(listed.alias("a.example"), "in sites.yml, below site0.local: `siteAliases: [a.example]`");
        assert!(
            of_bench.backend().contains("webserver_host") && listed.backend().contains("below site0.local")
        );
        assert!(listed.permission().contains("below site0.local"));
        let keys = [queue(true, false), queue(true, true), queue(false, true)];
        assert!(keys[0].starts_with("`redis_queue`") && keys[1].starts_with("`redis_socketio`"));
        assert!(keys[2].starts_with("`redisQueue`"));
    }
}
