//! What the fake web server of a bench answers when nothing else was arranged: as Frappe of that version would.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::web_server::{CAN_SUBSCRIBE_DOC, CAN_SUBSCRIBE_DOCTYPE, Call, HAS_PERMISSION, USER_INFO};
use crate::support::site_server::Reply;

/// What the web server goes by.
pub struct Rules {
    /// 14, 15 or 16.
    pub version: u32,
    /// What `X-Frappe-Socket-Secret` has to be (version 16).
    pub secret: String,
    /// Where the secret is put when somebody asks without it, as Frappe does: the socket of the bench's Redis.
    pub redis: Option<PathBuf>,
    /// What is installed on its sites besides Frappe itself.
    pub apps: Vec<&'static str>,
    /// Documents (or whole doctypes: an empty name) that nobody may see.
    pub denied: HashSet<(String, String)>,
    /// Answers that stand in place of the usual ones of a method.
    pub arranged: HashMap<String, Reply>,
    /// Methods whose answers wait for a permit.
    pub held: HashMap<String, Arc<Semaphore>>,
}

impl Rules {
    pub fn new() -> Self {
        Self {
            version: 16,
            secret: "s3cret-of-the-bench-0123456789abc".to_owned(),
            redis: None,
            apps: vec!["erpnext"],
            denied: HashSet::new(),
            arranged: HashMap::new(),
            held: HashMap::new(),
        }
    }

    pub fn reply(&self, call: &Call) -> Reply {
        let reply = self.arranged.get(&call.method).cloned().unwrap_or_else(|| self.usual(call));
        match self.held.get(&call.method) {
            Some(gate) => reply.behind(gate),
            None => reply,
        }
    }

    fn usual(&self, call: &Call) -> Reply {
        let Some(user) = user(call) else {
            return Reply::json(
                401,
                r#"{"exc_type":"AuthenticationError","exception":"frappe.exceptions.AuthenticationError"}"#,
            );
        };
        match (call.method.as_str(), self.version) {
            (USER_INFO, _) => self.user_info(call, &user),
            (HAS_PERMISSION, 16..) => self.has_permission(call),
            (CAN_SUBSCRIBE_DOC, ..16) => self.can_subscribe(&call.param("doctype"), &call.param("docname")),
            (CAN_SUBSCRIBE_DOCTYPE, ..16) => self.can_subscribe(&call.param("doctype"), ""),
            (method, _) => no_such_method(method),
        }
    }

    fn user_info(&self, call: &Call, user: &str) -> Reply {
        if self.version >= 16 && call.seen.header("x-frappe-socket-secret").as_ref() != Some(&self.secret) {
            self.create_secret();
            return Reply::json(200, r#"{"message": {}}"#);
        }
        let kind = if user == "Guest" || user.starts_with("web") { "Website User" } else { "System User" };
        let mut message = json!({ "user": user, "user_type": kind });
        if self.version >= 16 {
            message["installed_apps"] = json!([&["frappe"], self.apps.as_slice()].concat());
        }
        json_reply(200, &json!({ "message": message }))
    }

    /// The first who asks makes the secret, if it is not there.
    fn create_secret(&self) {
        if let Some(socket) = &self.redis {
            let key = ["SET", "socketio_auth_secret", &self.secret, "NX"];
            let done = Command::new("redis-cli").arg("-s").arg(socket).args(key).output();
            assert!(done.is_ok_and(|output| output.status.success()), "the secret must get into Redis");
        }
    }

    fn has_permission(&self, call: &Call) -> Reply {
        if self.is_denied(&call.param("doctype"), &call.param("name")) {
            return forbidden();
        }
        Reply::json(200, r#"{"message": true}"#)
    }

    fn can_subscribe(&self, doctype: &str, name: &str) -> Reply {
        if self.is_denied(doctype, name) { forbidden() } else { Reply::json(200, "{}") }
    }

    fn is_denied(&self, doctype: &str, name: &str) -> bool {
        self.denied.contains(&(doctype.to_owned(), name.to_owned()))
    }
}

/// Who asks: `sid-alice`, `Bearer alice`, `token alice:secret` and `Basic` with the same are alice@example.com, and every
/// other sid is Guest. Nobody, where the header says nothing that is known.
fn user(call: &Call) -> Option<String> {
    if let Some(authorization) = call.seen.header("authorization") {
        let name = match authorization.split_once(' ')? {
            ("Bearer", token) => token,
            ("token", pair) => pair.strip_suffix(":secret")?,
            ("Basic", "YWxpY2U6c2VjcmV0") => "alice",
            _ => return None,
        };
        return is_known(name).then(|| format!("{name}@example.com"));
    }
    let cookie = call.seen.header("cookie").and_then(|cookie| Some(cookie.strip_prefix("sid=")?.to_owned()));
    // As Frappe does: a parameter comes before the cookie.
    let sid = Some(call.param("sid")).filter(|sid| !sid.is_empty()).or(cookie).unwrap_or_default();
    let name = sid.strip_prefix("sid-").filter(|name| is_known(name));
    Some(name.map_or_else(|| "Guest".to_owned(), |name| format!("{name}@example.com")))
}

fn is_known(name: &str) -> bool {
    !name.is_empty() && name != "nobody" && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn forbidden() -> Reply {
    json_reply(
        403,
        &json!({ "exc_type": "PermissionError", "exception": "frappe.exceptions.PermissionError" }),
    )
}

fn no_such_method(method: &str) -> Reply {
    let (module, name) = method.rsplit_once('.').unwrap_or_default();
    let text =
        format!("Failed to get method for command {method} with module '{module}' has no attribute '{name}'");
    json_reply(417, &json!({ "exc_type": "ValidationError", "exception": text }))
}

fn json_reply(status: u16, json: &Value) -> Reply {
    Reply::json(status, &json.to_string())
}
