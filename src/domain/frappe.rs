//! What a Frappe site is: where its web server and its bench's Redis are, and whom it lets in.

use std::sync::Arc;

use super::app_events::AppEvents;
use super::site::Secret;

/// A site of a Frappe bench, beyond what every site is.
#[derive(Debug, Clone)]
// Each is a setting of its own.
#[allow(clippy::struct_excessive_bools)]
pub struct FrappeSite {
    /// Where its web server is asked who a client is and what it may see.
    pub web_server: WebServer,
    /// The Redis in which its bench publishes, and keeps the secret of its web server: `redis://`, `rediss://` or `unix://`
    /// (`redis_queue`). Sites with the same text are of one bench.
    pub redis_queue: Secret,
    /// Host names under which it is reached besides its own name.
    pub aliases: Vec<String>,
    /// It is the one that is meant by `localhost` and `127.0.0.1` (`default_site` of the bench).
    pub is_default: bool,
    /// Which method of its web server is asked for permission.
    pub permission_api: PermissionApi,
    /// What a client may prove itself with.
    pub credentials: CredentialRule,
    /// The words before a token that are taken, where tokens alone are (in lower case).
    pub token_schemes: Vec<String>,
    /// A client without an `Origin` header is not let in.
    pub origin_required: bool,
    /// Its bench is in developer mode: `open_in_editor` does something.
    pub developer_mode: bool,
    /// Its clients come to the root namespace, as those of version 14.
    pub in_root_namespace: bool,
    /// What the events of its apps mean.
    pub rules: Arc<AppEvents>,
}

impl FrappeSite {
    /// A site with the defaults and placeholder addresses; for tests.
    #[doc(hidden)]
    #[must_use]
    pub fn sample() -> Self {
        Self {
            web_server: WebServer::At("http://127.0.0.1:9".to_owned()),
            redis_queue: Secret::new("redis://127.0.0.1:9"),
            aliases: Vec::new(),
            is_default: false,
            permission_api: PermissionApi::default(),
            credentials: CredentialRule::default(),
            token_schemes: vec!["bearer".to_owned()],
            origin_required: false,
            developer_mode: false,
            in_root_namespace: false,
            rules: Arc::default(),
        }
    }
}

/// Where the web server of a Frappe site is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebServer {
    /// At this base address (absolute http or https URL without a slash at the end).
    At(String),
    /// Not configured: on this machine, or where the client's `Origin` says, as Frappe's own server takes it, if that is a host
    /// of the site.
    OfOrigin {
        /// Replaces the port of the `Origin` (developer mode).
        port: Option<u16>,
        /// The web server of the bench on this machine (as in `At`). It is asked first.
        local: Option<String>,
    },
}

/// Which method of a Frappe site is asked whether a user may see something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PermissionApi {
    /// Found out: `has_permission` where the site has it, else the older two.
    #[default]
    Auto,
    /// `frappe.realtime.has_permission` (version 16 and later).
    HasPermission,
    /// `frappe.realtime.can_subscribe_doc` and `can_subscribe_doctype` (14 and 15).
    CanSubscribe,
}

/// What a client of a Frappe site may prove itself with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CredentialRule {
    /// A `sid` cookie or any `Authorization` header, as Frappe's own server takes them.
    #[default]
    CookieOrHeader,
    /// A token alone, in the `Authorization` header or the CONNECT payload; cookies mean nothing.
    Token,
}
