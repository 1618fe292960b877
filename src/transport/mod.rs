//! How clients are carried: the session engine, and the protocols that are spoken on it.
//!
//! What must not live here: who may connect, where messages go, what is kept.

pub mod engine;
pub mod socketio;
