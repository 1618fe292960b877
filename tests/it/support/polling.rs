//! A client of Engine.IO over HTTP polling, that shows every answer.

use serde_json::Value;

use super::client::Dial;
use super::gateway::Gateway;
use super::http::{Answer, Wire, ask};

/// Between packets of one payload (`EIO=4`).
const SEPARATOR: char = '\u{1e}';

/// A client that polls. Each request goes over a connection of its own, so that the workers take turns.
pub struct Poller {
    port: u16,
    url: String,
    pub sid: String,
    /// The open packet.
    pub open: Value,
    /// Further header lines of every request.
    pub headers: Vec<String>,
}

impl Poller {
    /// Opens a connection with `EIO=4`.
    pub async fn dial(gateway: &Gateway, dial: &Dial) -> Self {
        Self::dial_at(gateway.port, dial).await
    }

    /// The same, at a port of 127.0.0.1.
    pub async fn dial_at(port: u16, dial: &Dial) -> Self {
        let headers: Vec<String> =
            dial.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let lines: Vec<&str> = headers.iter().map(String::as_str).collect();
        let answer = ask(port, "GET", &dial.url("polling"), &lines, b"").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let open: Value = serde_json::from_str(answer.text().strip_prefix('0').unwrap()).unwrap();
        let sid = open["sid"].as_str().unwrap().to_owned();
        let url = format!("{}&sid={sid}", dial.url("polling"));
        Self { port, url, sid, open, headers }
    }

    /// The first request, and what is answered.
    pub async fn handshake(gateway: &Gateway, dial: &Dial, headers: &[&str]) -> Answer {
        ask(gateway.port, "GET", &dial.url("polling"), headers, b"").await
    }

    /// The path and query of its requests.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// One GET; its packets.
    pub async fn poll(&self) -> Vec<String> {
        let answer = self.get().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        packets(&answer)
    }

    /// Polls until this many packets have come that are no heartbeat; pings are answered.
    pub async fn packets(&self, count: usize) -> Vec<String> {
        let mut all = Vec::new();
        while all.len() < count {
            for packet in self.poll().await {
                if packet == "2" {
                    assert_eq!(self.post("3").await.status, 200);
                } else {
                    all.push(packet);
                }
            }
        }
        all
    }

    pub async fn get(&self) -> Answer {
        self.start_poll().await.answer().await
    }

    /// A GET whose answer is awaited by the caller.
    pub async fn start_poll(&self) -> Wire {
        let mut wire = Wire::open(self.port).await;
        wire.ask("GET", &self.url, &self.lines(), b"").await;
        wire
    }

    pub async fn post(&self, payload: &str) -> Answer {
        ask(self.port, "POST", &self.url, &self.lines(), payload.as_bytes()).await
    }

    /// A POST that must be taken.
    pub async fn say(&self, payload: &str) {
        let answer = self.post(payload).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
    }

    fn lines(&self) -> Vec<&str> {
        self.headers.iter().map(String::as_str).collect()
    }
}

/// The packets of a payload.
pub fn packets(answer: &Answer) -> Vec<String> {
    answer.text().split(SEPARATOR).map(str::to_owned).collect()
}
