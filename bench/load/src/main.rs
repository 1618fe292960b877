//! The load generator of the benchmark. What it does, and what its result means, is in the README beside `src`.

#![expect(unreachable_pub, reason = "a binary exports nothing: `pub` says what a room shows to the others")]

mod auth;
mod clock;
mod crowd;
mod latency;
mod local;
mod meter;
mod outcome;
mod plan;
mod post;
mod progress;
mod wire;
mod work;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress::say(&format!("the run could not be made: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let plan = plan::Plan::parse();
    let outcome = local::run(work::run(&plan))??;
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&outcome)?)?;
    Ok(())
}
