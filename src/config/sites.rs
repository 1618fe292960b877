//! From `sites.yml`, or from the variables that describe one site, to [`Site`]s.

use std::sync::Arc;
use std::time::Duration;

use super::app_events::{self, Written};
use super::expand::Env;
use super::frappe;
use super::given::{self, Fields, Flat};
use super::problem::{Findings, Place};
use super::schema::SITE;
use super::value::{self, Unit, Wanted};
use super::yaml::{Entry, Node};
use crate::domain::{BoundPolicy, Protocol, QueueBounds, Secret, Site, SiteName, WebserviceSite};

/// An API key below this can be guessed, or was made for a demonstration.
const SHORT_KEY: usize = 16;

/// The sites of a file.
pub(super) fn from_entries(entries: &[Entry], findings: &mut Findings) -> Vec<Arc<Site>> {
    let mut meant_by_localhost: Option<String> = None;
    let sites = entries.iter().filter_map(|entry| {
        let name = site_name(&entry.key, &entry.place, findings);
        let (flat, written) = match &entry.node {
            Node::Map(entries) => {
                let (written, others) = app_events::take(entries, "", findings);
                (given::from_entries(SITE, &others, findings), written)
            }
            other => {
                findings.error(&entry.place, &entry.key, not_a_site(&entry.key, other));
                return None;
            }
        };
        let site = read(name, &entry.key, entry.place.clone(), flat, findings)?;
        let site = with_rules(site, written, findings);
        if site.frappe().is_some_and(|site| site.is_default) {
            match &meant_by_localhost {
                Some(other) => {
                    let text = format!(
                        "has `defaultSite: true`, and so has `{other}`; only one can be meant by localhost"
                    );
                    findings.error(&entry.place, &entry.key, text);
                }
                None => meant_by_localhost = Some(entry.key.clone()),
            }
        }
        Some(Arc::new(site))
    });
    sites.collect()
}

/// A site with the rules for the events of its apps.
fn with_rules(mut site: Site, written: Option<Written>, findings: &mut Findings) -> Site {
    let Some(Written { events, first: (key, place) }) = written else { return site };
    match &mut site.protocol {
        Protocol::Frappe(frappe) => Arc::make_mut(frappe).rules = Arc::new(events),
        Protocol::Webservice(_) => {
            let text = "is a setting of a Frappe site; add `protocol: frappe` beside it, or delete it";
            findings.error(&place, key, text);
        }
    }
    site
}

/// The one site that the environment describes; `None` without `SITE_NAME`.
pub(super) fn from_variables(env: &Env, findings: &mut Findings) -> Option<Vec<Arc<Site>>> {
    let name = env.get("SITE_NAME").filter(|name| !name.is_empty())?;
    let place = Place::Variable("SITE_NAME".to_owned());
    let checked = site_name(name, &place, findings);
    let flat = given::from_variables(SITE, env);
    Some(read(checked, name, place, flat, findings).map(Arc::new).into_iter().collect())
}

fn site_name(name: &str, place: &Place, findings: &mut Findings) -> Option<SiteName> {
    SiteName::new(name).map_err(|error| findings.error(place, name, error.to_string())).ok()
}

fn not_a_site(key: &str, node: &Node) -> String {
    if super::schema::find(SITE, key).is_some() {
        return "is a setting of a site; put the name of the site above it, and indent it below that"
            .to_owned();
    }
    format!("must be a site, that is a mapping with `authUrl` and `apiKey`, not {}", node.kind())
}

/// How a site is spoken to.
#[derive(Clone, Copy)]
enum Speech {
    Webservice,
    Frappe,
}

fn read(
    name: Option<SiteName>,
    key: &str,
    owner: Place,
    given: Flat,
    findings: &mut Findings,
) -> Option<Site> {
    let fields = &mut Fields { schema: SITE, given, owner, findings };
    let words = [("webservice", Speech::Webservice), ("frappe", Speech::Frappe)];
    let speech = fields.take("protocol", |text| value::one_of(text, &words))?;
    match speech {
        Speech::Webservice if frappe::is_meant(fields) => None,
        Speech::Webservice => webservice(name, key, fields),
        Speech::Frappe => frappe_site(name, fields),
    }
}

