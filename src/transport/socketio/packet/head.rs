//! What all packets have in common.

use super::{MAX_ID, MAX_NAMESPACE, Malformed};

pub(super) struct Head<'a> {
    /// The type, as its digit.
    pub(super) kind: u8,
    /// Only with binary types.
    pub(super) attachments: usize,
    /// Without the query.
    pub(super) namespace: &'a str,
    /// What followed a `?` in the namespace of a CONNECT.
    pub(super) query: Option<&'a str>,
    /// Whether a comma ended the namespace.
    pub(super) comma: bool,
    pub(super) id: Option<u64>,
    /// All the rest.
    pub(super) body: &'a str,
}

impl<'a> Head<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, Malformed> {
        let (&kind, _) = text.as_bytes().split_first().ok_or(Malformed::Type)?;
        let (attachments, rest) = match kind {
            b'0'..=b'3' => (0, text.get(1..).unwrap_or_default()),
            b'5' | b'6' => attachments(text.get(1..).unwrap_or_default())?,
            _ => return Err(Malformed::Type),
        };
        let (name, comma, rest) = namespace(rest);
        let (namespace, query) = match name.split_once('?') {
            Some((namespace, query)) if kind == b'0' => (namespace, Some(query)),
            _ => (name, None),
        };
        if namespace.len() > MAX_NAMESPACE {
            return Err(Malformed::Namespace);
        }
        let (id, body) = if kind <= b'1' { (None, rest) } else { id(rest)? };
        Ok(Self { kind, attachments, namespace, query, comma, id, body })
    }
}

/// `<n>-`.
fn attachments(rest: &str) -> Result<(usize, &str), Malformed> {
    let (count, rest) = digits(rest);
    let rest = rest.strip_prefix('-').ok_or(Malformed::Attachments)?;
    Ok((count.parse().map_err(|_| Malformed::Attachments)?, rest))
}

/// `/name,`, or `/name` at the end; nothing stands for the root. The root can also be written out.
fn namespace(rest: &str) -> (&str, bool, &str) {
    if !rest.starts_with('/') {
        return ("/", false, rest);
    }
    match rest.split_once(',') {
        Some((name, rest)) => (name, true, rest),
        None => (rest, false, ""),
    }
}

fn id(rest: &str) -> Result<(Option<u64>, &str), Malformed> {
    let (digits, rest) = digits(rest);
    if digits.is_empty() {
        return Ok((None, rest));
    }
    let id = digits.parse().map_err(|_| Malformed::Id)?;
    if id > MAX_ID { Err(Malformed::Id) } else { Ok((Some(id), rest)) }
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}
