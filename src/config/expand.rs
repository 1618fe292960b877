//! `${NAME}` in the values of the files.

use std::collections::BTreeMap;

use super::problem::{Findings, Place};
use super::yaml::{Entry, Node, Scalar};

/// The variables of the environment.
pub(super) type Env = BTreeMap<String, String>;

/// Replaces the references in all values below `entries`. Where that fails, the value is taken out and said to
/// be broken (see [`Node::Broken`]); a value that is empty because the variable is (`${NAME:-}`) counts as not
/// given and goes.
pub(super) fn expand(entries: &mut Vec<Entry>, env: &Env, findings: &mut Findings) {
    entries.retain_mut(|entry| expand_node(&mut entry.node, &entry.place, &entry.key, env, findings));
}

/// Whether the value is still given.
fn expand_node(node: &mut Node, place: &Place, key: &str, env: &Env, findings: &mut Findings) -> bool {
    match node {
        Node::Null | Node::Broken => true,
        Node::Map(entries) => {
            expand(entries, env, findings);
            true
        }
        Node::List(items) => {
            items.retain_mut(|(place, item)| expand_node(item, place, key, env, findings));
            true
        }
        Node::Scalar(scalar) => match expand_text(&scalar.text, env) {
            Ok(None) => true,
            Ok(Some(text)) => {
                let given = !text.is_empty();
                *scalar = Scalar { text, read_as: None, is_text: true, expanded: true };
                given
            }
            Err(what) => {
                findings.error(place, key, what);
                *node = Node::Broken;
                true
            }
        },
    }
}

/// `None`: there is nothing to replace.
pub(super) fn expand_text(text: &str, env: &Env) -> Result<Option<String>, String> {
    if !text.contains("${") {
        return Ok(None);
    }
    let mut out = String::new();
    let mut rest = text;
    let mut replaced = false;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = after;
            continue;
        }
        let (reference, after) = after.split_once('}').ok_or(
            "`${` is not closed by `}`; write `${NAME}` for a variable, or `$${` for the characters themselves",
        )?;
        out.push_str(before);
        out.push_str(&resolve(reference, env)?);
        rest = after;
        replaced = true;
    }
    out.push_str(rest);
    // An escape alone makes no secret of the value, but its text did change.
    Ok((replaced || out != text).then_some(out))
}

fn resolve(reference: &str, env: &Env) -> Result<String, String> {
    let (name, default) = match reference.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (reference, None),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(plain) || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err("`${..}` must hold the name of a variable, as in `${NAME}` or `${NAME:-default}`; \
             write `$${` for the characters themselves"
            .to_owned());
    }
    let value = env.get(name).filter(|value| !value.is_empty());
    match (value, default) {
        (Some(value), _) => Ok(value.clone()),
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => {
            let is = if env.contains_key(name) { "is empty" } else { "is not set" };
            Err(format!(
                "the environment variable {name} {is}; set it, or give a default with `${{{name}:-default}}`"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env() -> Env {
        [("KEY", "s3cret"), ("EMPTY", ""), ("N1_", "x")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    #[test]
    fn references_are_replaced() {
        for (text, expanded) in [
            ("plain", None),
            ("a $ b $KEY }", None),
            ("${KEY}", Some("s3cret")),
            ("<${KEY}-${N1_}>", Some("<s3cret-x>")),
            ("${NONE:-d:-e}", Some("d:-e")),
            ("${KEY:-d}", Some("s3cret")),
            ("${EMPTY:-d}", Some("d")),
            ("${NONE:-}", Some("")),
            ("$${KEY}", Some("${KEY}")),
            ("$${KEY} ${KEY}", Some("${KEY} s3cret")),
        ] {
            assert_eq!(expand_text(text, &env()), Ok(expanded.map(str::to_owned)), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_replaced_says_why() {
        for (text, part) in [
            (
                "${NONE}",
                "the environment variable NONE is not set; set it, or give a default with `${NONE:-default}`",
            ),
            ("${EMPTY}", "the environment variable EMPTY is empty"),
            ("${KEY", "is not closed"),
            ("${}", "must hold the name of a variable"),
            ("${1A}", "must hold the name of a variable"),
            ("${A B}", "must hold the name of a variable"),
        ] {
            let error = expand_text(text, &env()).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
