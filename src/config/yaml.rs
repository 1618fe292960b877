//! YAML with positions: a tree that keeps every scalar as it is written.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{Location, MessageFormatter, Spanned, UserMessageFormatter};

use super::problem::{Findings, Place};

/// A value of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// Nothing: `key:` or `key: null`.
    Null,
    /// A string, number or boolean.
    Scalar(Scalar),
    /// A mapping.
    Map(Vec<Entry>),
    /// A sequence.
    List(Vec<(Place, Node)>),
    /// A value that was found wrong, and said to be.
    Broken,
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The key.
    pub(super) key: String,
    /// Where the key stands.
    pub(super) place: Place,
    /// The value.
    pub(super) node: Node,
}

/// A string, number or boolean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scalar {
    /// As it is written in the file, without the quotes: `007` is `007`, not 7.
    pub(super) text: String,
    /// What other readers of YAML make of an unquoted number or boolean, where that is not what is written.
    pub(super) read_as: Option<String>,
    /// Whether it is a text for all readers of YAML, and no number or boolean.
    pub(super) is_text: bool,
    /// Whether it came out of the environment and may be a secret, that is: should not be shown.
    pub(super) expanded: bool,
}

impl Node {
    /// What it is, for a message.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Scalar(_) => "a single value",
            Self::Map(_) => "a mapping",
            Self::List(_) => "a list",
            Self::Broken => "a wrong value",
        }
    }
}

/// Reads a file. `None` where it cannot be read at all; a file without content is [`Node::Null`].
pub(super) fn parse(file: &str, text: &str, findings: &mut Findings) -> Option<Node> {
    match read(text, DuplicateKeyPolicy::LastWins) {
        Ok(raw) => {
            let before = findings.errors();
            let node = Reader { file, text, findings }.node(raw);
            // Keys that are numbers are made one by the crate before they can be seen twice here.
            if findings.errors() == before
                && let Err(error) = read(text, DuplicateKeyPolicy::Error)
            {
                report(file, &error, findings);
            }
            Some(node)
        }
        Err(error) => {
            report(file, &error, findings);
            None
        }
    }
}

fn read(text: &str, duplicates: DuplicateKeyPolicy) -> Result<Spanned<Raw>, serde_saphyr::Error> {
    let options = serde_saphyr::options! {
        duplicate_keys: duplicates,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        // `no` and `on` are words, as they were for the service this replaces.
        strict_booleans: true,
        // A snippet of the file might show a key.
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options)
}

fn report(file: &str, error: &serde_saphyr::Error, findings: &mut Findings) {
    let place = match error.location().filter(|at| at.line() > 0) {
        Some(at) => position(file, at),
        None => Place::WholeFile(file.to_owned()),
    };
    let text = UserMessageFormatter.format_message(error);
    findings.error(&place, "", format!("not valid YAML: {text}"));
}

fn position(file: &str, at: Location) -> Place {
    Place::File { file: file.to_owned(), line: at.line(), column: at.column() }
}

