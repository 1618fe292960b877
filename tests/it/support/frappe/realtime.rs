//! A gateway that runs on a bench, in place of Frappe's own realtime server.

use std::process::ExitStatus;

use super::visit::Visit;
use super::visitor::Visitor;
use crate::support::http::{Answer, ask};
use crate::support::process::Process;
use rustix::process::Signal;

/// Killed when dropped.
pub struct Realtime {
    pub port: u16,
    pub(super) process: Process,
}

impl Realtime {
    /// How to come to a site of it.
    pub fn visit(&self, site: &str) -> Visit {
        Visit::new(self.port, site)
    }

    /// A user of the site, by the session of a browser.
    pub async fn user(&self, site: &str, name: &str) -> Visitor {
        self.visit(site).sid(&format!("sid-{name}")).join().await
    }

    /// Somebody whom the site does not know.
    pub async fn guest(&self, site: &str) -> Visitor {
        self.visit(site).sid("Guest").join().await
    }

    /// One GET on a connection of its own.
    pub async fn get(&self, path: &str) -> Answer {
        ask(self.port, "GET", path, &[], b"").await
    }

    /// Waits until `/health` begins with this text.
    pub async fn healthy(&self, text: &str) {
        super::bench::until(&format!("/health says {text}"), async || {
            let answer = self.get("/health").await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer.text().starts_with(text)
        })
        .await;
    }

    /// Waits for a line of the log with this text.
    pub async fn log_line(&self, text: &str) -> String {
        self.process.line(&[text]).await
    }

    /// Everything that it logged so far.
    pub fn log(&self) -> String {
        self.process.lines.lock().unwrap().join("\n")
    }

    /// SIGKILL; it is gone when this returns.
    pub async fn kill9(&mut self) {
        self.process.signal(Signal::KILL);
        self.process.ended().await;
    }

    /// Holds the process still: its connections stay, and nothing is said or answered.
    pub fn freeze(&self) {
        self.process.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.process.signal(Signal::CONT);
    }

    /// SIGTERM; how it ended.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.process.signal(Signal::TERM);
        self.process.ended().await
    }
}
