//! `postroom demo`: the gateway with a sample site, its backend and a page, on one port.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;

use super::crew::MoreRoutes;
use super::entrances::Entrances;
use super::serve::run;
use crate::config::{Server, Settings};
use crate::demo::{self, Backend};
use crate::store::Store;

/// Runs the demo until it is told to stop. Nothing of it stays behind.
///
/// # Errors
/// When it cannot start.
pub fn demo(mut server: Server) -> anyhow::Result<()> {
    let entrances = Entrances::take(&server)?;
    let base = format!("http://{}", entrances.address().context("the demo needs a port")?);
    let data = Scratch::new()?;
    server.data.clone_from(&data.0);
    let sites = vec![Arc::new(demo::site(&base))];
    let settings = Settings { server, sites, bench: None, warnings: Vec::new() };
    run(&settings, entrances, |store| Some(routes(store)), || eprint_banner(&base))
}

fn routes(store: &Arc<dyn Store>) -> MoreRoutes {
    let store = Arc::clone(store);
    let backend = Arc::new(Backend::new(Arc::new(move || store.counters().queued)));
    Arc::new(move |config| {
        config.app_data(actix_web::web::Data::from(Arc::clone(&backend)));
        demo::configure(config);
    })
}

/// The banner is what this command is for: it goes to standard output beside the log.
#[allow(clippy::print_stdout)]
fn eprint_banner(base: &str) {
    println!("{}", demo::banner(base));
}

/// A folder that goes when the demo ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("postroom-demo-{}", std::process::id()));
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot make the folder {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "the demo's folder could not be removed");
        }
    }
}