/// A value as the crate hands it over.
enum Raw {
    Null,
    /// Its text.
    Text(String),
    /// What it was understood as; the text is to be taken from the file.
    Other(String),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
    List(Vec<Spanned<Raw>>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Other(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Other(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Other(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Other(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Raw, E> {
        Ok(Raw::Other(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Other(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }
}

/// Turns what the crate hands over into a tree.
struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    findings: &'a mut Findings,
}

impl Reader<'_> {
    fn node(&mut self, raw: Spanned<Raw>) -> Node {
        match raw.value {
            Raw::Null => Node::Null,
            Raw::Text(text) => Node::Scalar(Scalar { text, read_as: None, is_text: true, expanded: false }),
            Raw::Other(value) => Node::Scalar(self.as_written(value, raw.defined)),
            Raw::Map(entries) => Node::Map(self.map(entries)),
            Raw::List(items) => Node::List(items.into_iter().map(|item| self.item(item)).collect()),
        }
    }

    fn item(&mut self, item: Spanned<Raw>) -> (Place, Node) {
        (position(self.file, item.referenced), self.node(item))
    }

    /// A number or boolean, in the letters in which it stands in the file.
    fn as_written(&self, value: String, at: Location) -> Scalar {
        let span = at.span();
        let written = span.byte_offset().zip(span.byte_len()).and_then(|(start, len)| {
            let start = usize::try_from(start).ok()?;
            let end = start.checked_add(usize::try_from(len).ok()?)?;
            Some(self.text.get(start..end)?.trim().trim_matches(['"', '\'']).to_owned())
        });
        match written {
            Some(text) if text != value => {
                Scalar { text, read_as: Some(value), is_text: false, expanded: false }
            }
            _ => Scalar { text: value, read_as: None, is_text: false, expanded: false },
        }
    }

    fn map(&mut self, raw: Vec<(Spanned<String>, Spanned<Raw>)>) -> Vec<Entry> {
        let mut first: BTreeMap<String, Location> = BTreeMap::new();
        let mut entries = Vec::new();
        for (key, value) in raw {
            let place = position(self.file, key.referenced);
            if let Some(line) = first.get(&key.value).map(Location::line) {
                let text = format!("stands twice, first in line {line}; delete one of the two");
                self.findings.error(&place, &key.value, text);
                continue;
            }
            first.insert(key.value.clone(), key.referenced);
            entries.push(Entry { key: key.value, place, node: self.node(value) });
        }
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<Node>, String) {
        let mut findings = Findings::default();
        let node = parse("f.yml", text, &mut findings);
        (node, findings.finish().err().map(|problems| problems.to_string()).unwrap_or_default())
    }

    fn scalars(text: &str) -> Vec<String> {
        let (node, problems) = read(text);
        assert_eq!(problems, "", "{text}");
        let Some(Node::Map(entries)) = node else { panic!("{text}") };
        entries
            .into_iter()
            .map(|entry| match entry.node {
                Node::Scalar(scalar) => scalar.text,
                other => other.kind().to_owned(),
            })
            .collect()
    }

    #[test]
    fn a_scalar_is_kept_as_it_is_written() {
        for (yaml, text) in [
            ("a: 123", "123"),
            ("a: 007", "007"),
            ("a: \"007\"", "007"),
            ("a: '123'", "123"),
            ("a: 1_000", "1_000"),
            ("a: 0x1F # comment", "0x1F"),
            ("a: 1.50", "1.50"),
            ("a: 1e3", "1e3"),
            ("a: .inf", ".inf"),
            ("a: 123456789012345678901234567890", "123456789012345678901234567890"),
            ("a: true", "true"),
            ("a: no", "no"),
            ("a: On", "On"),
            ("a: !!int 12", "12"),
            ("a: !!str 12", "12"),
            ("# ä🙂\nä: 0x1F", "0x1F"),
            ("a:", "nothing"),
            ("a: null", "nothing"),
            ("a: ~", "nothing"),
            ("a: 'null'", "null"),
            ("a: [1]", "a list"),
            ("a: {b: 1}", "a mapping"),
        ] {
            assert_eq!(scalars(yaml), [text], "{yaml}");
        }
    }

    #[test]
    fn an_anchor_and_a_merge_are_followed() {
        assert_eq!(scalars("a: &x 0x10\nb: *x"), ["0x10", "0x10"]);
        let (node, problems) = read("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  p: 0x03\n");
        assert_eq!(problems, "");
        let Some(Node::Map(entries)) = node else { panic!() };
        let Node::Map(merged) = &entries[1].node else { panic!() };
        let mut merged: Vec<(&str, &Node)> = merged.iter().map(|e| (e.key.as_str(), &e.node)).collect();
        merged.sort_by_key(|(key, _)| *key);
        let text = |node: &Node| match node {
            Node::Scalar(scalar) => scalar.text.clone(),
            _ => panic!(),
        };
        assert_eq!(
            merged.iter().map(|(key, node)| (*key, text(node))).collect::<Vec<_>>(),
            [("p", "0x03".to_owned()), ("q", "2".to_owned())]
        );
    }

    #[test]
    fn a_scalar_that_others_read_otherwise_is_marked() {
        for (yaml, read_as) in [
            ("a: 0x10", Some("16")),
            ("a: 16", None),
            ("a: 1.50", Some("1.5")),
            ("a: no", None),
            ("a: True", Some("true")),
        ] {
            let (Some(Node::Map(entries)), _) = read(yaml) else { panic!() };
            let Node::Scalar(scalar) = &entries[0].node else { panic!() };
            assert_eq!(scalar.read_as.as_deref(), read_as, "{yaml}");
        }
    }

    #[test]
    fn every_key_that_stands_twice_is_named() {
        let (_, problems) = read("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n");
        assert_eq!(
            problems,
            "f.yml:4:3: c: stands twice, first in line 3; delete one of the two\n\
             f.yml:5:1: a: stands twice, first in line 1; delete one of the two"
        );
        let (_, problems) = read("12: 1\n12: 2\n");
        assert!(problems.starts_with("f.yml:2:1: "), "{problems}");
    }

    #[test]
    fn what_is_not_yaml_is_refused_with_its_place_and_without_a_snippet() {
        for (yaml, start) in [
            ("a: [1, 2\nb: secret", "f.yml:"),
            ("a: 1\n  b: secret\n", "f.yml:2:"),
            ("a: \"secret", "f.yml:"),
            ("a: 1\n---\na: secret\n", "f.yml:"),
            ("a: *secret\n", "f.yml:1:4"),
            ("a: 1\n\tb: 2", "f.yml:"),
        ] {
            let (node, problems) = read(yaml);
            assert!(node.is_none(), "{yaml}");
            assert!(problems.starts_with(start) && problems.contains("not valid YAML"), "{problems}");
            assert!(!problems.contains("secret"), "{problems}");
            assert_eq!(problems.lines().count(), 1, "{problems}");
        }
    }

    #[test]
    fn an_empty_file_is_null() {
        for yaml in ["", "# only a comment\n", "\u{feff}", "---\n"] {
            assert_eq!(read(yaml).0, Some(Node::Null), "{yaml:?}");
        }
    }
}
