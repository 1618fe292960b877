//! Configuration: `config.yml`, `sites.yml` and the environment, read, merged and checked; all errors at once.
//!
//! What must not live here: anything that acts on a setting.

mod server;

pub use server::{Io, Log, LogFormat, Origins, Server};
