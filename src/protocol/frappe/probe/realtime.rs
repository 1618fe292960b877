//! Whoever answers where clients come: a page, and a client's first steps by polling.

use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, Request};
use serde_json::Value;
use tokio::time::timeout;

use super::{PATIENCE, Probe};
use crate::protocol::outgoing::{CallError, address, read};

/// Longest answer that is read.
const LIMIT: usize = 1 << 20;
/// How long a server may take to let a client in: it asks the site's web server first.
const WELCOME: Duration = Duration::from_secs(15);
/// Between the packets of a payload.
const SEPARATOR: char = '\u{1e}';

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: String,
}

/// Where a client comes in, and with what.
#[derive(Debug, Clone)]
pub struct Door {
    /// Scheme, host and port, without a slash at the end.
    pub base: String,
    /// The path of Socket.IO.
    pub path: String,
    /// The namespace, with its slash.
    pub namespace: String,
    /// What goes with each request.
    pub headers: Vec<(&'static str, String)>,
}

/// How far a client came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stumble {
    /// Nobody was reached.
    Unreached(String),
    /// It is to go elsewhere.
    Redirected,
    /// The first request was answered with this status, and this text if it is a short one.
    Status(u16, String),
    /// What answered does not speak Engine.IO.
    Foreign,
    /// The connection was opened, but the next request did not find it again.
    Lost(u16, String),
    /// It was opened, and nothing said whether the client is let in.
    Silent,
    /// The client was told this.
    Refused(String),
}

