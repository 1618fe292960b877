//! One call to a method of a Frappe site, and what its answer says.

use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue,
};
use reqwest::{Method, Request, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;

use super::bases::{Base, bases};
use super::caller::{Caller, Credential, User};
use super::permission::is_truthy;
use crate::domain::Secret;
use crate::protocol::outgoing::{CallError, Outgoing, SOCKET_SECRET, address, read};

const SITE_NAME: HeaderName = HeaderName::from_static("x-frappe-site-name");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Longest answer that is read, in bytes.
const ANSWER_LIMIT: usize = 1 << 20;

/// Why a call brought nothing. The texts are for the log; clients are told [`CallFailure::told`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallFailure {
    /// No web server is known that could be asked.
    #[error("no web server is known for this client: set `backendUrl`, or name its host in `siteAliases`")]
    Nowhere,
    /// The web server was not reached, or broke off.
    #[error("{0}")]
    Unreachable(String),
    /// The web server did not answer in time.
    #[error("the web server did not answer in time")]
    Late,
    /// Too many calls of the site are waiting.
    #[error("too many calls of this site are waiting")]
    Crowded,
    /// The answer was refused with this status.
    #[error("the web server answered with status {0}")]
    Status(u16),
    /// The answer is not what the method answers.
    #[error("the answer is not JSON with a `message`: {0}")]
    Malformed(String),
    /// The answer names no user.
    #[error(
        "the web server names no user; if it is of version 16 or later, `redis_queue` here must be the Redis of its bench, where \
         it keeps `socketio_auth_secret`"
    )]
    NoUser,
    /// What the client proves itself with cannot be sent in a header.
    #[error("the client's cookie or token cannot be sent in a header")]
    Credential,
    /// The Redis of the bench cannot be used.
    #[error("redis_queue: {0}")]
    Bench(String),
    /// It is to be asked on nobody's behalf, and nothing says who asks.
    #[error("the bench has no secret (`socketio_auth_secret` in its Redis) that says who asks")]
    NoSecret,
    /// The process stops.
    #[error("this server is about to stop")]
    Stopping,
}

impl CallFailure {
    /// What the client is told: nothing about addresses.
    #[must_use]
    pub fn told(&self) -> String {
        let why = match self {
            Self::Nowhere | Self::Bench(_) | Self::NoSecret => {
                "the server does not know whom to ask about this site"
            }
            Self::Unreachable(_) => "the site's web server cannot be reached",
            Self::Late | Self::Crowded => "the site's web server did not answer in time",
            Self::Status(status) => return format!("Unauthorized: status {status} of the site's web server"),
            Self::Malformed(_) | Self::NoUser => "the site's web server names no user",
            Self::Credential => "the cookie or token is malformed",
            Self::Stopping => "the server is about to stop",
        };
        format!("Unauthorized: {why}")
    }

    /// Whether it is as when the web server is just being started.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable(_))
    }

    /// Whether it is for the operator to mend, rather than for the user to log in.
    #[must_use]
    pub fn is_a_fault(&self) -> bool {
        !matches!(self, Self::Status(401 | 403) | Self::Credential | Self::Stopping)
    }
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Asked {
    method: String,
    query: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    by_secret: bool,
}

impl Asked {
    /// A whitelisted method with these arguments.
    #[must_use]
    pub fn get(method: &str, query: Vec<(String, String)>) -> Self {
        Self { method: method.to_owned(), query, body: None, by_secret: false }
    }

    /// A whitelisted method with a JSON body.
    #[must_use]
    pub fn post(method: &str, body: Vec<u8>) -> Self {
        Self { method: method.to_owned(), query: Vec::new(), body: Some(body), by_secret: false }
    }

    /// Whether it has a body, and so is posted.
    #[must_use]
    pub fn is_post(&self) -> bool {
        self.body.is_some()
    }

    /// On nobody's behalf: the secret of the bench says who asks.
    #[must_use]
    pub fn by_secret(self) -> Self {
        Self { by_secret: true, ..self }
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    status: StatusCode,
    body: Vec<u8>,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    message: Value,
}

impl Answer {
    /// Whether the status is one of success.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.status.is_success()
    }

