//! Postroom: a push gateway for many sites. See ARCHITECTURE.md for the rooms of this house.

pub mod config;
pub mod demo;
pub mod domain;
pub mod protocol;
pub mod store;
