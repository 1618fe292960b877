//! Who may knock at a Frappe site: the checks before its web server is asked, in the order and with the words of Frappe's own
//! server.

use crate::domain::{CredentialRule, Secret, Site};
use crate::protocol::frappe::{Credential, hostname};

/// What a client brings along.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Knock<'a> {
    /// `X-Frappe-Site-Name`.
    pub(super) site_name: Option<&'a str>,
    /// `Host`.
    pub(super) host: Option<&'a str>,
    /// `X-Forwarded-Host`.
    pub(super) forwarded_host: Option<&'a str>,
    /// `Origin`.
    pub(super) origin: Option<&'a str>,
    /// `Cookie`.
    pub(super) cookie: Option<&'a str>,
    /// `Authorization`.
    pub(super) authorization: Option<&'a str>,
    /// `token` of the CONNECT payload.
    pub(super) token: Option<&'a str>,
    /// It came in where tokens alone are taken.
    pub(super) tokens_only: bool,
}

/// Why a client is turned away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Denial {
    /// What the client is told.
    pub(super) text: &'static str,
    /// What was expected and what came, for the log.
    pub(super) detail: String,
}

const NO_CREDENTIAL: &str = "Missing cookie and authorization header. Either one needed for authentication.";
const NO_METHOD: &str = "No authentication method used. Use cookie or authorization header.";
const NO_TOKEN: &str = "Authentication required. Provide token via auth option or Authorization header.";
const BAD_TOKEN: &str = "Invalid token format. Expected: 'Bearer <token>'";

/// Checks a client that wants to join `site`.
pub(super) fn check(site: &Site, knock: &Knock<'_>) -> Result<Credential, Denial> {
    let Some(frappe) = site.frappe() else { return Err(denial("Invalid namespace", String::new())) };
    let tokens_only = knock.tokens_only || matches!(frappe.credentials, CredentialRule::Token);
    check_name(site, knock, tokens_only)?;
    if tokens_only {
        // A token is not sent by a browser on its own accord, as a cookie is: from where it comes does not matter.
        return token(&frappe.token_schemes, knock);
    }
    check_origin(site, knock, frappe.origin_required)?;
    cookie_or_header(knock)
}

/// The site that a client means by the address that it uses, as Frappe's own server finds it.
fn named<'a>(knock: &Knock<'a>) -> Option<&'a str> {
    let name = knock.site_name.filter(|name| !name.is_empty());
    name.or(knock.origin).or(knock.host).map(hostname)
}

/// The default site is meant where the address is that of the machine, and nothing names another one: a proxy that sets
/// `X-Frappe-Site-Name` to the host, as bench's does, says no more than that.
fn is_default(site: &Site, knock: &Knock<'_>) -> bool {
    let host = knock.host.map(hostname).filter(|host| !site.is_named(host));
    let name = knock.site_name.filter(|name| !name.is_empty()).map(hostname);
    (name.is_none() || name == host) && host.is_some_and(|host| site.is_reached_at(host))
}

/// The host that the client asked the first of several proxies for.
fn forwarded_host<'a>(knock: &Knock<'a>) -> Option<&'a str> {
    let first = knock.forwarded_host?.split(',').next()?;
    Some(hostname(first.trim()))
}

/// The site is meant where a proxy asks for another host than it was asked for, and nothing but that tells: browsers send no
/// `Origin` with the first request to a page's own host.
fn is_forwarded(site: &Site, knock: &Knock<'_>) -> bool {
    let says_more = knock.site_name.is_some_and(|name| !name.is_empty()) || knock.origin.is_some();
    !says_more && forwarded_host(knock).is_some_and(|host| site.is_named(host))
}

fn check_name(site: &Site, knock: &Knock<'_>, tokens_only: bool) -> Result<(), Denial> {
    if tokens_only && knock.site_name.is_none() {
        return Ok(());
    }
    match named(knock) {
        _ if is_default(site, knock) || is_forwarded(site, knock) => Ok(()),
        Some(name) if site.is_named(name) => Ok(()),
        name => Err(denial(
            "Invalid namespace",
            format!(
                "the address means the site {:?}, not this one; add that name to `siteAliases`, or have the proxy set \
                 `X-Frappe-Site-Name: {}`",
                name.unwrap_or_default(),
                site.name
            ),
        )),
    }
}

