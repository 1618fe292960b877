//! The environment sections that the original has in `config.yml`.
//!
//! ```yaml
//! production:
//!   port: 80
//! development:
//!   port: 1337
//! ```

use super::problem::{Findings, Place};
use super::schema::{self, SERVER};
use super::yaml::{Entry, Node};

/// The settings of environment `name`: those of its section, or all of them in a file without sections.
pub(super) fn choose(file: &str, root: Vec<Entry>, name: &str, findings: &mut Findings) -> Vec<Entry> {
    if !has_sections(&root, name) {
        return root;
    }
    let (sections, loose): (Vec<Entry>, Vec<Entry>) =
        root.into_iter().partition(|entry| schema::find(SERVER, &entry.key).is_none());
    for entry in loose {
        let text = "stands beside the environment sections, where it belongs to none; move it into one";
        findings.error(&entry.place, &entry.key, text);
    }
    let known: Vec<String> = sections.iter().map(|entry| entry.key.clone()).collect();
    match sections.into_iter().find(|entry| entry.key == name) {
        Some(Entry { node: Node::Map(entries), .. }) => entries,
        Some(Entry { node: Node::Null, .. }) => Vec::new(),
        Some(entry) => {
            let text =
                format!("must be a mapping with the settings of this environment, not {}", entry.node.kind());
            findings.error(&entry.place, &entry.key, text);
            Vec::new()
        }
        None => {
            findings.error(&Place::WholeFile(file.to_owned()), "", no_section(name, &known));
            Vec::new()
        }
    }
}

/// Whether the file is made of sections: one has the name of the environment, or nothing at the top is a setting
/// and at least one of the mappings holds settings.
fn has_sections(root: &[Entry], name: &str) -> bool {
    let unknown = |entry: &Entry| schema::find(SERVER, &entry.key).is_none();
    let holds_settings = |entry: &Entry| match &entry.node {
        Node::Map(entries) => entries.iter().any(|entry| schema::find(SERVER, &entry.key).is_some()),
        _ => false,
    };
    root.iter().any(|entry| entry.key == name && unknown(entry))
        || root.iter().all(unknown) && root.iter().any(holds_settings)
}

fn no_section(name: &str, known: &[String]) -> String {
    let mend = match schema::nearest_word(known.iter().map(String::as_str), name) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "add one, or set NODE_ENV to one of these".to_owned(),
    };
    let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    format!("has sections for {} and none for `{name}` (NODE_ENV); {mend}", known.join(", "))
}
