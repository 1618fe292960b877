//! A site of `sites.yml` with `protocol: frappe`.

use std::sync::Arc;
use std::time::Duration;

use super::super::given::Fields;
use super::super::read_redis;
use super::super::value::{self, Wanted};
use super::rules::rules;
use crate::domain::{FrappeSite, Protocol, QueueBounds, Secret, Site, SiteName, WebServer};

/// Keys that mean something for a Frappe site alone.
const FRAPPE_ONLY: &[&str] = &[
    "backendUrl",
    "redisQueue",
    "siteAliases",
    "defaultSite",
    "permissionApi",
    "auth",
    "tokenSchemes",
    "requireOrigin",
    "developerMode",
    "rootNamespace",
];

const KEEPS_NOTHING: &str = "goes not with `protocol: frappe`: Frappe's clients acknowledge nothing, so that nothing is kept for them; delete it";

/// Keys that promise what a Frappe site does not do.
const REFUSED: &[(&str, &str)] = &[
    (
        "authUrl",
        "goes not with `protocol: frappe`: its own web server says who a client is; write where that is in `backendUrl`",
    ),
    (
        "authScheme",
        "goes not with `protocol: frappe`: which schemes are taken is said by `auth: token` and `tokenSchemes`",
    ),
    ("userRoomPrefix", KEEPS_NOTHING),
    ("updateUserUrl", "goes not with `protocol: frappe`: Frappe has no such call; delete it"),
    (
        "publicChannel",
        "goes not with `protocol: frappe`: visitors who are not logged in are in the rooms `website` and `user:Guest`; delete it",
    ),
];

/// Keys that are harmless there, and useless.
const USELESS: &[&str] = &["ackTimeout", "queue.maxMessages", "queue.maxBytes", "queue.policy"];

/// Whether a site that does not say so is meant to be one of Frappe. Its keys are errors in any case, but then they are the
/// only ones: what it lacks as a site of the other kind would lead astray.
pub(in super::super) fn is_meant(fields: &mut Fields<'_>) -> bool {
    let strayed: Vec<&str> = FRAPPE_ONLY.iter().copied().filter(|path| is_written(fields, path)).collect();
    for path in &strayed {
        fields.error(path, "is a setting of a Frappe site; add `protocol: frappe` beside it, or delete it");
    }
    !strayed.is_empty() && !fields.has("authUrl") && !fields.has("protocol")
}

/// Given, and not said to be wrong already.
fn is_written(fields: &Fields<'_>, path: &str) -> bool {
    fields.given.get(path).is_some_and(|given| given.text.is_some())
}

/// Reads what a site is as one of Frappe, reporting what is wrong. `None` only where something is.
pub(in super::super) fn site(fields: &mut Fields<'_>) -> Option<FrappeSite> {
    for (path, why) in REFUSED {
        if is_written(fields, path) {
            fields.error(path, *why);
        }
    }
    for path in USELESS {
        if is_written(fields, path) {
            fields.warn(path, "does nothing with `protocol: frappe`: nothing is kept for its clients");
        }
    }
    let web_server = web_server(fields);
    let mend = "add the URL of the Redis in which the site publishes: `redis_queue` in common_site_config.json of its bench";
    let redis_queue = fields.require("redisQueue", mend, redis_queue);
    let aliases =
        if fields.has("siteAliases") { fields.take("siteAliases", aliases) } else { Some(Vec::new()) };
    let is_default = fields.take("defaultSite", value::boolean);
    let rules = rules(fields, "");
    let developer_mode = fields.take("developerMode", value::boolean);
    let in_root_namespace = fields.take("rootNamespace", value::boolean);
    let rules = rules?;
    Some(FrappeSite {
        web_server: web_server?,
        redis_queue: redis_queue?,
        aliases: aliases?,
        is_default: is_default?,
        permission_api: rules.permission_api,
        credentials: rules.credentials,
        token_schemes: rules.token_schemes,
        origin_required: rules.origin_required,
        developer_mode: developer_mode?,
        in_root_namespace: in_root_namespace?,
        rules: Arc::default(),
    })
}

fn web_server(fields: &mut Fields<'_>) -> Option<WebServer> {
    if !fields.has("backendUrl") {
        return Some(WebServer::OfOrigin { port: None, local: None });
    }
    fields.take("backendUrl", value::base_url).map(WebServer::At)
}

fn aliases(text: &str) -> Wanted<Vec<String>> {
    value::several(text, value::host_name)
}

/// A URL, also where the scheme is left out, as Frappe takes it.
pub(super) fn redis_queue(text: &str) -> Wanted<Secret> {
    let full = if text.contains("://") { text.to_owned() } else { format!("redis://{text}") };
    let url = read_redis::url(&full)?;
    if url.scheme() == "redis+unix" {
        return Err("written with the scheme unix:// where it is a socket".to_owned());
    }
    Ok(Secret::new(url.as_str()))
}

/// A Frappe site as a site: nothing is kept, and nobody sends to it over HTTP.
pub(in super::super) fn of(name: SiteName, site: FrappeSite) -> Site {
    Site {
        name,
        protocol: Protocol::Frappe(Arc::new(site)),
        api_key: None,
        user_room_prefix: None,
        public_channel: None,
        auth_timeout: Duration::from_secs(10),
        auth_concurrency: 64,
        ack_timeout: None,
        queue: QueueBounds::default(),
    }
}
