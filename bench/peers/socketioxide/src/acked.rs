//! A site whose messages are kept in memory, for each device, until they are acknowledged.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use socketioxide::extract::SocketRef;

use crate::{Message, Ticket};

/// Who is in which room, connected or not.
#[derive(Default)]
pub(crate) struct Acked {
    rooms: Mutex<HashMap<String, HashMap<String, Arc<Device>>>>,
    ids: AtomicU64,
}

#[derive(Default)]
struct Device {
    inbox: Mutex<BTreeMap<u64, Arc<Message>>>,
    socket: Mutex<Option<SocketRef>>,
}

impl Acked {
    /// Lets a device in, and sends what waits for it as one batch.
    pub(crate) fn enter(&self, socket: &SocketRef, ticket: &Ticket) {
        let user = ticket.user_room();
        let name = format!("{user}:{}", ticket.device_id);
        let device = Arc::clone(lock(&self.rooms).entry(user).or_default().entry(name.clone()).or_default());
        lock(&self.rooms).entry("all".to_owned()).or_default().insert(name, Arc::clone(&device));
        *lock(&device.socket) = Some(socket.clone());
        device.replay(socket);
    }

    /// Puts the message into the inboxes, and emits it to who is there.
    pub(crate) fn send(&self, message: Message) {
        let recipients: HashMap<String, Arc<Device>> = {
            let rooms = lock(&self.rooms);
            message
                .rooms
                .iter()
                .filter_map(|room| rooms.get(room))
                .flatten()
                .map(|(n, d)| (n.clone(), Arc::clone(d)))
                .collect()
        };
        let message = Arc::new(message);
        for device in recipients.into_values() {
            let id = self.ids.fetch_add(1, Ordering::Relaxed);
            lock(&device.inbox).insert(id, Arc::clone(&message));
            device.emit(id, &message);
        }
    }
}

impl Device {
    fn emit(self: Arc<Self>, id: u64, message: &Message) {
        let Some(socket) = lock(&self.socket).clone() else { return };
        let Ok(ack) = socket.emit_with_ack::<_, Value>(&message.event, &message.args) else { return };
        tokio::spawn(async move {
            if ack.await.is_ok() {
                lock(&self.inbox).remove(&id);
            }
        });
    }

    fn replay(self: Arc<Self>, socket: &SocketRef) {
        let (last, batch) = {
            let inbox = lock(&self.inbox);
            let Some(last) = inbox.keys().next_back().copied() else { return };
            (last, inbox.values().map(|m| json!([m.event, m.args.0, m.args.1])).collect::<Value>())
        };
        let Ok(ack) = socket.emit_with_ack::<_, Value>("_batch", &batch) else { return };
        tokio::spawn(async move {
            if ack.await.is_ok() {
                lock(&self.inbox).retain(|id, _| *id > last);
            }
        });
    }
}

/// A panic elsewhere spoils nothing here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
