//! How somebody comes to a site of a bench: headers, namespace and payload, each as a test wants it.

use serde_json::Value;

use super::visitor::Visitor;
use crate::support::client::{Client, Dial, namespace};
use crate::support::packet::packet;
use crate::support::polling::Poller;

/// A way to come. It begins as a page of the site itself comes through the proxy of the bench: with the site's name as
/// `Host` and `Origin`, and nothing that says who it is.
#[derive(Clone)]
pub struct Visit {
    pub port: u16,
    pub dial: Dial,
    /// The site to connect to, without a slash; the root where it is empty.
    pub site: String,
    pub payload: Option<Value>,
}

impl Visit {
    pub fn new(port: u16, site: &str) -> Self {
        let dial = Dial::v4().header("Host", site).header("Origin", &format!("http://{site}"));
        Self { port, dial, site: site.to_owned(), payload: None }
    }

    /// A header, in place of the one of that name.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.dial = self.dial.header(name, value);
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.dial.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// By this name or address, with or without a port, both as `Host` and as `Origin`.
    pub fn reached_as(self, host: &str) -> Self {
        self.header("Host", host).header("Origin", &format!("http://{host}"))
    }

    /// With the session of a browser.
    pub fn sid(self, sid: &str) -> Self {
        self.header("Cookie", &format!("sid={sid}"))
    }

    pub fn authorization(self, value: &str) -> Self {
        self.header("Authorization", value)
    }

    /// To the namespace of this site, whatever the headers say.
    pub fn namespace(mut self, site: &str) -> Self {
        site.clone_into(&mut self.site);
        self
    }

    /// With this payload of CONNECT.
    pub fn payload(mut self, json: Value) -> Self {
        self.payload = Some(json);
        self
    }

    pub fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.dial.path);
        self
    }

    /// By another port.
    pub fn by(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The CONNECT packet, as Socket.IO has it.
    pub fn connect_packet(&self) -> String {
        let payload = self.payload.as_ref().map(Value::to_string).unwrap_or_default();
        packet('0', &namespace(&self.site), None, &payload)
    }

    /// Opens the connection, and nothing else.
    pub async fn open(&self) -> Visitor {
        Visitor::new(Client::dial_at(self.port, &self.dial).await, &self.site)
    }

    /// Opens the connection and asks to be let in.
    pub async fn knock(&self) -> Visitor {
        let mut visitor = self.open().await;
        visitor.client.say(&self.connect_packet()).await;
        visitor
    }

    /// Is let in.
    pub async fn join(&self) -> Visitor {
        let mut visitor = self.knock().await;
        visitor.welcomed().await;
        visitor
    }

    /// Is not let in: why. Nothing comes behind the refusal, and the connection stays.
    pub async fn refused(&self) -> String {
        let mut visitor = self.knock().await;
        let text = visitor.refused().await;
        visitor.client.settled().await;
        text
    }

    /// Opens a connection that polls.
    pub async fn poll(&self) -> Poller {
        Poller::dial_at(self.port, &self.dial).await
    }
}