impl Probe {
    /// One GET; redirects are not followed.
    ///
    /// # Errors
    /// Why nothing came.
    pub async fn page(&self, url: &str, headers: &[(&'static str, String)]) -> Result<Page, Stumble> {
        self.exchange(Method::GET, url, headers, None, PATIENCE).await
    }

    /// The first steps of a client that polls, up to where it is let in. It leaves at once.
    ///
    /// # Errors
    /// How far it came.
    pub async fn enter(&self, door: &Door) -> Result<(), Stumble> {
        let url = format!("{}{}/?EIO=4&transport=polling", door.base, door.path);
        let page = self.page(&url, &door.headers).await?;
        let sid = sid(&page)?;
        let url = format!("{url}&sid={sid}");
        let outcome = self.connect(door, &url).await;
        // Whether it hears the farewell is of no interest.
        let _ = self.exchange(Method::POST, &url, &door.headers, Some("1".to_owned()), PATIENCE).await;
        outcome
    }

    async fn connect(&self, door: &Door, url: &str) -> Result<(), Stumble> {
        let packet = connect_packet(&door.namespace);
        let posted = self.exchange(Method::POST, url, &door.headers, Some(packet), PATIENCE).await?;
        found(&posted)?;
        for _ in 0..3 {
            let page = self.exchange(Method::GET, url, &door.headers, None, WELCOME).await;
            let page = page.map_err(|_| Stumble::Silent)?;
            found(&page)?;
            if let Some(outcome) = welcome(&page.body, &door.namespace) {
                return outcome;
            }
        }
        Err(Stumble::Silent)
    }

    /// Whether a WebSocket is possible on this way.
    ///
    /// # Errors
    /// The status with which it was declined; zero where nothing came.
    pub async fn upgrade(&self, door: &Door) -> Result<(), u16> {
        let url = format!("{}{}/?EIO=4&transport=websocket", door.base, door.path);
        let mut headers = door.headers.clone();
        let wanted = [
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "cG9zdHJvb20tZG9jdG9yIQ=="),
        ];
        headers.extend(wanted.map(|(name, value)| (name, value.to_owned())));
        let request = request(Method::GET, &url, &headers, None).map_err(|_| 0u16)?;
        let sent = timeout(PATIENCE, self.staying.send(request)).await;
        match sent {
            Ok(Ok(response)) if response.status() == 101 => Ok(()),
            Ok(Ok(response)) => Err(response.status().as_u16()),
            _ => Err(0),
        }
    }

    async fn exchange(
        &self,
        method: Method,
        url: &str,
        headers: &[(&'static str, String)],
        body: Option<String>,
        patience: Duration,
    ) -> Result<Page, Stumble> {
        let request = request(method, url, headers, body)?;
        let exchange = async {
            let response = self.staying.send(request).await?;
            let status = response.status().as_u16();
            let body = read(response, LIMIT).await?;
            Ok(Page { status, body: String::from_utf8_lossy(&body).into_owned() })
        };
        let late = || Err(CallError::Unreachable("no answer in time".to_owned()));
        timeout(patience, exchange).await.unwrap_or_else(|_| late()).map_err(|error| stumble(&error))
    }
}

fn request(
    method: Method,
    url: &str,
    headers: &[(&'static str, String)],
    body: Option<String>,
) -> Result<Request, Stumble> {
    let url = address(url).map_err(|error| stumble(&error))?;
    let mut request = Request::new(method, url);
    for (name, value) in headers {
        let value = HeaderValue::from_str(value);
        let value = value.map_err(|_| Stumble::Unreached(format!("{name} cannot be sent in a header")))?;
        request.headers_mut().insert(HeaderName::from_static(name), value);
    }
    *request.body_mut() = body.map(Into::into);
    Ok(request)
}

fn stumble(error: &CallError) -> Stumble {
    match error {
        CallError::Redirects(_) | CallError::RedirectTarget => Stumble::Redirected,
        error => Stumble::Unreached(error.to_string()),
    }
}

/// A text for a line: nothing of a page for people.
fn short(body: &str) -> String {
    let line = body.trim().lines().next().unwrap_or_default();
    if line.starts_with('<') || line.len() > 120 { String::new() } else { line.to_owned() }
}

/// Of the packet that opens a connection.
fn sid(page: &Page) -> Result<String, Stumble> {
    if page.status != 200 {
        return Err(Stumble::Status(page.status, short(&page.body)));
    }
    let opening = page.body.split(SEPARATOR).next().and_then(|packet| packet.strip_prefix('0'));
    let opening: Option<Value> = opening.and_then(|json| serde_json::from_str(json).ok());
    let sid = opening.as_ref().and_then(|opening| opening.get("sid")).and_then(Value::as_str);
    sid.map(str::to_owned).ok_or(Stumble::Foreign)
}

fn found(page: &Page) -> Result<(), Stumble> {
    if page.status == 200 { Ok(()) } else { Err(Stumble::Lost(page.status, short(&page.body))) }
}

/// The root namespace is not named.
fn connect_packet(namespace: &str) -> String {
    if namespace == "/" { "40".to_owned() } else { format!("40{namespace},") }
}

/// What a payload says to the client that wants to join a namespace; `None`: nothing yet.
fn welcome(payload: &str, namespace: &str) -> Option<Result<(), Stumble>> {
    payload.split(SEPARATOR).find_map(|packet| {
        let (kind, rest) = packet.split_at_checked(2)?;
        let json = if namespace == "/" { rest } else { rest.strip_prefix(namespace)?.strip_prefix(',')? };
        match kind {
            "40" => Some(Ok(())),
            "44" => Some(Err(Stumble::Refused(message(json)))),
            _ => None,
        }
    })
}

fn message(json: &str) -> String {
    let error: Option<Value> = serde_json::from_str(json).ok();
    let text = error.as_ref().and_then(|error| error.get("message")).and_then(Value::as_str);
    text.unwrap_or("nothing that says why").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packet_that_opens_a_connection_is_read_and_nothing_else_is_taken_for_it() {
        let page = |status, body: &str| sid(&Page { status, body: body.to_owned() });
        assert_eq!(page(200, r#"0{"sid":"abc","upgrades":[]}"#), Ok("abc".to_owned()));
        assert_eq!(page(200, "<html>"), Err(Stumble::Foreign));
        assert_eq!(page(200, "ok"), Err(Stumble::Foreign));
        assert_eq!(page(400, r#"{"code":0}"#), Err(Stumble::Status(400, r#"{"code":0}"#.to_owned())));
        assert_eq!(page(502, "<html>bad"), Err(Stumble::Status(502, String::new())));
    }

    #[test]
    fn a_welcome_and_a_refusal_are_told_apart_from_what_else_comes() {
        let namespace = "/site1.local";
        assert_eq!(welcome("2", namespace), None);
        assert_eq!(welcome("40/other.local,{}", namespace), None);
        assert_eq!(welcome("2\u{1e}40/site1.local,{\"sid\":\"x\"}", namespace), Some(Ok(())));
        assert_eq!(welcome("40{\"sid\":\"x\"}", "/"), Some(Ok(())));
        let refused = welcome(r#"44/site1.local,{"message":"Invalid origin"}"#, namespace);
        assert_eq!(refused, Some(Err(Stumble::Refused("Invalid origin".to_owned()))));
    }
}
