//! A Frappe bench for tests: its folder, its web server, its Redis, the gateways that run on it, and who comes to its
//! sites.

mod bench;
mod bridge;
mod channel;
mod realtime;
mod visit;
mod visitor;
mod web_rules;
mod web_server;

pub use bench::{Bench, OTHER, SITE};
pub use bridge::Bridge;
pub use channel::Channel;
pub use realtime::Realtime;
pub use visit::Visit;
pub use visitor::Visitor;
pub use web_server::{CAN_SUBSCRIBE_DOC, CAN_SUBSCRIBE_DOCTYPE, HAS_PERMISSION, USER_INFO, WebServer};
