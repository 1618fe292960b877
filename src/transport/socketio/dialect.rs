//! The frames of sites, as Socket.IO clients read them. Protocols 4 and 5 write events alike.

use super::packet;
use crate::domain::{AckId, Event, Seq, SiteName};
use crate::hub::{Dialect, Frame};
use crate::transport::engine::text_packet;

/// The dialect of all Socket.IO clients.
pub(super) struct SocketIoDialect;

/// Its only instance: stateless.
pub(super) static DIALECT: SocketIoDialect = SocketIoDialect;

impl Dialect for SocketIoDialect {
    fn event(&self, site: &SiteName, ack: Option<AckId>, event: &Event, frame: &mut Frame) {
        emit(site, ack, event.json(), frame);
    }

    fn batch(&self, site: &SiteName, ack: AckId, events: &[(Seq, Event)], frame: &mut Frame) {
        let size: usize = events.iter().map(|(_, event)| event.json().len() + 1).sum();
        let mut json = Vec::with_capacity(size + 16);
        json.extend_from_slice(b"[\"_batch\",[");
        for (index, (_, event)) in events.iter().enumerate() {
            if index > 0 {
                json.push(b',');
            }
            json.extend_from_slice(event.json());
        }
        json.extend_from_slice(b"]]");
        emit(site, Some(ack), &json, frame);
    }

    fn resync(&self, site: &SiteName, frame: &mut Frame) {
        emit(site, None, b"[\"_resync\"]", frame);
    }
}

/// The dialect of clients that hear a site in the root namespace.
struct RootDialect;

impl Dialect for RootDialect {
    fn event(&self, _: &SiteName, ack: Option<AckId>, event: &Event, frame: &mut Frame) {
        emit_in("/", ack, event.json(), frame);
    }

    /// Sites with inboxes are not in the root namespace.
    fn batch(&self, _: &SiteName, _: AckId, _: &[(Seq, Event)], _: &mut Frame) {}

    fn resync(&self, _: &SiteName, _: &mut Frame) {}
}

/// How clients are spoken to that hear a site in this namespace: its own, or the root.
#[must_use]
pub fn live_dialect(namespace: &str) -> &'static dyn Dialect {
    if namespace == "/" { &RootDialect } else { &DIALECT }
}

/// Adds an event packet: `42/site,<ack>["event",...]`.
pub(super) fn emit(site: &SiteName, ack: Option<AckId>, json: &[u8], frame: &mut Frame) {
    emit_in(site.namespace(), ack, json, frame);
}

fn emit_in(namespace: &str, ack: Option<AckId>, json: &[u8], frame: &mut Frame) {
    text_packet(frame, |out| {
        out.push(b'4');
        packet::event(out, namespace, ack.map(|ack| u64::from(ack.get())), json);
    });
}
