//! What the integration tests share.
// Each theme takes what it needs.
#![allow(dead_code)]

pub mod backend;
pub mod client;
pub mod crowd;
pub mod frappe;
pub mod gateway;
pub mod http;
pub mod packet;
pub mod polling;
pub mod process;
pub mod proxy;
pub mod random;
pub mod redis;
pub mod send;
pub mod site_server;
