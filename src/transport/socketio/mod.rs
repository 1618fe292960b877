//! Socket.IO on the session engine: protocols 4 (clients 1.x, 2.x) and 5 (clients 3.x, 4.x), namespaces, and
//! how the sites of the gateway stand behind them.
//!
//! Wire formats: <https://github.com/socketio/socket.io-protocol> (v5, and branch v4).

mod dialect;
mod namespace;
mod offer;
mod sites;
mod talk;

pub mod packet;

pub use dialect::live_dialect;
pub use namespace::{Member, Namespaces, Said, Socket, Standing};
pub use offer::Offer;
pub use sites::SiteNamespaces;
pub use talk::SocketIo;
