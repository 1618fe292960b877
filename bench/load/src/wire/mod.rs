//! What a client and a server say to one another, as pure functions of bytes: WebSocket frames, Engine.IO 4,
//! Socket.IO 5, and the mark that every message carries. No sockets and no counting here.

mod dialog;
mod frame;
mod mark;

pub use dialog::{Carrier, Dialog, Guise, Heard};
