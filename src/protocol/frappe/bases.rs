//! Which web server is asked about a client of a Frappe site.
//!
//! Frappe's own server asks wherever the client's `Origin` says, which a client that is no browser chooses freely: it could
//! have its own server confirm that it is the administrator. Here an `Origin` counts only where it names a host of the site,
//! and only where the web server of the bench cannot be reached on this machine.

use crate::domain::{Site, WebServer};

/// The host of an address or of a `Host` header: without scheme, path and port.
#[must_use]
pub fn hostname(text: &str) -> &str {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.starts_with('[') {
        return authority.find(']').and_then(|end| authority.get(..=end)).unwrap_or(authority);
    }
    authority.split(':').next().unwrap_or_default()
}

/// A web server that may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// Its address, without a slash at the end.
    pub url: String,
    /// The `Host` that it is asked for; `None`: that of the address.
    pub host: Option<String>,
}

impl Base {
    /// At an address that was configured. Where that is one that no virtual host has (a machine's own, a container's), it is
    /// asked for the site's name.
    fn configured(url: &str, site: &Site) -> Self {
        let host = hostname(url);
        let is_address =
            host.starts_with('[') || host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let nameless = is_address || !host.contains('.');
        Self { url: url.to_owned(), host: nameless.then(|| site.name.to_string()) }
    }
}

/// Web servers to try, in order; none where nothing is known that could be asked.
#[must_use]
pub fn bases(site: &Site, origin: Option<&str>) -> Vec<Base> {
    let Some(frappe) = site.frappe() else { return Vec::new() };
    match &frappe.web_server {
        WebServer::At(base) => vec![Base::configured(base, site)],
        WebServer::OfOrigin { port, local } => {
            // This machine's own names are those of its web server; an `Origin` with them may be of anything on it.
            let here = local.is_none() || port.is_some();
            let is_own = |host| site.is_named(host) || here && site.is_reached_at(host);
            let own = origin.filter(|origin| is_own(hostname(origin)));
            let own = own.and_then(|origin| of_origin(origin, *port)).map(|url| Base { url, host: None });
            // That of the bench first: a client chooses its `Origin` down to the port, and who else listens on the site's
            // host is not known.
            local.iter().map(|url| Base::configured(url, site)).chain(own).collect()
        }
    }
}

/// `https://host:port` of an `Origin`, with another port where that is asked for. `None` where it is anything more than that:
/// readers of addresses find hosts, paths and users in places where one does not look for them.
fn of_origin(origin: &str, port: Option<u16>) -> Option<String> {
    let (scheme, rest) =
        origin.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"))?;
    let host = hostname(rest);
    let own: Option<u16> = match rest.strip_prefix(host)? {
        "" => None,
        behind => Some(behind.strip_prefix(':')?.parse().ok()?),
    };
    Some(match port.or(own) {
        None => format!("{scheme}://{host}"),
        Some(port) => format!("{scheme}://{host}:{port}"),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{FrappeSite, Protocol};

    fn site(web_server: WebServer) -> Site {
        let mut frappe = FrappeSite::sample();
        frappe.web_server = web_server;
        frappe.aliases = vec!["erp.example.com".to_owned()];
        frappe.is_default = true;
        Site { protocol: Protocol::Frappe(Arc::new(frappe)), ..Site::sample("site1.local") }
    }

    #[test]
    fn a_host_is_found_in_addresses_and_headers() {
        for (text, host) in [
            ("https://a.b:8000/x", "a.b"),
            ("a.b:8000", "a.b"),
            ("a.b", "a.b"),
            ("http://[::1]:9000", "[::1]"),
            ("[::1", "[::1"),
            ("", ""),
            ("null", "null"),
        ] {
            assert_eq!(hostname(text), host, "{text}");
        }
    }

    #[test]
    fn only_an_origin_of_the_site_is_asked() {
        let local = || Some("http://127.0.0.1:8000".to_owned());
        let asked = |origin, port| {
            let bases = bases(&site(WebServer::OfOrigin { port, local: local() }), origin);
            bases.into_iter().map(|base| base.url).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            asked(Some("https://erp.example.com:444"), None),
            "http://127.0.0.1:8000 https://erp.example.com:444"
        );
        assert_eq!(
            asked(Some("http://localhost:9000"), Some(8001)),
            "http://127.0.0.1:8000 http://localhost:8001"
        );
        for foreign in [
            Some("https://evil.example"),
            Some("ftp://site1.local"),
            Some("http://evil@site1.local"),
            Some("http://site1.local:\\evil.example"),
            Some("http://site1.local:80/evil"),
            Some("http://site1.local:99999"),
            Some("null"),
            None,
        ] {
            assert_eq!(asked(foreign, None), "http://127.0.0.1:8000", "{foreign:?}");
        }
        let at = WebServer::At("http://backend:8000".to_owned());
        assert_eq!(bases(&site(at), Some("https://evil.example"))[0].url, "http://backend:8000");
    }

    #[test]
    fn a_server_without_a_public_name_is_asked_for_the_site() {
        for (base, host) in [
            ("http://127.0.0.1:8000", Some("site1.local")),
            ("http://[::1]:8000", Some("site1.local")),
            ("http://backend:8000", Some("site1.local")),
            ("https://erp.example.com", None),
        ] {
            let asked = bases(&site(WebServer::At(base.to_owned())), None);
            assert_eq!(asked[0].host.as_deref(), host, "{base}");
        }
        let page = WebServer::OfOrigin { port: None, local: None };
        let asked = bases(&site(page), Some("http://localhost:9000"));
        assert_eq!(asked, [Base { url: "http://localhost:9000".to_owned(), host: None }]);
    }
}
