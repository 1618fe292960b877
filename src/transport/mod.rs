//! How clients are carried: the session engine and the framings on it.
//!
//! What must not live here: what a message means, who may receive it, the store.

pub mod engine;
pub mod socketio;
