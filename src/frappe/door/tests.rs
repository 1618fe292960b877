use std::sync::Arc;

use super::*;
use crate::domain::{FrappeSite, Protocol};

fn site(change: impl FnOnce(&mut FrappeSite)) -> Site {
    let mut frappe = FrappeSite::sample();
    change(&mut frappe);
    Site { protocol: Protocol::Frappe(Arc::new(frappe)), ..Site::sample("site1.local") }
}

/// A browser behind a proxy that sets what Frappe's template sets.
fn knock() -> Knock<'static> {
    Knock {
        host: Some("site1.local:8000"),
        origin: Some("https://site1.local"),
        cookie: Some("a=b; sid=s%201; sid=2"),
        ..Knock::default()
    }
}

fn told(site: &Site, knock: &Knock<'_>) -> &'static str {
    check(site, knock).map_or_else(|denial| denial.text, |_| "")
}

fn sent(site: &Site, knock: &Knock<'_>) -> String {
    match check(site, knock) {
        Ok(Credential::Cookie(sid)) => format!("sid={}", sid.expose()),
        Ok(Credential::Authorization(value)) => value.expose().to_owned(),
        Err(denial) => denial.text.to_owned(),
    }
}

#[test]
fn the_site_is_found_as_frappe_finds_it() {
    let plain = site(|_| ());
    assert_eq!(told(&plain, &knock()), "");
    let other = Some("other.local");
    // The header wins; scheme and port of it do not matter.
    for (header, text) in [("http://site1.local:8000", ""), ("other.local", "Invalid namespace")] {
        assert_eq!(told(&plain, &Knock { site_name: Some(header), ..knock() }), text, "{header}");
    }
    let foreign = Knock { host: other, origin: Some("https://other.local"), ..knock() };
    assert_eq!(told(&plain, &foreign), "Invalid namespace");
    assert_eq!(told(&site(|site| site.aliases.push("other.local".to_owned())), &foreign), "");
    // The default site is meant by this machine's own names.
    let here = Knock { host: Some("127.0.0.1:9000"), origin: None, ..knock() };
    assert_eq!(told(&plain, &here), "Invalid namespace");
    assert_eq!(told(&site(|site| site.is_default = true), &here), "");
    let proxied = Knock { site_name: Some("127.0.0.1"), ..here };
    assert_eq!(told(&site(|site| site.is_default = true), &proxied), "");
    let other = Knock { site_name: Some("other.local"), ..here };
    assert_eq!(told(&site(|site| site.is_default = true), &other), "Invalid namespace");
    assert_eq!(
        told(&site(|site| site.is_default = true), &Knock { site_name: Some("localhost"), ..knock() }),
        "Invalid namespace"
    );
}

#[test]
fn an_origin_must_be_of_the_host_or_of_the_site() {
    let plain = site(|_| ());
    let named = Knock { site_name: Some("site1.local"), host: Some("front.example"), ..knock() };
    for (origin, text) in [
        (Some("http://front.example:81"), ""),
        (Some("https://site1.local"), ""),
        (Some("https://evil.example"), "Invalid origin"),
        (Some("null"), "Invalid origin"),
        (None, ""),
    ] {
        assert_eq!(told(&plain, &Knock { origin, ..named }), text, "{origin:?}");
    }
    let strict = site(|site| site.origin_required = true);
    assert_eq!(told(&strict, &Knock { origin: None, ..named }), "Invalid origin");
    let forwarded =
        Knock { forwarded_host: Some("evil.example"), origin: Some("https://evil.example"), ..named };
    assert_eq!(told(&plain, &forwarded), "");
    let twice = Knock { forwarded_host: Some("evil.example:8, 10.0.0.7"), ..forwarded };
    assert_eq!(told(&plain, &twice), "");
    assert_eq!(told(&plain, &Knock { host: None, ..named }), "Invalid origin");
}

#[test]
fn a_proxy_that_asks_for_itself_says_for_whom() {
    let plain = site(|_| ());
    let behind =
        Knock { host: Some("realtime:9000"), forwarded_host: Some("site1.local"), origin: None, ..knock() };
    assert_eq!(told(&plain, &behind), "");
    for more in [
        Knock { forwarded_host: None, ..behind },
        Knock { forwarded_host: Some("other.local"), ..behind },
        Knock { site_name: Some("other.local"), ..behind },
        Knock { origin: Some("https://other.local"), ..behind },
    ] {
        assert_eq!(told(&plain, &more), "Invalid namespace", "{more:?}");
    }
}

#[test]
fn an_authorization_goes_before_the_cookie() {
    let plain = site(|_| ());
    assert_eq!(sent(&plain, &knock()), "sid=s 1");
    let both = Knock { authorization: Some("token k:s"), ..knock() };
    assert_eq!(sent(&plain, &both), "token k:s");
    for (cookie, text) in [
        (None, NO_CREDENTIAL),
        (Some(""), NO_CREDENTIAL),
        (Some("a=b"), NO_METHOD),
        (Some("sid="), NO_METHOD),
        (Some("sid=\"q\""), "sid=q"),
        (Some("sid=%zz"), "sid=%zz"),
        (Some("xsid=1"), NO_METHOD),
    ] {
        assert_eq!(sent(&plain, &Knock { cookie, ..knock() }), text, "{cookie:?}");
    }
}

#[test]
fn where_tokens_alone_are_taken_a_cookie_means_nothing() {
    let tokens = site(|site| {
        site.credentials = CredentialRule::Token;
        site.token_schemes = vec!["bearer".to_owned(), "token".to_owned()];
    });
    let bare = Knock { host: Some("10.0.0.1"), cookie: Some("sid=1"), ..Knock::default() };
    for (authorization, token, sent_on) in [
        (None, None, NO_TOKEN),
        (Some("Bearer x"), None, "Bearer x"),
        (Some("Token k:s"), None, "Token k:s"),
        (Some("Basic abc"), None, BAD_TOKEN),
        (Some("x"), None, BAD_TOKEN),
        (Some("Bearer "), None, BAD_TOKEN),
        (Some("Basic abc"), Some("y"), "Bearer y"),
        (None, Some("token k:s"), "token k:s"),
        (None, Some("basic abc"), BAD_TOKEN),
    ] {
        assert_eq!(
            sent(&tokens, &Knock { authorization, token, ..bare }),
            sent_on,
            "{authorization:?} {token:?}"
        );
    }
    for (authorization, shown) in [("Basic s3cret", "\"Basic\""), ("k3y:s3cret x", "(not shown)")] {
        let denial = check(&tokens, &Knock { authorization: Some(authorization), ..bare }).unwrap_err();
        assert!(denial.detail.contains(shown) && !denial.detail.contains("s3cret"), "{}", denial.detail);
    }
    // The same at an entrance for tokens alone, whatever the site takes elsewhere.
    let plain = site(|_| ());
    assert_eq!(sent(&plain, &Knock { tokens_only: true, ..knock() }), NO_TOKEN);
    let named = Knock { tokens_only: true, token: Some("x"), site_name: Some("other"), ..knock() };
    assert_eq!(sent(&plain, &named), "Invalid namespace");
}
