//! What the gateways of all workers share.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::switchboard::Switchboard;
use crate::broker::Broker;
use crate::domain::{DeviceTtl, Flake, MessageId, Site};
use crate::protocol::SiteProtocol;
use crate::store::{PageLimit, Store};

/// Finds sites that are not in the configuration: those of a Frappe bench come and go. Asked each time; it does not wait for
/// anything but the file system.
pub trait SiteFinder: Send + Sync {
    /// The site of this name.
    fn named(&self, name: &str) -> Option<Arc<Site>>;

    /// The site that is reached under this host name, which is not its own.
    fn at_host(&self, host: &str) -> Option<Arc<Site>>;
}

/// The sites of this process, by name.
#[derive(Default)]
pub struct Sites {
    known: HashMap<Box<str>, Arc<Site>>,
    finder: Option<Box<dyn SiteFinder>>,
}

impl Sites {
    /// These sites, and those that `finder` finds.
    #[must_use]
    pub fn new(sites: impl IntoIterator<Item = Arc<Site>>, finder: Option<Box<dyn SiteFinder>>) -> Self {
        let known = sites.into_iter().map(|site| (site.name.as_str().into(), site)).collect();
        Self { known, finder }
    }

    /// The site of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<Site>> {
        let known = self.known.get(name).cloned();
        known.or_else(|| self.finder.as_ref().and_then(|finder| finder.named(name)))
    }

    /// The Frappe site that is reached under this host name, its own or another one.
    #[must_use]
    pub fn at_host(&self, host: &str) -> Option<Arc<Site>> {
        let here = || self.known.values().find(|site| site.is_reached_at(host)).cloned();
        let elsewhere = || self.finder.as_ref().and_then(|finder| finder.at_host(host));
        self.get(host).or_else(here).or_else(elsewhere)
    }
}

/// What a [`Shared`] is made of.
pub struct SharedParts {
    /// The sites.
    pub sites: Sites,
    /// Keeps devices and inboxes.
    pub store: Arc<dyn Store>,
    /// Carries what is not kept.
    pub broker: Arc<dyn Broker>,
    /// Speaks with the sites' servers.
    pub protocol: Arc<dyn SiteProtocol>,
    /// The lines to the workers.
    pub switchboard: Arc<Switchboard>,
    /// Makes message ids.
    pub flake: Flake,
    /// As `_settings` tells it to the clients.
    pub device_ttl: DeviceTtl,
    /// Bounds of one `_batch`.
    pub page: PageLimit,
}

/// What the gateways of all workers share.
pub struct Shared {
    pub(super) parts: SharedParts,
    draining: AtomicBool,
}

impl Shared {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: SharedParts) -> Arc<Self> {
        Arc::new(Self { parts, draining: AtomicBool::new(false) })
    }

    /// The site of this name.
    #[must_use]
    pub fn site(&self, name: &str) -> Option<Arc<Site>> {
        self.parts.sites.get(name)
    }

    /// All sites.
    #[must_use]
    pub fn sites(&self) -> &Sites {
        &self.parts.sites
    }

    /// The id of a new message.
    #[must_use]
    pub fn next_id(&self) -> MessageId {
        self.parts.flake.next()
    }

    /// The lines to the workers.
    #[must_use]
    pub fn switchboard(&self) -> &Arc<Switchboard> {
        &self.parts.switchboard
    }

    /// The store, for its health and counters.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.parts.store
    }

    /// As `_settings` tells it to the clients.
    #[must_use]
    pub fn device_ttl(&self) -> DeviceTtl {
        self.parts.device_ttl
    }

    /// From now on nobody new is let in.
    pub fn begin_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the workers have applied all messages that they were told of.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.parts.switchboard.is_quiet()
    }

    /// Whether this node is about to stop.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
