//! What the door says to headers that nobody has sent yet: for the operator who sets up a proxy.

use super::door::{Knock, check};
use crate::domain::Site;

/// The headers of a client's request as a proxy would hand them on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Approach {
    /// `Host`.
    pub host: Option<String>,
    /// `Origin`.
    pub origin: Option<String>,
    /// `X-Frappe-Site-Name`.
    pub site_name: Option<String>,
    /// `X-Forwarded-Host`.
    pub forwarded_host: Option<String>,
}

/// A client with these headers would be turned away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnedAway {
    /// What it would be told.
    pub told: &'static str,
    /// What was expected and what came.
    pub detail: String,
}

/// Whether a client with these headers, and with something that proves who it is, may ask to join a site.
///
/// # Errors
/// [`TurnedAway`] where it may not.
pub fn rehearse(site: &Site, approach: &Approach) -> Result<(), TurnedAway> {
    let schemes = site.frappe().map(|frappe| frappe.token_schemes.as_slice()).unwrap_or_default();
    let token = format!("{} rehearsal", schemes.first().map_or("bearer", String::as_str));
    let knock = Knock {
        site_name: approach.site_name.as_deref(),
        host: approach.host.as_deref(),
        forwarded_host: approach.forwarded_host.as_deref(),
        origin: approach.origin.as_deref(),
        authorization: Some(&token),
        ..Knock::default()
    };
    match check(site, &knock) {
        Ok(_) => Ok(()),
        Err(denial) => Err(TurnedAway { told: denial.text, detail: denial.detail }),
    }
}
