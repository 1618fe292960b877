//! Configuration: `config.yml`, `sites.yml` and the environment, read, merged and checked; all errors at once.
//!
//! [`load`] answers with [`Settings`] that are in order as a whole, or with [`Problems`]: everything that is
//! wrong in any source, each with its place and a mend. [`check`] says the same to people. A setting is taken
//! from a flag, else from the environment, else from the file, else it is the default.
//!
//! What must not live here: anything that acts on a setting, and any look at the process's own environment,
//! which comes in through [`Sources`].

mod app_events;
mod check;
mod environments;
mod expand;
mod frappe;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod given;
mod layers;
mod load;
mod problem;
mod read_redis;
mod read_server;
mod schema;
mod server;
mod server_redis;
mod sites;
#[cfg(test)]
mod tests;
mod value;
mod yaml;

pub use check::{Report, check};
pub use frappe::Bench;
pub use load::{Settings, Sources, load, load_server};
pub use problem::{Place, Problem, Problems};
pub use server::{Io, Log, LogFormat, Origins, Server};
pub use server_redis::{Redis, RedisLogin, RedisServers, RedisUrl};

/// `config.example.yml`: every setting, with its default and a comment.
pub const CONFIG_EXAMPLE: &str = include_str!("../../config.example.yml");
/// `sites.example.yml`: every setting of a site, with a comment.
pub const SITES_EXAMPLE: &str = include_str!("../../sites.example.yml");
