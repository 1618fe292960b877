//! A method of the site that says what an event means.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Facts;
use crate::domain::app_events::{EventHook, HookCalling};
use crate::frappe::said;
use crate::protocol::frappe::{Asked, Credential};

/// Longest event that is handed on in a body, in bytes.
const LONGEST_BODY: usize = 1 << 18;
/// Longest question in an address: web servers take lines of 4 KiB (gunicorn).
const LONGEST_QUERY: usize = 3_000;
/// Most rooms, and most events, of one answer.
const MOST: usize = 100;

/// What is asked about an event; `None` where it is too long.
pub(in crate::frappe) fn asked(
    hook: &EventHook,
    credential: &Credential,
    event: &str,
    sid: &str,
    facts: &Facts<'_>,
) -> Option<Asked> {
    // Text in either way, so that the method need not know which it was.
    let args = Value::from(facts.args).to_string();
    // Not `sid`: Frappe would take that for the session, before any cookie.
    let fields =
        [("event", event), ("args", &args), ("user", facts.user), ("socket_id", sid), ("site", facts.site)];
    let by_get = match (hook.calling, credential) {
        (HookCalling::AsClientByGet, _) | (HookCalling::AsClient, Credential::Cookie(_)) => true,
        (HookCalling::AsClient, Credential::Authorization(_)) | (HookCalling::BySecret, _) => false,
    };
    if by_get {
        let query = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        return fits_address(&fields).then(|| Asked::get(&hook.method, query));
    }
    let [event, args, user, sid, site] = fields.map(|(_, value)| value);
    let body = json!({"event": event, "args": args, "user": user, "socket_id": sid, "site": site});
    let body = body.to_string().into_bytes();
    let asked = (body.len() <= LONGEST_BODY).then(|| Asked::post(&hook.method, body))?;
    Some(if hook.calling == HookCalling::BySecret { asked.by_secret() } else { asked })
}

/// Whether a web server takes so much in an address.
pub(super) fn fits_address(fields: &[(&str, &str)]) -> bool {
    let long: usize = fields.iter().map(|(name, value)| name.len() + encoded(value) + 2).sum();
    long <= LONGEST_QUERY
}

/// Bytes of a value in an address.
fn encoded(value: &str) -> usize {
    value
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() || b" -._*".contains(&byte) { 1 } else { 3 })
        .sum()
}

/// What a site wants done.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::frappe) struct Orders {
    pub(in crate::frappe) leave: Vec<String>,
    pub(in crate::frappe) join: Vec<String>,
    pub(in crate::frappe) emit: Vec<Emit>,
}

/// An event that a site wants emitted.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::frappe) struct Emit {
    pub(in crate::frappe) to: To,
    /// Not to the client that has spoken.
    pub(in crate::frappe) others: bool,
    /// The JSON array of the event.
    pub(in crate::frappe) json: String,
}

/// To whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::frappe) enum To {
    Caller,
    Room(String),
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Said {
    leave: Names,
    join: Names,
    emit: Option<Vec<Value>>,
}

#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Names {
    One(String),
    Many(Vec<String>),
    /// `None` of Python.
    #[default]
    Nothing,
}

#[derive(Deserialize)]
struct RawEmit {
    event: String,
    #[serde(default)]
    args: Value,
    #[serde(default)]
    room: Option<String>,
    #[serde(default)]
    user: Option<String>,
    #[serde(default, rename = "self")]
    to_self: bool,
    #[serde(default)]
    others: bool,
}

impl Orders {
    /// Reads what the method returned; `Err` says what is wrong with it. Nothing, and what is false, are no orders.
    pub(in crate::frappe) fn read(message: Value) -> Result<Self, String> {
        if !message.is_object() {
            return if message.is_null() || message.is_boolean() {
                Ok(Self::default())
            } else {
                Err("it is neither an object with `join`, `leave` and `emit` nor nothing".to_owned())
            };
        }
        // The errors' own texts would quote what was answered.
        let wrong = |_| {
            "`join` and `leave` must be a room or a list of rooms, and `emit` a list of events".to_owned()
        };
        let said: Said = serde_json::from_value(message).map_err(wrong)?;
        let wanted = said.emit.unwrap_or_default();
        if wanted.len() > MOST {
            return Err(format!("`emit` has more than {MOST} entries"));
        }
        let emit = wanted.into_iter().map(emit).collect::<Result<_, _>>()?;
        Ok(Self { leave: said.leave.rooms("leave")?, join: said.join.rooms("join")?, emit })
    }
}

impl Names {
    fn rooms(self, what: &str) -> Result<Vec<String>, String> {
        let rooms = match self {
            Self::One(room) => vec![room],
            Self::Many(rooms) => rooms,
            Self::Nothing => Vec::new(),
        };
        if rooms.len() > MOST {
            return Err(format!("`{what}` names more than {MOST} rooms"));
        }
        // The room without a name is that of everybody.
        if rooms.iter().any(String::is_empty) {
            Err(format!("`{what}` names a room without a name"))
        } else {
            Ok(rooms)
        }
    }
}

fn emit(raw: Value) -> Result<Emit, String> {
    let wrong = |_| {
        "an entry of `emit` must be an object with texts as `event`, `room` and `user`, and true or false as `self` and `others`"
            .to_owned()
    };
    let raw: RawEmit = serde_json::from_value(raw).map_err(wrong)?;
    if said::is_reserved(&raw.event) {
        return Err(format!("the event name `{}` is reserved by Socket.IO", raw.event));
    }
    let to = match (raw.to_self, raw.room, raw.user) {
        (true, None, None) => To::Caller,
        (false, Some(room), None) if !room.is_empty() => To::Room(room),
        (false, None, Some(user)) if !user.is_empty() => To::Room(format!("user:{user}")),
        _ => return Err("an entry of `emit` needs one of `room`, `user` and `self`".to_owned()),
    };
    let mut parts = vec![Value::from(raw.event)];
    match raw.args {
        Value::Null => {}
        Value::Array(args) => parts.extend(args),
        one => parts.push(one),
    }
    Ok(Emit { to, others: raw.others, json: Value::from(parts).to_string() })
}
