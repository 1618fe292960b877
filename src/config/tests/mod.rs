//! Promises of the configuration as a whole: messages, precedence, the example files.

mod app_events;
mod bench;
mod checking;
mod examples;
mod frappe;
mod limits;
mod process;
mod redis;
mod tenants;

use std::path::{Path, PathBuf};

use super::{Settings, Sources, load};

/// Files in a folder of their own, and an environment.
struct Desk {
    folder: tempfile::TempDir,
    sources: Sources,
}

impl Desk {
    /// With a sites file that is in order, and no `config.yml`.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut desk = Self { folder, sources: Sources::default() };
        desk.sites(GOOD_SITES);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    fn config(&mut self, text: &str) -> &mut Self {
        self.sources.config = Some(self.write("config.yml", text));
        self
    }

    fn sites(&mut self, text: &str) -> &mut Self {
        self.sources.sites = Some(self.write("sites.yml", text));
        self
    }

    fn env(&mut self, name: &str, value: &str) -> &mut Self {
        self.sources.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// What is wrong, one per line, without the folder.
    fn errors(&self) -> String {
        let text = load(&self.sources).map_or_else(|problems| problems.to_string(), |_| String::new());
        self.without_folder(&text)
    }

    /// Settings, which must be in order.
    fn settings(&self) -> Settings {
        load(&self.sources).unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// What is warned of, one per line, without the folder.
    fn warnings(&self) -> String {
        let warnings: Vec<String> = self.settings().warnings.iter().map(ToString::to_string).collect();
        self.without_folder(&warnings.join("\n"))
    }

    fn without_folder(&self, text: &str) -> String {
        text.replace(&format!("{}/", show(self.folder.path())), "")
    }
}

fn show(path: &Path) -> String {
    path.display().to_string()
}

const GOOD_SITES: &str = "shop:\n  authUrl: http://127.0.0.1:3000/auth\n  apiKey: 0123456789abcdef\n";
