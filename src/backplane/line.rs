//! A line: the connection for commands to one server.

use std::rc::Rc;

use redis::Value;
use tokio::time::Instant;

use super::Trouble;
use super::check::Findings;
use super::dial::Connection;

/// The connection to one server; shared by all who have commands for it. What is sent on it is carried out in the order
/// in which `send` was polled first.
#[derive(Clone)]
pub struct Line(pub(super) Rc<Wire>);

pub(super) struct Wire {
    pub(super) connection: Connection,
    pub(super) server: String,
    pub(super) findings: Findings,
    pub(super) since: Instant,
}

impl Line {
    /// Sends commands in one piece. Each has its own answer; an error instead of answers means that of none is known
    /// whether it was carried out. Not for `atomic` pipelines.
    ///
    /// # Errors
    /// When there are no answers: [`Trouble::Broken`]. The line has to be reported then.
    pub async fn send(&self, commands: &redis::Pipeline) -> Result<Vec<Result<Value, Trouble>>, Trouble> {
        self.0.connection.send(commands).await
    }

    /// Where it leads, for logs: without the password.
    pub fn server(&self) -> &str {
        &self.0.server
    }

    /// What was found there.
    pub fn findings(&self) -> &Findings {
        &self.0.findings
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}
