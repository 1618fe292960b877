//! The engine on real sockets: polling, WebSocket, the change between them, heartbeats and limits.

mod heartbeat;
mod http;
mod limits;
mod polling;
mod upgrade;
