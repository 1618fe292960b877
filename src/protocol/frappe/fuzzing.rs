//! What the fuzz targets may see of this room: which web servers are asked.

use super::bases;
use crate::domain::Site;

/// The addresses that are asked about a client with this `Origin`.
pub fn addresses(site: &Site, origin: &str) -> Vec<String> {
    bases::bases(site, Some(origin)).into_iter().map(|base| base.url).collect()
}
