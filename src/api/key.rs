//! Which site a backend speaks for, and its key. Checked before anything else of a request is read.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header;
use subtle::ConstantTimeEq;

use super::answer::Refusal;
use crate::domain::Site;
use crate::gateway::Shared;

/// A request whose key was found right.
pub(super) struct Authorized {
    /// The site.
    pub(super) site: Arc<Site>,
    /// The `resync` parameter.
    pub(super) resync: bool,
}

/// The query of `/send`.
#[derive(Default)]
pub(super) struct Params {
    pub(super) site: Option<String>,
    pub(super) api_key: Option<String>,
    pub(super) resync: bool,
    /// A key was given more than once.
    pub(super) repeated: bool,
}

impl Params {
    pub(super) fn parse(query: &str) -> Self {
        let mut params = Self::default();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "site" => params.repeated |= params.site.replace(value.into_owned()).is_some(),
                "apiKey" => params.repeated |= params.api_key.replace(value.into_owned()).is_some(),
                "resync" => params.resync = is_on(&value),
                _ => {}
            }
        }
        params
    }
}

fn is_on(value: &str) -> bool {
    !["", "false", "0", "no"].iter().any(|off| value.eq_ignore_ascii_case(off))
}

impl Authorized {
    /// Checks a request.
    pub(super) fn check(request: &HttpRequest, shared: &Shared) -> Result<Self, Refusal> {
        let Params { site, api_key, resync, repeated } = Params::parse(request.query_string());
        let key = api_key.filter(|key| !key.is_empty()).or_else(|| header_key(request));
        let (Some(name), Some(key)) = (site.filter(|site| !site.is_empty()), key) else {
            return Err(Refusal::MissingParam);
        };
        let site = shared.site(&name).filter(|_| !repeated).ok_or(Refusal::ApiKey)?;
        let right: bool = site.api_key.expose().as_bytes().ct_eq(key.as_bytes()).into();
        if right { Ok(Self { site: Arc::clone(site), resync }) } else { Err(Refusal::ApiKey) }
    }
}

/// The key in a header: `X-Api-Key: <key>` or `Authorization: Bearer <key>`.
fn header_key(request: &HttpRequest) -> Option<String> {
    let headers = request.headers();
    if let Some(key) = headers.get("x-api-key") {
        return Some(key.to_str().ok()?.to_owned());
    }
    let (scheme, key) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resync_is_off_when_it_says_so() {
        for (query, on) in [
            ("resync=true", true),
            ("resync=1", true),
            ("resync=yes", true),
            ("resync=false", false),
            ("resync=False", false),
            ("resync=0", false),
            ("resync=no", false),
            ("resync=", false),
            ("", false),
        ] {
            assert_eq!(Params::parse(query).resync, on, "{query}");
        }
    }

    #[test]
    fn a_repeated_key_is_noticed() {
        assert!(Params::parse("site=a&apiKey=x&apiKey=y").repeated);
        assert!(!Params::parse("site=a&apiKey=x").repeated);
    }
}
