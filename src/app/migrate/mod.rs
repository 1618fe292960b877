//! `postroom migrate`: everything that one store keeps goes into another one.

mod bar;
mod ends;

use std::path::PathBuf;
use std::time::Instant;

use crate::config::Server;
use crate::store::moving::{Census, MoveError, carry};
use bar::{Bar, grouped};
use ends::End;

/// What to move, as the command line says it.
#[derive(Debug, Clone, Default)]
pub struct Migration {
    /// `--from`.
    pub from: String,
    /// `--to`.
    pub to: String,
    /// `--redis-prefix`.
    pub prefix: Option<String>,
    /// `--redis-shards`.
    pub shards: Option<u16>,
    /// `--redis-ca`.
    pub ca: Option<PathBuf>,
}

/// Moves everything, shows how far it is, and says what came of it.
///
/// # Errors
/// When nothing was moved, or not everything; the text says what to do.
pub fn migrate(server: &Server, migration: &Migration) -> anyhow::Result<()> {
    let from = End::read("--from", &migration.from, migration, server)?;
    let to = End::read("--to", &migration.to, migration, server)?;
    if from.is_redis() == to.is_redis() {
        anyhow::bail!("--from and --to: one has to be the embedded store (sqlite:), the other one Redis");
    }
    let begin = Instant::now();
    let mut source = from.source().map_err(|error| anyhow::anyhow!("{error}; nothing was moved"))?;
    let mut target = to.target().map_err(|error| anyhow::anyhow!("{error}; nothing was moved"))?;
    let mut bar = Bar::new();
    let moved =
        carry(source.as_mut(), target.as_mut(), server.device_ttl, &mut |progress| bar.show(&progress));
    bar.end();
    let moved = moved.map_err(|error: MoveError| {
        anyhow::anyhow!(
            "{error}\n{from} is as it was, and {to} is not to be used. Before the next try, {}",
            target.cleaning()
        )
    })?;
    say(&from, &to, &moved, begin);
    Ok(())
}

/// What was moved is what this command answers.
#[allow(clippy::print_stdout)]
fn say(from: &End, to: &End, moved: &Census, begin: Instant) {
    println!(
        "moved from {from} to {to} in {:.1} s: {} devices ({} owe a resync), {} messages in {} entries of inboxes\n\
         counted again in the target: the same. The source is as it was; do not let a gateway run on both",
        begin.elapsed().as_secs_f64(),
        grouped(moved.devices),
        grouped(moved.resyncs),
        grouped(moved.messages),
        grouped(moved.entries)
    );
}
