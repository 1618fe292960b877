//! Templates, filled in with what a client said.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Facts;
use crate::domain::app_events::{Payload, Piece, Text, Word};
use crate::frappe::said;

/// Longest payload that comes of one relay, in bytes (roughly).
const MOST: usize = 1 << 18;

/// A payload in which nothing is open but the users of a room. Neighbours tell each other such payloads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::frappe) enum Filled {
    /// Stands as it is.
    Value(Value),
    /// The users.
    Users(Users),
    /// A text of these.
    Text(Vec<Filled>),
    /// A list.
    List(Vec<Filled>),
    /// An object.
    Object(Vec<(Box<str>, Filled)>),
}

/// How the users of a room are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::frappe) enum Users {
    /// A list of names.
    List,
    /// The list as JSON text.
    Json,
    /// How many.
    Count,
}

impl Filled {
    /// Fills in all but the users. `None` where it becomes too long.
    pub(super) fn of(payload: &Payload, facts: &Facts<'_>) -> Option<Self> {
        Filling { facts, left: MOST }.payload(payload)
    }

    /// As JSON, for these users.
    pub(in crate::frappe) fn json(&self, users: &[&str]) -> Value {
        match self {
            Self::Value(value) => value.clone(),
            Self::Users(Users::List) => Value::from(users),
            Self::Users(Users::Json) => Value::from(Value::from(users).to_string()),
            Self::Users(Users::Count) => Value::from(users.len()),
            Self::Text(parts) => {
                parts.iter().map(|part| as_text(&part.json(users))).collect::<String>().into()
            }
            Self::List(items) => items.iter().map(|item| item.json(users)).collect(),
            Self::Object(fields) => {
                fields.iter().map(|(name, field)| (String::from(&**name), field.json(users))).collect()
            }
        }
    }
}

struct Filling<'a> {
    facts: &'a Facts<'a>,
    left: usize,
}

impl Filling<'_> {
    fn payload(&mut self, payload: &Payload) -> Option<Filled> {
        match payload {
            Payload::Constant(value) => Some(Filled::Value(value.clone())),
            Payload::Text(text) => self.text(text),
            Payload::List(items) => {
                items.iter().map(|item| self.payload(item)).collect::<Option<_>>().map(Filled::List)
            }
            Payload::Object(fields) => {
                let said = fields.iter().filter(|(_, field)| !self.is_missing(field));
                let said: Vec<_> = said.collect();
                let filled = said.into_iter().map(|(name, field)| Some((name.clone(), self.payload(field)?)));
                filled.collect::<Option<_>>().map(Filled::Object)
            }
        }
    }

    /// An argument that was not given is `undefined` in JavaScript, and left out of objects.
    fn is_missing(&self, payload: &Payload) -> bool {
        let Payload::Text(text) = payload else { return false };
        matches!(text.only_word(), Some(Word::Arg(at)) if self.facts.args.get(at).is_none())
    }

    fn text(&mut self, text: &Text) -> Option<Filled> {
        if let Some(word) = text.only_word() {
            return self.word(word);
        }
        let parts = text.pieces().iter().map(|piece| match piece {
            Piece::Literal(literal) => Some(Filled::Value(Value::from(&**literal))),
            Piece::Word(word) => self.word(*word),
        });
        let parts: Vec<Filled> = parts.collect::<Option<_>>()?;
        let is_done = parts.iter().all(|part| matches!(part, Filled::Value(_)));
        let filled = Filled::Text(parts);
        Some(if is_done { Filled::Value(filled.json(&[])) } else { filled })
    }

    fn word(&mut self, word: Word) -> Option<Filled> {
        Some(match word {
            Word::Arg(at) => {
                let value = self.facts.args.get(at).unwrap_or(&Value::Null);
                self.left = self.left.checked_sub(weight(value))?;
                Filled::Value(value.clone())
            }
            Word::User => Filled::Value(self.facts.user.into()),
            Word::Site => Filled::Value(self.facts.site.into()),
            Word::Users => Filled::Users(Users::List),
            Word::UsersJson => Filled::Users(Users::Json),
            Word::Count => Filled::Users(Users::Count),
        })
    }
}

/// Bytes that a value takes, roughly.
fn weight(value: &Value) -> usize {
    8 + match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(fields) => fields.iter().map(|(name, field)| name.len() + weight(field)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// The text of a value within a longer one.
fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A text of which a room, or a question to the site, is made. `None` where an argument is neither a text nor a number:
/// such an event means nothing.
pub(super) fn plain(text: &Text, facts: &Facts<'_>) -> Option<String> {
    let mut out = String::new();
    for piece in text.pieces() {
        match piece {
            Piece::Literal(literal) => out.push_str(literal),
            Piece::Word(Word::Arg(at)) => out.push_str(&said::text(facts.args.get(*at)?)?),
            Piece::Word(Word::User) => out.push_str(facts.user),
            Piece::Word(Word::Site) => out.push_str(facts.site),
            Piece::Word(Word::Users | Word::UsersJson | Word::Count) => return None,
        }
    }
    Some(out)
}
