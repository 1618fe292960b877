//! Events of apps: what a rule makes of an event, and what a hook of the site says about one. Nothing is done here.

mod fill;
mod hook;
mod pace;
mod plan;

pub(super) use fill::Filled;
pub(super) use hook::{Emit, Orders, To, asked};
pub(super) use pace::Pace;
pub(super) use plan::{Ask, Hearers, Join, Plan, Saying, plan};

use serde_json::Value;

/// What an event is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) user: &'a str,
    pub(super) site: &'a str,
    pub(super) args: &'a [Value],
}

#[cfg(test)]
mod tests;
