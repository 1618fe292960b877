//! Postroom: a push gateway for many sites. See ARCHITECTURE.md for the rooms of this house.

pub mod api;
pub mod app;
pub mod backplane;
pub mod broker;
pub mod config;
pub mod demo;
pub mod domain;
pub mod frappe;
pub mod gateway;
pub mod hub;
pub mod listen;
pub mod protocol;
pub mod store;
pub mod telemetry;
pub mod transport;
