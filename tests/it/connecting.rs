//! Connecting to a site, and what a device finds there.

mod credentials;
mod inbox;
mod namespaces;
mod refusals;
mod updates;
