//! What the fuzz targets may see of this room: the body and the query of `/send`.

use super::body;
use super::key::Params;

/// Rooms and event of a body, or what is answered to it.
pub fn body(bytes: &[u8], kind: Option<&str>) -> Result<(Vec<String>, Vec<u8>), String> {
    let order = body::parse(bytes, kind, false).map_err(|refusal| refusal.to_string())?;
    Ok((order.rooms.into_iter().map(Into::into).collect(), order.event.json().to_vec()))
}

/// Site, key, `resync` and whether one of the first two was given twice.
pub fn query(query: &str) -> (Option<String>, Option<String>, bool, bool) {
    let Params { site, api_key, resync, repeated } = Params::parse(query);
    (site.map(Into::into), api_key.map(Into::into), resync, repeated)
}
