//! The address at which browsers come.

use crate::protocol::frappe::hostname;

/// `https://erp.example.com`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PublicAddress {
    pub(super) scheme: String,
    /// Host, and port where one is written.
    authority: String,
}

impl PublicAddress {
    /// Reads what the command line says. A path behind it is that of a page, and of no interest.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let wanted = || "--url: an address such as https://erp.example.com".to_owned();
        let (scheme, rest) = text.split_once("://").ok_or_else(wanted)?;
        let scheme = scheme.to_ascii_lowercase();
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase();
        let is_plain = !authority.is_empty() && !authority.contains(['@', ' ', '\\']);
        let is_http = matches!(scheme.as_str(), "http" | "https");
        let has_host = !hostname(&authority).is_empty();
        if is_http && is_plain && has_host { Ok(Self { scheme, authority }) } else { Err(wanted()) }
    }

    /// As the main site's name is reached from this machine, where no address is given.
    pub(super) fn of_site(name: &str) -> Self {
        Self { scheme: "http".to_owned(), authority: name.to_owned() }
    }

    /// The `Origin` of a page there.
    pub(super) fn origin(&self) -> String {
        self.origin_as(&self.scheme)
    }

    /// The same, where TLS ends somewhere on the way.
    pub(super) fn origin_as(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.authority)
    }

    /// Without the port.
    pub(super) fn host(&self) -> &str {
        hostname(&self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let address = PublicAddress::read("HTTPS://Erp.Example.com:8443/app/todo?x#y").unwrap();
        assert_eq!(
            (address.origin().as_str(), address.host()),
            ("https://erp.example.com:8443", "erp.example.com")
        );
        assert_eq!(address.origin_as("http"), "http://erp.example.com:8443");
    }

    #[test]
    fn what_is_no_address_is_refused_and_a_password_is_not_repeated() {
        for bad in [
            "erp.example.com",
            "ftp://a",
            "https://",
            "https://:80",
            "https://me:hunter2@a.example",
            "https:///x",
        ] {
            let why = PublicAddress::read(bad).unwrap_err();
            assert!(why.starts_with("--url") && !why.contains("hunter2"), "{bad}: {why}");
        }
    }
}