fn webservice(name: Option<SiteName>, key: &str, fields: &mut Fields<'_>) -> Option<Site> {
    let (auth_mend, key_mend) = match &fields.owner {
        Place::Variable(_) => ("set AUTH_URL to the address", "set API_KEY"),
        _ => ("add the address", "add one"),
    };
    let auth_mend = format!("{auth_mend} that answers which rooms a user of `{key}` belongs to");
    let key_mend = format!("{key_mend}, or no backend can send to `{key}`");
    let auth_url =
        fields.require("authUrl", &auth_mend, |text| value::http_url(text).map(|_| text.to_owned()));
    let auth_scheme = fields.take("authScheme", value::token);
    let api_key = fields.require("apiKey", &key_mend, value::text);
    let user_room_prefix = fields.take("userRoomPrefix", value::text);
    let update_user_url = fields.take("updateUserUrl", update_url);
    let public_channel = fields.take("publicChannel", value::text);
    let asking = asking(fields);
    let ack_timeout = fields.take("ackTimeout", seconds(Duration::from_secs(1), Duration::from_hours(24)));
    let queue = queue(fields);
    look_at_key(fields, api_key.as_deref());
    look_at_rooms(fields, user_room_prefix.as_deref(), public_channel.as_deref());
    let (auth_timeout, auth_concurrency) = asking?;
    Some(Site {
        name: name?,
        protocol: Protocol::Webservice(WebserviceSite {
            auth_url: auth_url?,
            auth_scheme: auth_scheme?,
            update_user_url,
        }),
        api_key: Some(Secret::new(api_key?)),
        user_room_prefix: user_room_prefix.map(Into::into),
        public_channel: public_channel.map(Into::into),
        auth_timeout,
        auth_concurrency,
        ack_timeout,
        queue: queue?,
    })
}

fn frappe_site(name: Option<SiteName>, fields: &mut Fields<'_>) -> Option<Site> {
    let frappe = frappe::site(fields);
    let api_key = fields.take("apiKey", value::text);
    let asking = asking(fields);
    look_at_key(fields, api_key.as_deref());
    let (auth_timeout, auth_concurrency) = asking?;
    let site = frappe::of(name?, frappe?);
    Some(Site { api_key: api_key.map(Secret::new), auth_timeout, auth_concurrency, ..site })
}

/// `authTimeout` and `authConcurrency`.
fn asking(fields: &mut Fields<'_>) -> Option<(Duration, usize)> {
    let timeout = fields.take("authTimeout", seconds(Duration::from_millis(100), Duration::from_mins(5)));
    let concurrency = fields.take("authConcurrency", |text| value::whole(text, 1..=10_000));
    Some((timeout?, usize::try_from(concurrency?).ok()?))
}

fn seconds(low: Duration, high: Duration) -> impl Fn(&str) -> Wanted<Duration> {
    move |text| value::duration(text, Unit::Seconds, &(low..=high))
}

/// Kept as it is written: reading it as a URL may change the letters around `:id`.
fn update_url(text: &str) -> Wanted<String> {
    value::http_url(text)?;
    if text.contains(":id") {
        Ok(text.to_owned())
    } else {
        Err("a URL with `:id` where the user's id belongs, such as https://shop.example/users/:id".to_owned())
    }
}

fn queue(fields: &mut Fields<'_>) -> Option<QueueBounds> {
    let max_messages = fields.take("queue.maxMessages", |text| value::whole(text, 1..=10_000_000));
    let max_bytes = fields.take("queue.maxBytes", |text| value::bytes(text, &(1024..=1 << 40)));
    let words = [("resync", BoundPolicy::Resync), ("dropOldest", BoundPolicy::DropOldest)];
    let policy = fields.take("queue.policy", |text| value::one_of(text, &words));
    let max_messages = u32::try_from(max_messages?).ok()?;
    Some(QueueBounds { max_messages, max_bytes: max_bytes?, policy: policy? })
}

fn look_at_key(fields: &mut Fields<'_>, api_key: Option<&str>) {
    if api_key.is_some_and(|key| key.len() < SHORT_KEY) {
        fields.warn(
            "apiKey",
            format!("is shorter than {SHORT_KEY} characters and can be guessed; make one with `openssl rand -hex 24`"),
        );
    }
    let read_as = fields.given.get("apiKey").and_then(|given| given.read_as.as_ref());
    if read_as.is_some() && api_key.is_some() {
        fields.warn(
            "apiKey",
            "without quotes is written differently by other readers of YAML; it is taken as it stands here. Put it in quotes",
        );
    }
}

fn look_at_rooms(fields: &mut Fields<'_>, prefix: Option<&str>, public: Option<&str>) {
    match (prefix, public) {
        (None, Some(_)) if !fields.has("userRoomPrefix") => fields.warn(
            "publicChannel",
            "does nothing without `userRoomPrefix`: such a site is plain broadcast, and keeps no messages",
        ),
        (None, None) if !fields.has("userRoomPrefix") && fields.has("updateUserUrl") => fields.warn(
            "updateUserUrl",
            "does nothing without `userRoomPrefix`: such a site knows rooms, not users",
        ),
        (Some(prefix), Some(public)) if public.starts_with(prefix) => fields.warn(
            "publicChannel",
            "starts with `userRoomPrefix`, so that its clients count as one user, and not as anonymous",
        ),
        _ => {}
    }
}
