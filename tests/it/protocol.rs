//! The webservice site protocol against real servers on this machine.

use std::sync::Arc;
use std::time::Duration;

use postroom::domain::{Secret, Site};
use postroom::protocol::webservice::{Options, UpdateOptions, Webservice};
use postroom::protocol::{Credentials, Refusal, SiteProtocol};

use crate::support::site_server::{PATIENCE, SiteServer};

mod answers;
mod calls;
mod redirects;
mod updates;

/// The defaults, with waits that suit a test.
fn options() -> Options {
    let updates = UpdateOptions { first_delay: Duration::from_millis(2), ..UpdateOptions::default() };
    Options { updates, ..Options::default() }
}

fn webservice() -> Webservice {
    Webservice::start(options()).unwrap()
}

fn site(server: &SiteServer) -> Site {
    let mut site = Site::sample("demo");
    site.webservice_mut().unwrap().auth_url = server.url("/auth?app=1");
    site.webservice_mut().unwrap().update_user_url = Some(server.url("/users/:id"));
    site.user_room_prefix = Some("user_".into());
    site
}

fn credentials(token: Option<&str>, meta: Option<&str>) -> Credentials {
    Credentials { token: token.map(Secret::new), meta: meta.map(str::to_owned) }
}

/// Asks, and waits no longer than a test may.
async fn ask(webservice: &Webservice, site: &Arc<Site>, token: &str) -> Result<Vec<String>, Refusal> {
    let call = webservice.authorize(Arc::clone(site), credentials(Some(token), None));
    tokio::time::timeout(PATIENCE, call).await.expect("the call must end")
}
