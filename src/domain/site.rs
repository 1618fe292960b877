//! A site: a tenant, one entry of `sites.yml`, one namespace.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::frappe::FrappeSite;

/// The name of a site: its key in `sites.yml`, its namespace without the slash, the `site` of `/send`.
/// One to 253 of `A-Z a-z 0-9 . _ -`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SiteName(
    /// The namespace: the name behind a slash.
    Arc<str>,
);

/// Why a name cannot be the name of a site.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a site name has 1 to 253 of the characters A-Z a-z 0-9 . _ -")]
pub struct SiteNameError;

impl SiteName {
    /// Checks and takes a name.
    ///
    /// # Errors
    /// [`SiteNameError`] when it is empty, too long or has another character.
    pub fn new(name: &str) -> Result<Self, SiteNameError> {
        let fits = (1..=253).contains(&name.len());
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if fits && plain { Ok(Self(format!("/{name}").into())) } else { Err(SiteNameError) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get(1..).unwrap_or_default()
    }

    /// The namespace: the name behind a slash.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SiteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A key or token. Never printed, not even by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// Takes a secret.
    #[must_use]
    pub fn new(secret: impl Into<Box<str>>) -> Self {
        Self(secret.into())
    }

    /// The secret itself; for comparing and for sending it to where it belongs.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What happens to an inbox that is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BoundPolicy {
    /// Clear it and owe the device a `_resync`.
    #[default]
    Resync,
    /// Drop the oldest entries until the new one fits.
    DropOldest,
}

/// How much one inbox may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueBounds {
    /// Entries.
    pub max_messages: u32,
    /// Bytes of event and args, added up.
    pub max_bytes: u64,
    /// What happens beyond.
    pub policy: BoundPolicy,
}

impl Default for QueueBounds {
    fn default() -> Self {
        Self { max_messages: 10_000, max_bytes: 16 << 20, policy: BoundPolicy::default() }
    }
}

/// How the server of a site is spoken to.
#[derive(Debug, Clone)]
pub enum Protocol {
    /// As crossroads/socket.io-webservice does it.
    Webservice(WebserviceSite),
    /// As Frappe's realtime server does it.
    Frappe(Arc<FrappeSite>),
}

/// Where the server of a site is that speaks the protocol of the original.
#[derive(Debug, Clone)]
pub struct WebserviceSite {
    /// Asked with the client's token which rooms it belongs to (absolute http or https URL).
    pub auth_url: String,
    /// The word before the token in `Authorization`, e.g. `Bearer`.
    pub auth_scheme: String,
    /// Told when a user comes and goes; has `:id` where the user's id belongs.
    pub update_user_url: Option<String>,
}

/// A tenant: how its clients are let in and how its messages are kept.
#[derive(Debug, Clone)]
pub struct Site {
    /// Its name.
    pub name: SiteName,
    /// How its own server is spoken to.
    pub protocol: Protocol,
    /// What a backend proves itself with; `None`: nobody may send to this site over HTTP.
    pub api_key: Option<Secret>,
    /// Rooms that start with it belong to one user, and messages are kept for them. `None`: plain broadcast.
    pub user_room_prefix: Option<Box<str>>,
    /// The room of the anonymous.
    pub public_channel: Option<Box<str>>,
    /// How long one call that asks its server about a client may take (default 10 s).
    pub auth_timeout: Duration,
    /// How many such calls may run at once (default 64).
    pub auth_concurrency: usize,
    /// Redeliver what was not acknowledged for this long; `None` (default): only after a reconnect.
    pub ack_timeout: Option<Duration>,
    /// Bounds of each inbox.
    pub queue: QueueBounds,
}

impl Site {
    /// Whether this is a host name of a Frappe site: its own, or another one that is configured.
    #[must_use]
    pub fn is_named(&self, host: &str) -> bool {
        let Some(frappe) = self.frappe() else { return false };
        host == self.name.as_str() || frappe.aliases.iter().any(|alias| alias == host)
    }

    /// Whether a Frappe site is reached where this is the `Host`: under its names, and under this machine's where it is the
    /// default one.
    #[must_use]
    pub fn is_reached_at(&self, host: &str) -> bool {
        let is_default = self.frappe().is_some_and(|frappe| frappe.is_default);
        self.is_named(host) || is_default && matches!(host, "localhost" | "127.0.0.1")
    }

    /// Whether messages are kept for the devices of this site, that is: whether it has a `userRoomPrefix`.
    #[must_use]
    pub fn keeps_messages(&self) -> bool {
        self.user_room_prefix.is_some()
    }

    /// Whether `room` belongs to one user.
    #[must_use]
    pub fn is_user_room(&self, room: &str) -> bool {
        self.user_room_prefix.as_deref().is_some_and(|prefix| room.starts_with(prefix))
    }

    /// Where its server is, where it speaks the protocol of the original.
    #[must_use]
    pub fn webservice(&self) -> Option<&WebserviceSite> {
        match &self.protocol {
            Protocol::Webservice(site) => Some(site),
            Protocol::Frappe(_) => None,
        }
    }

    /// The same, to be changed.
    pub fn webservice_mut(&mut self) -> Option<&mut WebserviceSite> {
        match &mut self.protocol {
            Protocol::Webservice(site) => Some(site),
            Protocol::Frappe(_) => None,
        }
    }

    /// What it is as a Frappe site, where it is one.
    #[must_use]
    pub fn frappe(&self) -> Option<&Arc<FrappeSite>> {
        match &self.protocol {
            Protocol::Frappe(site) => Some(site),
            Protocol::Webservice(_) => None,
        }
    }

    /// A site with the defaults and placeholder addresses; for tests and examples.
    #[doc(hidden)]
    #[must_use]
    pub fn sample(name: &str) -> Self {
        Self {
            name: SiteName(format!("/{name}").into()),
            protocol: Protocol::Webservice(WebserviceSite {
                auth_url: "http://127.0.0.1:9/auth".to_owned(),
                auth_scheme: "Bearer".to_owned(),
                update_user_url: None,
            }),
            api_key: Some(Secret::new("key")),
            user_room_prefix: None,
            public_channel: None,
            auth_timeout: Duration::from_secs(10),
            auth_concurrency: 64,
            ack_timeout: None,
            queue: QueueBounds::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_would_not_fit_into_a_packet_is_refused() {
        for bad in ["", "a b", "a,b", "a/b", "ä", "a?b", &"x".repeat(254)] {
            assert_eq!(SiteName::new(bad), Err(SiteNameError), "{bad}");
        }
        assert_eq!(SiteName::new("__proto__").unwrap().as_str(), "__proto__");
    }

    #[test]
    fn a_secret_does_not_print() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(..)");
    }
}
