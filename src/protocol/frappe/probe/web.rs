//! The web server of a site: who it says that somebody is, and which way of asking for permission it knows.

use tokio::time::timeout;

use super::{PATIENCE, Probe};
use crate::domain::{PermissionApi, Secret};
use crate::protocol::frappe::ask::{Answer, Asked, CallFailure, ask_at};
use crate::protocol::frappe::bases::Base;
use crate::protocol::frappe::caller::{Caller, User};
use crate::protocol::frappe::permission::has_permission;

/// What a web server says about somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It names a user.
    User(User),
    /// It names nobody: from version 16 on that is what it says to a stranger, who does not know its secret.
    Nobody,
    /// It sends a page for people, with this status: it is no Frappe, or not this site.
    Page(u16),
    /// It says nothing of use.
    Failed(CallFailure),
}

impl Said {
    fn by(answer: &Answer) -> Self {
        if answer.is_page() {
            return Self::Page(answer.status());
        }
        match (answer.user(), answer.message()) {
            (Some(user), _) => Self::User(user),
            (None, Ok(message)) if message.as_object().is_some_and(serde_json::Map::is_empty) => Self::Nobody,
            (None, Ok(_)) => Self::Failed(CallFailure::NoUser),
            (None, Err(failure)) => Self::Failed(failure),
        }
    }
}

impl Probe {
    /// Who this web server says that the caller is.
    pub async fn user_info(&self, base: &Base, caller: &Caller, secret: Option<&Secret>) -> Said {
        let asked = Asked::get("frappe.realtime.get_user_info", Vec::new());
        match self.ask(base, caller, secret, &asked).await {
            Ok(answer) => Said::by(&answer),
            Err(failure) => Said::Failed(failure),
        }
    }

    /// Which method it knows; `None` where its answer does not tell.
    pub async fn permission_api(
        &self,
        base: &Base,
        caller: &Caller,
        secret: Option<&Secret>,
    ) -> Option<PermissionApi> {
        let answer = self.ask(base, caller, secret, &has_permission("User", None)).await.ok()?;
        if answer.lacks_method() {
            return Some(PermissionApi::CanSubscribe);
        }
        let knows = answer.message().is_ok() || answer.status() == 403;
        (knows && !answer.is_page()).then_some(PermissionApi::HasPermission)
    }

    async fn ask(
        &self,
        base: &Base,
        caller: &Caller,
        secret: Option<&Secret>,
        asked: &Asked,
    ) -> Result<Answer, CallFailure> {
        let asking = ask_at(&self.outgoing, base, caller, secret, asked);
        timeout(PATIENCE, asking).await.unwrap_or(Err(CallFailure::Late))
    }
}
