//! What a source gives: known keys with their text and place, checked against the schema.

use std::collections::BTreeMap;

use super::expand::Env;
use super::problem::{Findings, Place};
use super::schema::{self, Key, Kind};
use super::value::Wanted;
use super::yaml::{Entry, Node};

/// The text of a setting, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    /// Where.
    pub(super) place: Place,
    /// Its text. `None` where it was found wrong already, and said to be.
    pub(super) text: Option<String>,
    /// See [`super::yaml::Scalar::read_as`].
    pub(super) read_as: Option<String>,
    /// Whether a message may show the text.
    pub(super) shown: bool,
}

impl Given {
    fn broken(place: &Place) -> Self {
        Self { place: place.clone(), text: None, read_as: None, shown: false }
    }

    /// A text that needs no more than a place.
    pub(super) fn plain(place: Place, text: impl Into<String>) -> Self {
        Self { place, text: Some(text.into()), read_as: None, shown: true }
    }
}

/// Settings by their path in the schema.
pub(super) type Flat = BTreeMap<&'static str, Given>;

/// Checks the keys of a file against the schema.
pub(super) fn from_entries(schema: &'static [Key], entries: &[Entry], findings: &mut Findings) -> Flat {
    let mut flattening = Flattening { schema, flat: Flat::new(), findings };
    flattening.section("", entries);
    flattening.flat
}

/// What the environment gives. An empty variable counts as not set.
pub(super) fn from_variables(schema: &'static [Key], env: &Env) -> Flat {
    let given = |key: &'static Key| {
        let name = key.variable?;
        let text = env.get(name).filter(|text| !text.is_empty())?;
        let mut given = Given::plain(Place::Variable(name.to_owned()), text);
        given.shown = !may_hold_secret(key.path);
        Some((key.path, given))
    };
    schema.iter().filter_map(given).collect()
}

/// A URL may hold a password or a key in its query.
pub(super) fn may_hold_secret(path: &str) -> bool {
    const MAY: &[&str] = &[
        "apiKey",
        "authUrl",
        "updateUserUrl",
        "backendUrl",
        "redisQueue",
        "redis.url",
        "redis.password",
        "frappe.backendUrl",
        "redis_queue",
        "redis_socketio",
        "webserver_host",
    ];
    MAY.contains(&path)
}

struct Flattening<'a> {
    schema: &'static [Key],
    flat: Flat,
    findings: &'a mut Findings,
}

impl Flattening<'_> {
    fn section(&mut self, section: &str, entries: &[Entry]) {
        for entry in entries {
            let path =
                if section.is_empty() { entry.key.clone() } else { format!("{section}.{}", entry.key) };
            match schema::find(self.schema, &path) {
                Some(key) => self.known(key, entry),
                None => self.unknown(&path, entry),
            }
        }
    }

    fn known(&mut self, key: &'static Key, entry: &Entry) {
        match key.kind {
            Kind::Section => match &entry.node {
                Node::Null | Node::Broken => {}
                Node::Map(entries) => self.section(key.path, entries),
                other => self.wrong_shape(key, entry, "a mapping", other),
            },
            Kind::SectionOr(value) => match (&entry.node, schema::find(self.schema, value)) {
                (Node::Map(entries), _) => self.section(key.path, entries),
                (Node::Scalar(_) | Node::List(_), Some(value)) => self.value(value, entry),
                (_, _) => {}
            },
            Kind::Value | Kind::Values => self.value(key, entry),
            Kind::Alias(of) => match schema::find(self.schema, of) {
                Some(of) if self.flat.contains_key(of.path) => self.twice(key, of, entry),
                Some(of) => self.value(of, entry),
                None => {}
            },
            Kind::Unused(why) => self.findings.warn(&entry.place, key.path, why),
            Kind::Refused(why) => self.findings.error(&entry.place, key.path, why),
        }
    }

    fn value(&mut self, key: &'static Key, entry: &Entry) {
        let mut given = Given::broken(&entry.place);
        match &entry.node {
            Node::Broken => {}
            Node::Scalar(scalar) if !scalar.text.is_empty() => {
                given.text = Some(scalar.text.clone());
                given.read_as.clone_from(&scalar.read_as);
                given.shown = !scalar.expanded && !may_hold_secret(key.path);
            }
            Node::Null | Node::Scalar(_) => {
                let mend = if key.default.is_some() {
                    "delete the line to get the default, or"
                } else {
                    "delete the line, or"
                };
                self.findings.error(&entry.place, key.path, format!("is empty; {mend} give it a value"));
            }
            Node::List(items) if key.kind == Kind::Values => {
                given.text = self.list(key, entry, items);
                given.shown = !may_hold_secret(key.path);
            }
            other => self.wrong_shape(key, entry, "a single value", other),
        }
        if let Some(earlier) = self.flat.insert(key.path, given)
            && earlier.text.is_some()
        {
            // Only an alias gets here: the same key twice does not pass the reader of the file.
            self.findings.error(
                &entry.place,
                key.path,
                "stands twice, once under its other name; delete one of the two",
            );
        }
    }

    /// The items of a list, one text with blanks between them.
    fn list(&mut self, key: &Key, entry: &Entry, items: &[(Place, Node)]) -> Option<String> {
        if items.is_empty() {
            self.findings.error(
                &entry.place,
                key.path,
                "is an empty list; delete the line, or name at least one",
            );
            return None;
        }
        let mut texts = Vec::new();
        for (place, item) in items {
            match item {
                Node::Scalar(scalar) if !scalar.text.is_empty() => texts.push(scalar.text.as_str()),
                Node::Broken => {}
                other => {
                    let text = format!("each item must be a single value, not {}", other.kind());
                    self.findings.error(place, key.path, text);
                }
            }
        }
        (texts.len() == items.len()).then(|| texts.join(" "))
    }

    fn wrong_shape(&mut self, key: &'static Key, entry: &Entry, wanted: &str, found: &Node) {
        let mut text = format!("must be {wanted}, not {}", found.kind());
        if key.kind == Kind::Section {
            text.push_str("; its keys stand below it, indented");
        }
        self.findings.error(&entry.place, key.path, text);
    }

    fn twice(&mut self, alias: &Key, key: &Key, entry: &Entry) {
        let text = format!("is another name of `{}`, which is given too; delete one of the two", key.path);
        self.findings.error(&entry.place, alias.path, text);
    }

    fn unknown(&mut self, path: &str, entry: &Entry) {
        let meant = schema::nearest(self.schema, path);
        let text = match meant {
            Some(meant) => format!("is not a setting; did you mean `{meant}`?"),
            None => "is not a setting; delete it".to_owned(),
        };
        self.findings.error(&entry.place, path, text);
        // The one that was meant is not missing, then.
        if let Some(meant) = meant {
            self.flat.entry(meant).or_insert_with(|| Given::broken(&entry.place));
        }
    }
}

