//! What goes between a Frappe bench, its clients and us. The first byte says what follows: `p` something published, `s` an
//! event of a client, `k` seven headers in lines, `t` the same where tokens alone are taken, `o` an Origin, `l` a letter of a
//! neighbour.
//!
//! What is published is handed on to the letter; whoever is let in came from a host of the site or from the host that was
//! asked; no Origin makes us ask a foreign host; a letter that is read can be written and read again.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use postroom::domain::{FrappeSite, Protocol, Site, WebServer};
use postroom::frappe::fuzzing::{knock, letter, said};
use postroom::protocol::frappe::fuzzing::addresses;
use postroom::protocol::frappe::{Credential, Publication, hostname};
use serde_json::Value;
use url::Url;

const OWN: [&str; 4] = ["site1.local", "erp.example.com", "localhost", "127.0.0.1"];

fuzz_target!(|data: &[u8]| {
    let Some((kind, bytes)) = data.split_first() else { return };
    let text = std::str::from_utf8(bytes);
    match (kind, text) {
        (b'p', _) => published(bytes),
        (b's', Ok(json)) => drop(said(json)),
        (b'k' | b't', Ok(lines)) => knocks(lines, *kind == b't'),
        (b'o', Ok(origin)) => asked(origin),
        (b'l', _) => letters(bytes),
        _ => {}
    }
});

fn site() -> Site {
    let mut frappe = FrappeSite::sample();
    frappe.web_server = WebServer::OfOrigin { port: None, local: None };
    frappe.aliases = vec![OWN[1].to_owned()];
    frappe.is_default = true;
    Site { protocol: Protocol::Frappe(Arc::new(frappe)), ..Site::sample(OWN[0]) }
}

fn published(payload: &[u8]) {
    let Ok(publication) = Publication::parse(payload) else { return };
    let whole: Value = serde_json::from_slice(payload).unwrap_or_default();
    let event: Vec<Value> = match serde_json::from_slice(publication.event.json()) {
        Ok(event) => event,
        // Numbers that this reader does not hold are handed on all the same.
        Err(error) if error.to_string().contains("number out of range") => return,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(event.len(), 2);
    if !whole.is_null() {
        assert_eq!([&event[0], &event[1]], [&whole["event"], &whole["message"]]);
    }
    assert!(publication.room.is_none_or(|room| !room.is_empty()));
}

fn knocks(lines: &str, tokens_only: bool) {
    let mut lines = lines.split('\n').map(|line| Some(line).filter(|line| !line.is_empty()));
    let words: [Option<&str>; 7] = std::array::from_fn(|_| lines.next().flatten());
    let Ok(credential) = knock(&site(), &words, tokens_only) else { return };
    let [_, host, forwarded, origin, ..] = words;
    match credential {
        Credential::Cookie(sid) => assert!(!sid.expose().is_empty() && !tokens_only),
        Credential::Authorization(value) => assert!(!value.expose().is_empty()),
    }
    if let (Some(origin), false) = (origin.map(hostname), tokens_only) {
        let known = OWN.contains(&origin);
        assert!(known || [host, forwarded].iter().flatten().any(|host| hostname(host) == origin));
    }
}

fn asked(origin: &str) {
    for address in addresses(&site(), origin) {
        // What cannot be called is not called.
        let Ok(url) = Url::parse(&address) else { continue };
        assert!(url.host_str().is_some_and(|host| OWN.contains(&host)), "{address}");
        assert!(url.username().is_empty() && url.path() == "/", "{address}");
    }
}

fn letters(json: &[u8]) {
    let Some(written) = letter(json) else { return };
    assert!(letter(&written).is_some());
}
