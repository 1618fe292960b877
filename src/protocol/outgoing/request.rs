//! One HTTP request to a site, with its redirects and a bound on what is read of the answer.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderName, LOCATION};
use reqwest::{Method, Request, Response, StatusCode, Url};

use super::StartError;
use super::names::Names;
use super::tls;

/// What a Frappe site knows a realtime server by; for nobody else.
pub(in crate::protocol) const SOCKET_SECRET: HeaderName = HeaderName::from_static("x-frappe-socket-secret");

/// Shorter than the keep-alive of the servers that are met most (Node: 5 s), so that a request seldom goes into
/// a connection that the site is just closing.
const KEEP_ALIVE: Duration = Duration::from_secs(4);

/// Why a call brought no answer. The texts are for the log: they may name addresses, and never reach a client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::protocol) enum CallError {
    /// The configured address cannot be called.
    #[error("not an address that can be called: {0}")]
    Address(String),
    /// No connection: name, TCP or TLS.
    #[error("{0}")]
    Unreachable(String),
    /// The connection ended before the head of an answer was there.
    #[error("{0}")]
    Broken(String),
    /// The connection ended within the body.
    #[error("the answer broke off: {0}")]
    CutShort(String),
    /// More redirects than are followed.
    #[error("more than {0} redirects")]
    Redirects(usize),
    /// A redirect to something else than http or https.
    #[error("a redirect to an address that cannot be called")]
    RedirectTarget,
    /// The body is longer than is read; in bytes.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

/// Sends requests to sites.
pub(in crate::protocol) struct Outgoing {
    http: reqwest::Client,
    redirects: usize,
}

impl Outgoing {
    /// Follows at most `redirects` redirects in a row.
    ///
    /// # Errors
    /// [`StartError`] when TLS cannot be set up.
    pub(in crate::protocol) fn new(redirects: usize) -> Result<Self, StartError> {
        Self::of(reqwest::Client::builder(), redirects)
    }

    /// The same, to whoever answers on a Unix socket, whatever the addresses say.
    ///
    /// # Errors
    /// As [`Outgoing::new`].
    pub(in crate::protocol) fn by_socket(socket: &Path, redirects: usize) -> Result<Self, StartError> {
        Self::of(reqwest::Client::builder().unix_socket(socket), redirects)
    }

    /// The same, where looking a name up and connecting may take no longer than `reach` together.
    ///
    /// # Errors
    /// [`StartError`] when TLS cannot be set up.
    pub(in crate::protocol) fn reaching_within(
        reach: Duration,
        redirects: usize,
    ) -> Result<Self, StartError> {
        Self::of(reqwest::Client::builder().connect_timeout(reach), redirects)
    }

    fn of(builder: reqwest::ClientBuilder, redirects: usize) -> Result<Self, StartError> {
        let http = builder
            .tls_backend_preconfigured(tls::config()?)
            .user_agent(concat!("postroom/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .dns_resolver(Names::default())
            .pool_idle_timeout(KEEP_ALIVE)
            // As the original: a proxy in the environment must not see the users' tokens unasked.
            .no_proxy()
            .build()
            .map_err(|error| StartError::Http(reason(error)))?;
        Ok(Self { http, redirects })
    }

    /// Sends `request`, and follows redirects as browsers do.
    ///
    /// Not left to reqwest (0.13): it puts `Authorization` back on at the second hop within a foreign origin.
    pub(in crate::protocol) async fn send(&self, mut request: Request) -> Result<Response, CallError> {
        for _ in 0..=self.redirects {
            let sent = request.try_clone();
            let response = self.http.execute(request).await.map_err(broken)?;
            let Some(location) = redirect(&response)? else { return Ok(response) };
            let Some(sent) = sent else { return Ok(response) };
            request = onward(sent, location, response.status());
        }
        Err(CallError::Redirects(self.redirects))
    }
}

/// Reads the body of an answer, at most `limit` bytes of it.
pub(in crate::protocol) async fn read(mut response: Response, limit: usize) -> Result<Vec<u8>, CallError> {
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(CallError::TooLong(limit));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| CallError::CutShort(reason(error)))? {
        if body.len() + chunk.len() > limit {
            return Err(CallError::TooLong(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Parses a configured address.
pub(in crate::protocol) fn address(url: &str) -> Result<Url, CallError> {
    let url = Url::parse(url).map_err(|error| CallError::Address(error.to_string()))?;
    if callable(&url) { Ok(url) } else { Err(CallError::Address("neither http nor https".to_owned())) }
}

fn callable(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}

/// Where a response sends the caller, if anywhere.
fn redirect(response: &Response) -> Result<Option<Url>, CallError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = response.headers().get(LOCATION) else { return Ok(None) };
    let location = std::str::from_utf8(location.as_bytes()).map_err(|_| CallError::RedirectTarget)?;
    let target = response.url().join(location).map_err(|_| CallError::RedirectTarget)?;
    if callable(&target) { Ok(Some(target)) } else { Err(CallError::RedirectTarget) }
}

/// The request after a redirect. What proves who asks, once dropped for a foreign origin, stays dropped.
fn onward(mut request: Request, target: Url, status: StatusCode) -> Request {
    if request.url().origin() != target.origin() {
        for header in [AUTHORIZATION, COOKIE, SOCKET_SECRET, HOST] {
            request.headers_mut().remove(header);
        }
    }
    if status == StatusCode::SEE_OTHER && request.method() != Method::GET {
        *request.method_mut() = Method::GET;
        *request.body_mut() = None;
        request.headers_mut().remove(CONTENT_TYPE);
        request.headers_mut().remove(CONTENT_LENGTH);
    }
    *request.url_mut() = target;
    request
}

fn broken(error: reqwest::Error) -> CallError {
    let unreachable = error.is_connect();
    let reason = reason(error);
    if unreachable { CallError::Unreachable(reason) } else { CallError::Broken(reason) }
}

/// An error with its causes, without the URL, whose query may hold a key.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
