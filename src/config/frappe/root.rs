//! Where the bench is.

use std::path::{Path, PathBuf};

use super::super::given::Flat;
use super::super::load::{Sources, variable};
use super::super::problem::{Findings, Place};
use super::section::Section;

/// The variable by which Frappe's own processes are told.
const VARIABLE: &str = "FRAPPE_BENCH_ROOT";

/// A folder that was named as a bench, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Root {
    /// The folder.
    pub(in super::super) path: PathBuf,
    /// Who named it.
    pub(in super::super) place: Place,
}

/// Whether a bench is to be read. Known before all settings are: it decides which of them count.
pub(in super::super) fn is_wanted(sources: &Sources, in_file: &Flat) -> bool {
    sources.frappe
        || sources.bench.is_some()
        || in_file.contains_key("frappe.benchRoot")
        || variable(&sources.env, VARIABLE).is_some()
}

/// The bench that is named: by the flag, else in `config.yml`, else by the variable; else, where a bench is all that is wanted,
/// the current folder, as Procfiles run in the folder of their bench. `None` where none is named, and where what is named is no
/// bench, which is reported.
pub(in super::super) fn find(sources: &Sources, section: &Section, findings: &mut Findings) -> Option<Root> {
    let flag = || Place::Flag("--bench".to_owned());
    let by_flag = sources.bench.clone().map(|path| Root { path, place: flag() });
    let by_file = || section.root.clone().map(|(path, place)| Root { path: path.into(), place });
    let by_variable = || {
        let path = variable(&sources.env, VARIABLE)?.into();
        Some(Root { path, place: Place::Variable(VARIABLE.to_owned()) })
    };
    if let Some(root) = by_flag.or_else(by_file).or_else(by_variable) {
        if is_bench(&root.path) {
            return Some(root);
        }
        let shown = root.path.display();
        let text = format!("{shown} is not the folder of a bench: there is no folder `sites` in it");
        let key = if matches!(root.place, Place::File { .. }) { "frappe.benchRoot" } else { "" };
        findings.error(&root.place, key, text);
        return None;
    }
    if !sources.frappe {
        return None;
    }
    let here = Root { path: PathBuf::from("."), place: flag() };
    if is_bench(&here.path) {
        return Some(here);
    }
    let text = "is missing, and the current folder is no bench: there is no folder `sites` in it";
    findings.error(&here.place, "", text);
    None
}

fn is_bench(path: &Path) -> bool {
    path.join("sites").is_dir()
}
