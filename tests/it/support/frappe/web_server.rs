//! The web server of a bench, which knows who a client is and what it may see; and every call that came to it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::sync::{Semaphore, watch};

use super::web_rules::Rules;
use crate::support::process::free_port;
use crate::support::site_server::{PATIENCE, Reply, Seen, SiteServer};

pub const USER_INFO: &str = "frappe.realtime.get_user_info";
pub const HAS_PERMISSION: &str = "frappe.realtime.has_permission";
pub const CAN_SUBSCRIBE_DOC: &str = "frappe.realtime.can_subscribe_doc";
pub const CAN_SUBSCRIBE_DOCTYPE: &str = "frappe.realtime.can_subscribe_doctype";

/// A call of a method.
#[derive(Debug, Clone)]
pub struct Call {
    pub seen: Seen,
    /// With its dots; empty where the path is none of `/api/method/`.
    pub method: String,
    /// As it came.
    pub query: String,
}

impl Call {
    fn of(seen: &Seen) -> Self {
        let (path, query) = seen.path.split_once('?').unwrap_or((&seen.path, ""));
        let method = path.strip_prefix("/api/method/").unwrap_or_default().to_owned();
        Self { seen: seen.clone(), method, query: query.to_owned() }
    }

    /// A parameter of the query; empty where it is missing.
    pub fn param(&self, name: &str) -> String {
        let mut pairs = form_urlencoded::parse(self.query.as_bytes());
        pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<String> {
        self.seen.header(name)
    }
}

struct State {
    rules: Mutex<Rules>,
    calls: Mutex<Vec<Call>>,
    count: watch::Sender<usize>,
}

/// A web server that can go away and come back.
pub struct WebServer {
    address: SocketAddr,
    state: Arc<State>,
    server: Option<SiteServer>,
}

impl WebServer {
    pub async fn start() -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST).await
    }

    /// At this address of the machine itself.
    pub async fn start_at(ip: Ipv4Addr) -> Self {
        let state =
            State { rules: Mutex::new(Rules::new()), calls: Mutex::default(), count: watch::Sender::new(0) };
        let address = (ip, free_port()).into();
        let mut server = Self { address, state: Arc::new(state), server: None };
        server.up().await;
        server
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Connections to it are refused, and those that were open are closed.
    pub async fn down(&mut self) {
        self.server = None;
        let refuses = async {
            while tokio::net::TcpStream::connect(self.address).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, refuses).await.expect("the web server must be gone");
    }

    /// It is there again.
    pub async fn up(&mut self) {
        let state = Arc::clone(&self.state);
        let script = move |seen: &Seen, _| {
            let call = Call::of(seen);
            state.calls.lock().unwrap().push(call.clone());
            state.count.send_modify(|count| *count += 1);
            state.rules.lock().unwrap().reply(&call)
        };
        self.server = Some(SiteServer::start_at(self.address, script).await);
    }

    /// Changes what it goes by.
    pub fn rules(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut self.state.rules.lock().unwrap());
    }

    /// A method is answered like this from now on.
    pub fn arrange(&self, method: &str, reply: Reply) {
        self.rules(|rules| drop(rules.arranged.insert(method.to_owned(), reply)));
    }

    /// A method is answered as usual again.
    pub fn as_usual(&self, method: &str) {
        self.rules(|rules| drop(rules.arranged.remove(method)));
    }

    /// Nobody may see this document; with an empty name, this doctype.
    pub fn deny(&self, doctype: &str, name: &str) {
        let document = (doctype.to_owned(), name.to_owned());
        self.rules(|rules| {
            rules.denied.insert(document);
        });
    }

    /// Every answer of this method waits for a permit from now on, and uses it up.
    pub fn hold(&self, method: &str) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        self.rules(|rules| drop(rules.held.insert(method.to_owned(), Arc::clone(&gate))));
        gate
    }

    /// Everything that was asked so far.
    pub fn calls(&self) -> Vec<Call> {
        self.state.calls.lock().unwrap().clone()
    }

    /// The calls of a method so far.
    pub fn calls_of(&self, method: &str) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.method == method).collect()
    }

    /// Waits until a method was called this often, and gives these calls.
    pub async fn wait_for(&self, method: &str, count: usize) -> Vec<Call> {
        let mut changes = self.state.count.subscribe();
        let enough = changes.wait_for(|_| self.calls_of(method).len() >= count);
        let came = tokio::time::timeout(PATIENCE, enough).await.is_ok();
        assert!(came, "{count} calls of {method} were due; there were {:?}", self.calls());
        self.calls_of(method)
    }
}