    /// Its status.
    pub(super) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// Whether it is that of a proxy before a web server that is just being started.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self.status.as_u16(), 502 | 503)
    }

    /// What the method returned.
    ///
    /// # Errors
    /// [`CallFailure`] where it did not succeed, or is no JSON.
    pub fn message(&self) -> Result<Value, CallFailure> {
        if !self.is_ok() {
            return Err(CallFailure::Status(self.status.as_u16()));
        }
        let envelope: Envelope = serde_json::from_slice(&self.body).map_err(|error| {
            // The error's own text would quote from the body.
            CallFailure::Malformed(format!("{:?} error in line {}", error.classify(), error.line()))
        })?;
        Ok(envelope.message)
    }

    /// Whether it is a page for people, as a proxy or another server would send it.
    pub(super) fn is_page(&self) -> bool {
        self.body.trim_ascii_start().first() == Some(&b'<')
    }

    /// Whether what the method returned is true, as JavaScript sees it.
    #[must_use]
    pub fn is_truthy(&self) -> bool {
        self.message().is_ok_and(|message| is_truthy(&message))
    }

    /// Whether it says that there is no such method.
    pub(super) fn lacks_method(&self) -> bool {
        let text = String::from_utf8_lossy(&self.body);
        !self.is_ok() && (text.contains("has no attribute") || text.contains("Failed to get method"))
    }

    /// The user that `get_user_info` names.
    pub(super) fn user(&self) -> Option<User> {
        let message = self.message().ok()?;
        let name = message.get("user")?.as_str().filter(|name| !name.is_empty())?;
        let is_system = message.get("user_type").and_then(Value::as_str) == Some("System User");
        let apps = message
            .get("installed_apps")
            .and_then(Value::as_array)
            .map(|apps| apps.iter().filter_map(|app| app.as_str().map(str::to_owned)).collect());
        Some(User { name: name.into(), is_system, apps })
    }
}

/// Asks the web servers that come into question, one after the other, until one is reached.
pub(super) async fn ask(
    outgoing: &Outgoing,
    caller: &Caller,
    secret: Option<&Secret>,
    asked: &Asked,
) -> Result<Answer, CallFailure> {
    if asked.by_secret && secret.is_none() {
        return Err(CallFailure::NoSecret);
    }
    let bases = bases(&caller.site, caller.origin.as_deref());
    let mut failure = CallFailure::Nowhere;
    for base in &bases {
        let request = request(base, caller, secret, asked)?;
        match outgoing.send(request).await {
            Ok(response) => return whole(response).await,
            Err(error @ CallError::Unreachable(_)) => failure = unreachable(&error),
            Err(error) => return Err(unreachable(&error)),
        }
    }
    Err(failure)
}

/// Asks this web server alone.
pub(super) async fn ask_at(
    outgoing: &Outgoing,
    base: &Base,
    caller: &Caller,
    secret: Option<&Secret>,
    asked: &Asked,
) -> Result<Answer, CallFailure> {
    let sent = outgoing.send(request(base, caller, secret, asked)?).await;
    whole(sent.map_err(|error| unreachable(&error))?).await
}

async fn whole(response: Response) -> Result<Answer, CallFailure> {
    let status = response.status();
    let body = read(response, ANSWER_LIMIT).await.map_err(|error| unreachable(&error))?;
    Ok(Answer { status, body })
}

fn unreachable(error: &CallError) -> CallFailure {
    CallFailure::Unreachable(error.to_string())
}

fn request(
    base: &Base,
    caller: &Caller,
    secret: Option<&Secret>,
    asked: &Asked,
) -> Result<Request, CallFailure> {
    let url = url(&base.url, asked).map_err(|error| unreachable(&error))?;
    let method = if asked.body.is_some() { Method::POST } else { Method::GET };
    let mut request = Request::new(method, url);
    headers(request.headers_mut(), base, caller, secret).ok_or(CallFailure::Credential)?;
    if asked.by_secret {
        request.headers_mut().remove(COOKIE);
        request.headers_mut().remove(AUTHORIZATION);
    }
    if let Some(body) = &asked.body {
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *request.body_mut() = Some(body.clone().into());
    }
    Ok(request)
}

fn url(base: &str, asked: &Asked) -> Result<Url, CallError> {
    let mut url = address(&format!("{base}/api/method/{}", asked.method))?;
    if !asked.query.is_empty() {
        url.query_pairs_mut().extend_pairs(&asked.query);
    }
    Ok(url)
}

/// `None` where something cannot stand in a header.
fn headers(headers: &mut HeaderMap, base: &Base, caller: &Caller, secret: Option<&Secret>) -> Option<()> {
    let site = caller.site.name.as_str();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    // Always: a server that serves several sites must not take it from an address.
    headers.insert(SITE_NAME, HeaderValue::from_str(site).ok()?);
    if let Some(host) = &base.host {
        headers.insert(HOST, HeaderValue::from_str(host).ok()?);
    }
    let (name, value) = match &caller.credential {
        Credential::Cookie(sid) => (COOKIE, sensitive(&format!("sid={}", sid.expose()))?),
        Credential::Authorization(value) => (AUTHORIZATION, sensitive(value.expose())?),
    };
    headers.insert(name, value);
    if let Some(secret) = secret {
        headers.insert(SOCKET_SECRET, sensitive(secret.expose())?);
    }
    if let Some(from) = caller.forwarded_for.as_ref().and_then(|from| HeaderValue::from_str(from).ok()) {
        headers.insert(FORWARDED_FOR, from);
    }
    Some(())
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_bytes(text.as_bytes()).ok()?;
    value.set_sensitive(true);
    Some(value)
}