/// Takes settings out of what was given, or out of the defaults.
pub(super) struct Fields<'a> {
    /// The schema they belong to.
    pub(super) schema: &'static [Key],
    /// What was given.
    pub(super) given: Flat,
    /// Where to report what is missing: the site, or the file.
    pub(super) owner: Place,
    /// Where problems go.
    pub(super) findings: &'a mut Findings,
}

impl Fields<'_> {
    /// The setting at `path`, else its default. `None` where there is neither, and where it is wrong, which is
    /// then reported.
    pub(super) fn take<T>(&mut self, path: &str, parse: impl Fn(&str) -> Wanted<T>) -> Option<T> {
        let Some(given) = self.given.get(path) else {
            return parse(schema::find(self.schema, path)?.default?).ok();
        };
        let text = given.text.as_deref()?;
        match parse(text) {
            Ok(value) => Some(value),
            Err(wanted) => {
                let text = format!("must be {wanted}{}", not(text, given.shown));
                let place = given.place.clone();
                self.findings.error(&place, path, text);
                None
            }
        }
    }

    /// Like [`Fields::take`], for a setting that must be given; `mend` says how.
    pub(super) fn require<T>(
        &mut self,
        path: &str,
        mend: &str,
        parse: impl Fn(&str) -> Wanted<T>,
    ) -> Option<T> {
        if !self.given.contains_key(path) {
            self.findings.error(&self.owner, path, format!("is missing; {mend}"));
        }
        self.take(path, parse)
    }

    /// Whether a source gives it.
    pub(super) fn has(&self, path: &str) -> bool {
        self.given.contains_key(path)
    }

    /// Reports that the setting at `path` is wrong beside others.
    pub(super) fn error(&mut self, path: &str, text: impl Into<String>) {
        let place = self.place(path);
        self.findings.error(&place, path, text);
    }

    /// Reports that the setting at `path` looks wrong.
    pub(super) fn warn(&mut self, path: &str, text: impl Into<String>) {
        let place = self.place(path);
        self.findings.warn(&place, path, text);
    }

    /// Where the setting at `path` stands; where nothing gives it, the place of the whole.
    pub(super) fn place(&self, path: &str) -> Place {
        self.given.get(path).map_or_else(|| self.owner.clone(), |given| given.place.clone())
    }
}

/// ", not ..." with the text that was given, as far as it may be shown.
fn not(text: &str, shown: bool) -> String {
    let mut start: String = text.chars().take(60).filter(|c| !c.is_control()).collect();
    if !shown {
        return " (what it is now is not shown here, for it may be a secret)".to_owned();
    }
    if start.len() < text.len() {
        start.push_str("...");
    }
    format!(", not `{start}`")
}
