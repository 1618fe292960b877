//! POST /send.

use serde_json::{Value, json};

use super::gateway::Gateway;
use super::http::{Answer, Wire, ask};

/// A call of `/send`, as far as it is described.
pub struct Send {
    port: u16,
    query: Vec<String>,
    headers: Vec<String>,
    body: Vec<u8>,
}

impl Send {
    /// For `site` with its right key, in the query.
    pub fn to(gateway: &Gateway, site: &str) -> Self {
        let key = Gateway::key(site);
        Self::bare(gateway).query(&format!("site={site}")).query(&format!("apiKey={key}"))
    }

    /// With nothing at all.
    pub fn bare(gateway: &Gateway) -> Self {
        Self { port: gateway.port, query: Vec::new(), headers: Vec::new(), body: Vec::new() }
    }

    pub fn query(mut self, pair: &str) -> Self {
        self.query.push(pair.to_owned());
        self
    }

    /// A whole line.
    pub fn header(mut self, line: &str) -> Self {
        self.headers.push(line.to_owned());
        self
    }

    /// Wants the answer as JSON.
    pub fn wants_json(self) -> Self {
        self.header("Accept: application/json")
    }

    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    pub fn body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut this = self.header(&format!("Content-Type: {content_type}"));
        this.body = body.into();
        this
    }

    pub fn event(self, rooms: &[&str], event: &str, args: impl Into<Value>) -> Self {
        let args: Value = args.into();
        self.json(&json!({ "rooms": rooms, "event": event, "args": args }))
    }

    pub fn path(&self) -> String {
        if self.query.is_empty() { "/send".to_owned() } else { format!("/send?{}", self.query.join("&")) }
    }

    pub async fn post(self) -> Answer {
        let headers: Vec<&str> = self.headers.iter().map(String::as_str).collect();
        ask(self.port, "POST", &self.path(), &headers, &self.body).await
    }
}

impl Gateway {
    /// Sends an event into rooms of a site, which must be accepted; the receipt.
    pub async fn send(&self, site: &str, rooms: &[&str], event: &str, args: Value) -> Value {
        receipt(&Send::to(self, site).wants_json().event(rooms, event, args).post().await)
    }

    /// The same where it may fail: the status, or nothing when there is no answer.
    pub async fn try_send(&self, site: &str, room: &str, event: &str, args: Value) -> Option<u16> {
        let send = Send::to(self, site).event(&[room], event, args);
        let headers: Vec<&str> = send.headers.iter().map(String::as_str).collect();
        let mut wire = Wire::try_open(self.port).await?;
        wire.ask("POST", &send.path(), &headers, &send.body).await;
        wire.try_answer().await.map(|answer| answer.status)
    }

    /// The same with `resync=true`.
    pub async fn send_resync(&self, site: &str, rooms: &[&str], event: &str, args: Value) -> Value {
        let send = Send::to(self, site).query("resync=true").wants_json();
        receipt(&send.event(rooms, event, args).post().await)
    }
}

fn receipt(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}
