//! A bench, and the sites that are in it at the moment.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::super::read_redis;
use super::site;
use crate::domain::{FrappeSite, Site, SiteName, WebServer};

/// A folder with Frappe sites. Sites come and go while the process runs (`bench new-site`, `bench drop-site`): one is there
/// exactly while its `sites/<name>/site_config.json` is.
#[derive(Debug)]
pub struct Bench {
    pub(super) root: PathBuf,
    pub(super) sites: PathBuf,
    pub(super) version: Option<Version>,
    pub(super) default_site: Option<String>,
    pub(super) aliases: Vec<(String, SiteName)>,
    /// What all its sites have in common.
    pub(super) template: FrappeSite,
    pub(super) found: Found,
}

/// The sites that were asked for and are there: who asks again gets the same one.
pub(super) type Found = Mutex<HashMap<SiteName, Arc<Site>>>;

/// The version of Frappe: 14, 15 or so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version(u32);

impl Version {
    /// As the code of the bench has it. `None` where the code is not there, as in containers of the realtime server alone.
    pub(super) fn of(root: &Path) -> Option<Self> {
        let code = std::fs::read_to_string(root.join("apps/frappe/frappe/__init__.py")).ok()?;
        let line = code.lines().find(|line| line.starts_with("__version__"))?;
        let (_, number) = line.split_once(['"', '\''])?;
        let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        number.get(..end)?.parse().ok().map(Self)
    }

    /// Whether its clients come to the root namespace.
    pub(super) fn is_in_root(self) -> bool {
        self.0 <= 14
    }
}

impl Bench {
    /// The site of this name, if it is there now. The same one, for as long as it is there.
    #[must_use]
    pub fn site(&self, name: &str) -> Option<Arc<Site>> {
        let name = SiteName::new(name).ok().filter(may_be_a_site)?;
        let is_there = self.file_of(name.as_str()).is_file();
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_there {
            found.remove(&name);
            return None;
        }
        let site = found.entry(name).or_insert_with_key(|name| Arc::new(self.make(name)));
        Some(Arc::clone(site))
    }

    /// The names of the sites that are there now, in order.
    #[must_use]
    pub fn site_names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.sites).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| self.site(name).is_some()).collect();
        names.sort();
        names
    }

    /// The name of the site that is meant by `localhost`, if the bench says so. It need not be there.
    #[must_use]
    pub fn default_site(&self) -> Option<&str> {
        self.default_site.as_deref()
    }

    /// The site for which this host name stands besides the site's own, if it is there now.
    #[must_use]
    pub fn site_of_alias(&self, host: &str) -> Option<Arc<Site>> {
        let (_, site) = self.aliases.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(host))?;
        self.site(site.as_str())
    }

    /// Its folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Its major version, if its code is there.
    #[must_use]
    pub fn version(&self) -> Option<u32> {
        self.version.map(|Version(major)| major)
    }

    /// What all its sites have in common, before their aliases.
    #[must_use]
    pub fn common(&self) -> &FrappeSite {
        &self.template
    }

    pub(super) fn file_of(&self, name: &str) -> PathBuf {
        self.sites.join(name).join("site_config.json")
    }

    fn make(&self, name: &SiteName) -> Site {
        let aliases = self.aliases.iter().filter(|(_, site)| site == name).map(|(host, _)| host.clone());
        let frappe = FrappeSite {
            aliases: aliases.collect(),
            is_default: self.default_site() == Some(name.as_str()),
            ..self.template.clone()
        };
        site::of(name.clone(), frappe)
    }

    /// For people; several lines, each ended, without a password.
    pub(in super::super) fn describe(&self) -> String {
        let version = match self.version {
            Some(Version(major)) => format!("Frappe {major}"),
            None => "Frappe of a version that is not known".to_owned(),
        };
        let names = self.site_names();
        let mut text = format!("  bench {}: {version}, ", self.root.display());
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{} {}", names.len(), if names.len() == 1 { "site" } else { "sites" });
        let _ = writeln!(text, "  {}", describe(&self.template));
        let namespace = if self.template.in_root_namespace { "/" } else { "/<site>" };
        let default = self.default_site().unwrap_or("none");
        let _ = writeln!(text, "  clients come to {namespace}, default site {default}");
        text
    }
}

/// Names come from clients. One has no slash in it, but `..` is a folder all the same; and `assets` is what all sites share.
fn may_be_a_site(name: &SiteName) -> bool {
    !name.as_str().starts_with('.') && name.as_str() != "assets"
}

/// Where a site is asked, and where it publishes.
pub(in super::super) fn describe(site: &FrappeSite) -> String {
    let web = match &site.web_server {
        WebServer::At(base) => base.clone(),
        WebServer::OfOrigin { port, local } => {
            let port = port.map(|port| format!(" with port {port}")).unwrap_or_default();
            let local = local.as_ref().map(|base| format!("{base}, else ")).unwrap_or_default();
            format!("{local}where the client's page is from{port}")
        }
    };
    let redis = read_redis::url(site.redis_queue.expose());
    let redis = redis.map_or_else(|_| "(not shown)".to_owned(), |url| read_redis::shown(&url).to_string());
    format!("web server {web}; Redis at {redis}")
}
