//! Somebody who has come to a site of a bench.

use serde_json::{Value, json};

use crate::support::client::{Client, namespace};
use crate::support::packet::{Packet, packet};

/// Events that tests publish to find out who is in a room; nobody else sees them.
pub const PROBE: &str = "test probe";
pub const ROUND: &str = "test round";

/// A connection to a site.
pub struct Visitor {
    pub client: Client,
    pub site: String,
    /// Its id in the namespace, once it is let in.
    pub sid: String,
}

impl Visitor {
    pub fn new(client: Client, site: &str) -> Self {
        Self { client, site: site.to_owned(), sid: String::new() }
    }

    /// It was let in: that comes next.
    pub async fn welcomed(&mut self) {
        let packet = self.client.packet().await;
        let expected = ('0', namespace(&self.site));
        assert_eq!((packet.kind, packet.namespace.clone()), expected, "{}", packet.raw);
        packet.json["sid"].as_str().unwrap().clone_into(&mut self.sid);
    }

    /// It was not let in: that comes next.
    pub async fn refused(&mut self) -> String {
        let site = self.site.clone();
        self.client.refused(&site).await
    }

    /// Sends an event to its site.
    pub async fn says(&mut self, event: Value) {
        let text = event.to_string();
        self.client.say(&packet('2', &namespace(&self.site), None, &text)).await;
    }

    /// Leaves the site; the connection stays.
    pub async fn leaves(&mut self) {
        let site = self.site.clone();
        self.client.leave(&site).await;
    }

    /// Everything that it said so far has been dealt with, as far as nobody else was asked about it: a `ping` behind it is
    /// answered, and nothing came before the answer.
    pub async fn pinged(&mut self) {
        self.says(json!(["ping"])).await;
        assert!(self.event("pong").await.args().is_empty());
    }

    /// The next packet but those of tests.
    pub async fn packet(&mut self) -> Packet {
        loop {
            let packet = self.client.packet().await;
            if !matches!(packet.kind, '2' if [PROBE, ROUND].contains(&packet.name())) {
                return packet;
            }
        }
    }

    /// What comes next, which must be this event of its site, without an ack wanted.
    pub async fn event(&mut self, name: &str) -> Packet {
        let packet = self.packet().await;
        assert!(packet.kind == '2' && packet.name() == name, "{name} was due, not {}", packet.raw);
        assert_eq!((packet.namespace.clone(), packet.ack), (namespace(&self.site), None), "{}", packet.raw);
        packet
    }

    /// The one argument of what comes next.
    pub async fn message(&mut self, name: &str) -> Value {
        let packet = self.event(name).await;
        assert_eq!(packet.args().len(), 1, "{}", packet.raw);
        packet.args()[0].clone()
    }

    /// Who looks at a document, by what comes next.
    pub async fn viewers(&mut self, doctype: &str, name: &str) -> Vec<String> {
        let message = self.message("doc_viewers").await;
        assert_eq!((&message["doctype"], &message["docname"]), (&json!(doctype), &json!(name)), "{message}");
        let users = message["users"].as_array().unwrap();
        users.iter().map(|user| user.as_str().unwrap().trim_end_matches("@example.com").to_owned()).collect()
    }

    /// The end of a round: whether its probe came, and nothing else did.
    pub async fn round(&mut self, number: u64) -> bool {
        let mut probed = false;
        loop {
            let packet = self.client.packet().await;
            assert_eq!(packet.kind, '2', "nothing was due, not {}", packet.raw);
            let is_of_round = packet.args().first() == Some(&json!(number));
            match packet.name() {
                ROUND if is_of_round => return probed,
                PROBE => probed |= is_of_round,
                ROUND => {}
                _ => panic!("nothing was due, not {}", packet.raw),
            }
        }
    }

    /// The connection is closed by the gateway, and nothing comes before that.
    pub async fn ended(&mut self) {
        self.client.ended().await;
    }
}
