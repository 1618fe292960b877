//! What the integration tests share.

pub mod site_server;
