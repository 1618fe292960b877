//! The sample site behind `postroom demo`: a site, the backend of that site, and a web page with two users.
//!
//! It plays the part that a real site plays: it tells who a client is, hears who came and went, and has a page
//! in which clients connect. What must not live here: anything that a real site needs from Postroom. The demo
//! speaks with the gateway over the same wire as everybody else, and nothing imports it but the command.

mod backend;
mod page;

use actix_web::web;

use crate::domain::{Protocol, Secret, Site, WebserviceSite};

pub use backend::{Backend, Waiting};

/// What the demo's backend proves itself with. Public on purpose: the demo is for one's own machine, and its
/// page shows the key in the `curl` it prints.
pub const API_KEY: &str = "demo-key";

/// The name of the demo's site.
pub const SITE: &str = "demo";

/// The rooms that belong to one user begin with this.
const USER_ROOM_PREFIX: &str = "user_";

/// The sample site, as an entry of `sites.yml` would describe it. `base` is where the demo is reached, without
/// a trailing slash (`http://127.0.0.1:1337`).
#[must_use]
pub fn site(base: &str) -> Site {
    Site {
        protocol: Protocol::Webservice(WebserviceSite {
            auth_url: format!("{base}/demo/auth"),
            auth_scheme: "Bearer".to_owned(),
            update_user_url: Some(format!("{base}/demo/users/:id")),
        }),
        api_key: Some(Secret::new(API_KEY)),
        user_room_prefix: Some(USER_ROOM_PREFIX.into()),
        public_channel: None,
        ..Site::sample(SITE)
    }
}

/// Adds the page (`/`) and the sample backend (`/demo/...`) to an app that has a `web::Data<Backend>`.
pub fn configure(cfg: &mut web::ServiceConfig) {
    cfg.route("/", web::get().to(page::page)).service(backend::routes());
}

/// What the terminal shows when the demo has started: the address, and a `curl` that sends a message. `base` as
/// for [`site`].
#[must_use]
pub fn banner(base: &str) -> String {
    format!(
        r#"
  Postroom demo

  Open   {base}/

  Send   curl '{base}/send?site={SITE}' \
           -H 'Authorization: Bearer {API_KEY}' \
           -H 'Content-Type: application/json' \
           -H 'Accept: application/json' \
           -d '{{"rooms":["user_ada"],"event":"note","args":{{"text":"Hello from curl"}}}}'

  Stop   Ctrl-C
"#
    )
}

#[cfg(test)]
mod tests;