fn check_origin(site: &Site, knock: &Knock<'_>, required: bool) -> Result<(), Denial> {
    let host = knock.host.map(hostname).filter(|host| !host.is_empty());
    let detail = || {
        format!(
            "Host is {:?}, Origin {:?}; have the proxy set both, or add the host of the Origin to `siteAliases`",
            knock.host.unwrap_or_default(),
            knock.origin.unwrap_or_default()
        )
    };
    let Some(host) = host else { return Err(denial("Invalid origin", detail())) };
    let Some(origin) = knock.origin.map(hostname) else {
        // Browsers send none with the first request to a page's own host.
        return if required { Err(denial("Invalid origin", detail())) } else { Ok(()) };
    };
    if origin == host || Some(origin) == forwarded_host(knock) || site.is_named(origin) {
        return Ok(());
    }
    Err(denial("Invalid origin", detail()))
}

fn cookie_or_header(knock: &Knock<'_>) -> Result<Credential, Denial> {
    if let Some(header) = knock.authorization.filter(|header| !header.is_empty()) {
        return Ok(Credential::Authorization(Secret::new(header)));
    }
    let Some(cookie) = knock.cookie.filter(|cookie| !cookie.is_empty()) else {
        let detail = "the request has neither a cookie nor an Authorization header; a page must connect \
                      `withCredentials`, from the site's own host";
        return Err(denial(NO_CREDENTIAL, detail.to_owned()));
    };
    let sid = sid(cookie).filter(|sid| !sid.is_empty());
    let sid =
        sid.ok_or_else(|| denial(NO_METHOD, "there are cookies, but no `sid` among them".to_owned()))?;
    Ok(Credential::Cookie(Secret::new(sid)))
}

fn token(schemes: &[String], knock: &Knock<'_>) -> Result<Credential, Denial> {
    let given = knock.token.filter(|token| !token.is_empty());
    let given = given.or(knock.authorization).map(str::trim).filter(|token| !token.is_empty());
    let missing = || denial(NO_TOKEN, "neither the CONNECT payload nor a header has a token".to_owned());
    let given = given.ok_or_else(missing)?;
    let of_payload = knock.token.is_some_and(|token| !token.is_empty());
    match given.split_once(' ') {
        Some((scheme, token)) if !token.trim().is_empty() => {
            if schemes.iter().any(|known| known.eq_ignore_ascii_case(scheme)) {
                return Ok(Credential::Authorization(Secret::new(given)));
            }
            let scheme = if is_word(scheme) { scheme } else { "(not shown)" };
            let detail = format!("the scheme {scheme:?} is none of `tokenSchemes` ({})", schemes.join(", "));
            Err(denial(BAD_TOKEN, detail))
        }
        None if of_payload => Ok(Credential::Authorization(Secret::new(format!("Bearer {given}")))),
        _ => Err(denial(
            BAD_TOKEN,
            "there is a scheme without a token, or a token without a scheme".to_owned(),
        )),
    }
}

/// Whether it looks like a scheme. Else it may be a part of the token, which is not for the log.
fn is_word(scheme: &str) -> bool {
    scheme.len() <= 10 && scheme.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// The `sid` of a Cookie header, read as the npm package `cookie` does it: the first one counts, quotes are optional,
/// percent-encoding is undone where it is valid.
fn sid(cookie: &str) -> Option<String> {
    let pairs = cookie.split(';').filter_map(|pair| pair.split_once('='));
    let value = pairs.map(|(name, value)| (name.trim(), value.trim())).find(|(name, _)| *name == "sid")?.1;
    let value = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    Some(decoded(value).unwrap_or_else(|| value.to_owned()))
}

/// `None` where a percent sign begins nothing, or what comes out is no text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        if *first == b'%' {
            let (digits, behind) = behind.split_at_checked(2)?;
            let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = behind;
        } else {
            bytes.push(*first);
            rest = behind;
        }
    }
    String::from_utf8(bytes).ok()
}

fn denial(text: &'static str, detail: String) -> Denial {
    Denial { text, detail }
}

#[cfg(test)]
mod tests;
