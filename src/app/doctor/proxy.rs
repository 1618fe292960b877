//! What the door says to the headers that proxies send.

use super::address::PublicAddress;
use super::finding::Finding;
use super::subject::Subject;
use crate::frappe::{Approach, TurnedAway, rehearse};

/// What the location of a proxy for clients must set.
pub(super) const NGINX: &str = "in nginx, location /socket.io: proxy_set_header Host $host; \
                                proxy_set_header Origin $scheme://$http_host; ";

/// As bench's nginx template sets them.
fn template(address: &PublicAddress) -> Approach {
    Approach {
        host: Some(address.host().to_owned()),
        origin: Some(address.origin()),
        site_name: Some(address.host().to_owned()),
        forwarded_host: None,
    }
}

/// From a proxy that sets none: it asks for the address where it sends to, and browsers do not say with their first request
/// from where they come.
fn bare() -> Approach {
    Approach { host: Some("127.0.0.1".to_owned()), ..Approach::default() }
}

/// Headers with which a client is let in to ask, if anyhow: with the template's, or with the site named besides.
pub(super) fn accepted(subject: &Subject, address: &PublicAddress) -> Approach {
    let approach = template(address);
    if rehearse(&subject.site, &approach).is_ok() {
        return approach;
    }
    Approach { site_name: Some(subject.site.name.to_string()), ..approach }
}

/// With the headers of bench's nginx template. Where a client got through by this address, the proxy knows better.
pub(super) fn with_template(subject: &Subject, address: &PublicAddress, got_through: bool) -> Finding {
    let (origin, host) = (address.origin(), address.host());
    let headers = format!("Host {host}, Origin {origin}, X-Frappe-Site-Name {host}");
    match rehearse(&subject.site, &template(address)) {
        Ok(()) => Finding::ok(format!("the headers of bench's nginx template are accepted: {headers}")),
        Err(_) if got_through => Finding::ok(format!(
            "clients get in; only with bench's own nginx template would {host} be no name of the site"
        )),
        Err(TurnedAway { told, .. }) => {
            let text = format!("clients that come as {host} are turned away with '{told}' ({headers})");
            let name = &subject.site.name;
            Finding::fail(text)
                .mend(subject.alias(host))
                .mend(format!("or {NGINX}proxy_set_header X-Frappe-Site-Name {name};"))
        }
    }
}

/// With none of them set, where the template's would do.
pub(super) fn with_none(subject: &Subject, address: &PublicAddress) -> Option<Finding> {
    rehearse(&subject.site, &template(address)).ok()?;
    let TurnedAway { told, .. } = rehearse(&subject.site, &bare()).err()?;
    let text = format!("a proxy that sets none of these headers has clients turned away with '{told}'");
    let site = &subject.site.name;
    Some(Finding::warn(text).mend(format!("{NGINX}proxy_set_header X-Frappe-Site-Name {site};")))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::finding::Mark;
    use super::*;
    use crate::domain::{FrappeSite, Protocol, Site};

    fn subject(aliases: &[&str]) -> Subject {
        let mut frappe = FrappeSite::sample();
        frappe.aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
        let site = Site { protocol: Protocol::Frappe(Arc::new(frappe)), ..Site::sample("site1.local") };
        Subject { site: Arc::new(site), of_bench: true }
    }

    #[test]
    fn a_host_that_is_no_name_of_the_site_fails_and_an_alias_mends_it() {
        let address = PublicAddress::read("https://erp.example.com").unwrap();
        let finding = with_template(&subject(&[]), &address, false);
        assert!(finding.mark == Mark::Fail && finding.text.contains("'Invalid namespace'"), "{finding:?}");
        assert!(finding.mends[0].contains("siteAliases: [erp.example.com=site1.local]"), "{finding:?}");
        assert_eq!(with_template(&subject(&["erp.example.com"]), &address, false).mark, Mark::Ok);
        assert_eq!(with_template(&subject(&[]), &address, true).mark, Mark::Ok);
        assert_eq!(accepted(&subject(&[]), &address).site_name.as_deref(), Some("site1.local"));
        let own = PublicAddress::read("http://site1.local:8000").unwrap();
        assert_eq!(with_template(&subject(&[]), &own, false).mark, Mark::Ok);
    }

    #[test]
    fn a_proxy_that_sets_nothing_is_warned_of_where_that_is_what_is_left() {
        let address = PublicAddress::read("https://erp.example.com").unwrap();
        let finding = with_none(&subject(&["erp.example.com"]), &address).unwrap();
        assert!(finding.mends[0].contains("X-Frappe-Site-Name site1.local;"), "{finding:?}");
        assert_eq!(with_none(&subject(&[]), &address), None);
        // The address where the proxy sends to may mean the site.
        assert_eq!(with_none(&subject(&["erp.example.com", "127.0.0.1"]), &address), None);
    }
}
