//! What the fuzz targets may see of this room: what clients and neighbours say, and who is let in.

use super::door::{Knock, check};
use super::said;
use super::town::letter::Letter;
use crate::domain::Site;
use crate::protocol::frappe::Credential;

/// Whether a client with these headers may knock; what it proves itself with, or what it is told. In order: site name, host,
/// forwarded host, origin, cookie, authorization, token.
pub fn knock(site: &Site, words: &[Option<&str>; 7], tokens_only: bool) -> Result<Credential, &'static str> {
    let [site_name, host, forwarded_host, origin, cookie, authorization, token] = *words;
    let knock = Knock { site_name, host, forwarded_host, origin, cookie, authorization, token, tokens_only };
    check(site, &knock).map_err(|denial| denial.text)
}

/// Whether an event is read at all; what it comes to.
pub fn said(json: &str) -> Option<String> {
    said::read(json).ok().map(|said| format!("{said:?}"))
}

/// A letter of a neighbour, written again.
pub fn letter(json: &[u8]) -> Option<Vec<u8>> {
    Letter::read(json)?.to_json()
}
