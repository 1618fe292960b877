//! What the fuzz targets may see of this room: what a site answers, and what of a client's words goes to it.

use super::{ask, headers, user_id};
use crate::domain::{Secret, Site};

/// The rooms of an auth answer, or the line for the log.
pub fn rooms(body: &[u8]) -> Result<Vec<String>, String> {
    ask::rooms(body).map_err(|trouble| trouble.to_string())
}

/// The value of `Authorization`, where the token can be sent.
pub fn authorization(site: &Site, token: &str) -> Option<Vec<u8>> {
    Some(
        headers::authorization(&site.webservice()?.auth_scheme, Some(&Secret::new(token)))
            .ok()?
            .as_bytes()
            .to_vec(),
    )
}

/// Where a site is told about the user of a room.
pub fn user_url(site: &Site, room: &str) -> Option<(String, String)> {
    let id = user_id::user_id(site, room)?;
    Some((id.to_owned(), user_id::user_url(site.webservice()?.update_user_url.as_deref()?, id)))
}
