//! Who is connected, on one worker thread: links (connections with their outboxes) and sessions, by room and by
//! device; and the sending itself.
//!
//! Each worker has one [`Hub`] of its own, so nothing here is locked or shared between threads. What must not
//! live here: stores, HTTP, wire formats (a [`Dialect`] makes the frames, a [`Wire`] carries them).

mod flow;
mod frame;
mod index;
mod link;
mod outbox;
mod sending;
mod session;
mod turns;
mod worker;

pub use flow::{Covered, Flow, Live, Step};
pub use frame::{Frame, Packet, Span};
pub use link::{CloseReason, Flushed, LinkId, Wire};
pub use outbox::Outbox;
pub use session::{Dialect, Kept, ResyncDue, SessionId, SessionSeed};
pub use turns::SiteNo;
pub use worker::{Hub, HubOptions};
