//! Frappe: its sites in `sites.yml`, and whole benches of them.
//!
//! A bench is read as Frappe's own realtime server reads it: `config.json`, then `sites/common_site_config.json`, then the
//! environment, each over the one before, and what JavaScript calls falsy never over anything. Its sites are those whose
//! folder is there at the moment; they come and go while the process runs.
//!
//! What must not live here: anything that speaks with a site, its web server or its Redis.

mod bench;
mod json;
mod read_bench;
mod root;
mod rules;
mod section;
mod site;

pub use bench::Bench;
pub(super) use bench::describe;
pub(super) use read_bench::read;
pub(super) use root::{find, is_wanted};
pub(super) use section::{Section, look_without_bench, section};
pub(super) use site::{is_meant, of, site};
