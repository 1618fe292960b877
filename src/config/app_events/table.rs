//! A mapping whose keys are known, with what is said about those that are not.

use super::super::problem::{Findings, Place};
use super::super::schema::nearest_word;
use super::super::yaml::{Entry, Node, Scalar};

/// A mapping, and how it is called in messages.
pub(super) struct Table<'a> {
    pub(super) path: String,
    pub(super) place: &'a Place,
    pub(super) entries: &'a [Entry],
}

impl<'a> Table<'a> {
    /// What stands at an entry, if it is a mapping; else that is reported.
    pub(super) fn of(path: &str, entry: &'a Entry, findings: &mut Findings) -> Option<Self> {
        Self::from(path, &entry.place, &entry.node, findings)
    }

    /// What stands at a place.
    pub(super) fn from(
        path: &str,
        place: &'a Place,
        node: &'a Node,
        findings: &mut Findings,
    ) -> Option<Self> {
        match node {
            Node::Map(entries) => Some(Self { path: path.to_owned(), place, entries }),
            Node::Broken => None,
            other => {
                let text =
                    format!("must be a mapping, not {}; its keys stand below it, indented", other.kind());
                findings.error(place, path, text);
                None
            }
        }
    }

    /// Reports keys that are none of these.
    pub(super) fn knows(&self, known: &[&str], findings: &mut Findings) {
        for entry in self.entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let text = match nearest_word(known.iter().copied(), &entry.key) {
                Some(meant) => format!("is not a setting; did you mean `{meant}`?"),
                None => format!("is not a setting; it may be one of {}", known.join(", ")),
            };
            findings.error(&entry.place, self.path_of(&entry.key), text);
        }
    }

    /// An entry.
    pub(super) fn get(&self, key: &str) -> Option<&'a Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// How a key is called in messages.
    pub(super) fn path_of(&self, key: &str) -> String {
        if key.is_empty() { self.path.clone() } else { format!("{}.{key}", self.path) }
    }

    /// Where a key stands; the whole, where it does not.
    pub(super) fn place_of(&self, key: &str) -> &'a Place {
        self.get(key).map_or(self.place, |entry| &entry.place)
    }

    /// Reports something about a key.
    pub(super) fn error(&self, key: &str, text: impl Into<String>, findings: &mut Findings) {
        findings.error(self.place_of(key), self.path_of(key), text);
    }

    /// The text at a key, as `read` understands it. `Ok(None)` where the key is not there; `Err` where it is wrong, which is
    /// reported.
    pub(super) fn text<T>(
        &self,
        key: &str,
        findings: &mut Findings,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Wrong> {
        let Some(entry) = self.get(key) else { return Ok(None) };
        let text = match &entry.node {
            Node::Scalar(scalar) => read(&scalar.text).map_err(|text| shown(scalar, text)),
            Node::Broken => return Err(Wrong),
            other => Err(format!("must be a single value, not {}", other.kind())),
        };
        text.map(Some).map_err(|text| self.wrong(key, text, findings))
    }

    /// As [`Table::text`], where the key must be there.
    pub(super) fn need<T>(
        &self,
        key: &str,
        findings: &mut Findings,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, Wrong> {
        match self.text(key, findings, read)? {
            Some(value) => Ok(value),
            None => Err(self.wrong(key, "is missing".to_owned(), findings)),
        }
    }

    /// `true` or `false` at a key; false where it is not there.
    pub(super) fn flag(&self, key: &str, findings: &mut Findings) -> Result<bool, Wrong> {
        let read =
            |text: &str| super::super::value::boolean(text).map_err(|wanted| format!("must be {wanted}"));
        self.text(key, findings, read).map(Option::unwrap_or_default)
    }

    /// The texts at a key: one, or a list.
    pub(super) fn texts(
        &self,
        key: &str,
        findings: &mut Findings,
    ) -> Result<Vec<(&'a Place, &'a str)>, Wrong> {
        let Some(entry) = self.get(key) else { return Ok(Vec::new()) };
        let items: Vec<(&Place, &Node)> = match &entry.node {
            Node::List(items) => items.iter().map(|(place, node)| (place, node)).collect(),
            one => vec![(&entry.place, one)],
        };
        let texts = items.into_iter().map(|(place, node)| match node {
            // Names that messages quote.
            Node::Scalar(scalar) if scalar.expanded => {
                findings.error(place, self.path_of(key), "must not come out of the environment");
                Err(Wrong)
            }
            Node::Scalar(scalar) => Ok((place, scalar.text.as_str())),
            Node::Broken => Err(Wrong),
            other => {
                let text = format!("must be a text or a list of texts, not {}", other.kind());
                findings.error(place, self.path_of(key), text);
                Err(Wrong)
            }
        });
        // All of them, so that all are reported.
        texts.collect::<Vec<_>>().into_iter().collect()
    }

    fn wrong(&self, key: &str, text: String, findings: &mut Findings) -> Wrong {
        self.error(key, text, findings);
        Wrong
    }
}

/// What is said about a value, without the value where that may be a secret.
pub(super) fn shown(scalar: &Scalar, text: String) -> String {
    if scalar.expanded {
        return "cannot be used (what it is now is not shown here, for it may be a secret)".to_owned();
    }
    text
}

/// Something is wrong, and was reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wrong;

/// A method of an app.
pub(super) fn method(text: &str) -> Result<Box<str>, String> {
    let word = |word: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        !word.is_empty() && word.chars().all(plain)
    };
    if text.contains('.') && text.split('.').all(word) {
        Ok(text.into())
    } else {
        Err("must be a whitelisted method with its modules, such as myapp.realtime.may_join".to_owned())
    }
}

/// The name of an app.
pub(super) fn app(text: &str) -> Result<Box<str>, String> {
    if text.trim() == text && !text.is_empty() {
        Ok(text.into())
    } else {
        Err("must be the name of an app".to_owned())
    }
}

/// The name of an event that is emitted.
pub(super) fn event(text: &str) -> Result<Box<str>, String> {
    if text.is_empty() {
        return Err("must be the name of an event".to_owned());
    }
    if super::is_reserved(text) {
        return Err("is a name that is kept for the protocol; clients would not take it".to_owned());
    }
    Ok(text.into())
}
