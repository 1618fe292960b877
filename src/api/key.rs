//! Which site a backend speaks for, and its key. Checked before anything else of a request is read.

use std::borrow::Cow;
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
pub(super) struct Params<'a> {
    pub(super) site: Option<Cow<'a, str>>,
    pub(super) api_key: Option<Cow<'a, str>>,
    pub(super) resync: bool,
    /// A key was given more than once.
    pub(super) repeated: bool,
}

impl<'a> Params<'a> {
    /// The key, in the query or in a header.
    fn key(&mut self, request: &'a HttpRequest) -> Option<Cow<'a, str>> {
        self.api_key.take().filter(|key| !key.is_empty()).or_else(|| header_key(request))
    }

    pub(super) fn parse(query: &'a str) -> Self {
        let mut params = Self::default();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "site" => params.repeated |= params.site.replace(value).is_some(),
                "apiKey" => params.repeated |= params.api_key.replace(value).is_some(),
                "resync" => params.resync = is_on(&value),
                _ => {}
            }
        }
        params
    }

    /// The site of this name, if the key is right.
    fn open(&self, shared: &Shared, name: &str, key: &str) -> Option<Authorized> {
        let site = shared.site(name).filter(|_| !self.repeated)?;
        let right: bool = site.api_key.as_ref()?.expose().as_bytes().ct_eq(key.as_bytes()).into();
        right.then(|| Authorized { site: Arc::clone(&site), resync: self.resync })
    }
}

fn is_on(value: &str) -> bool {
    !["", "false", "0", "no"].iter().any(|off| value.eq_ignore_ascii_case(off))
}

impl Authorized {
    /// Checks a request.
    pub(super) fn check(request: &HttpRequest, shared: &Shared) -> Result<Self, Refusal> {
        let mut params = Params::parse(request.query_string());
        let key = params.key(request);
        let (Some(name), Some(key)) = (params.site.take().filter(|site| !site.is_empty()), key) else {
            return Err(Refusal::MissingParam);
        };
        params.open(shared, &name, &key).ok_or(Refusal::ApiKey)
    }

    /// Checks a request that names its site in its path.
    pub(super) fn check_path(request: &HttpRequest, name: &str, shared: &Shared) -> Result<Self, Refusal> {
        let mut params = Params::parse(request.query_string());
        let key = params.key(request).ok_or(Refusal::NoKey)?;
        params.open(shared, name, &key).ok_or(Refusal::WrongKey)
    }
}

/// The key in a header: `X-Api-Key: <key>` or `Authorization: Bearer <key>`.
fn header_key(request: &HttpRequest) -> Option<Cow<'_, str>> {
    let headers = request.headers();
    if let Some(key) = headers.get("x-api-key") {
        return Some(Cow::Borrowed(key.to_str().ok()?));
    }
    let (scheme, key) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Cow::Borrowed(key.trim()))
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
