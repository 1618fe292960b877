//! The engine of one worker: its connections, and what happens to them from outside.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ahash::AHashMap;
use tokio::sync::mpsc::UnboundedReceiver;

use super::alarm::{Alarms, Due};
use super::connection::{Application, Carrier, Connection};
use super::entrance::Entrance;
use super::exchange::{Exchange, Job};
use super::handshake::{Handshake, Protocol};
use super::options::EngineOptions;
use super::sid::Sid;
use crate::domain::WorkerId;
use crate::hub::{CloseReason, Hub, LinkId, Wire};

/// Bytes taken from a socket at once; the buffer is shared by all connections of a worker.
const READ_BUFFER: usize = 16 * 1024;

/// The engine of one worker thread.
pub struct Engine {
    pub(super) hub: Rc<Hub>,
    pub(super) options: Arc<EngineOptions>,
    pub(super) exchange: Arc<Exchange>,
    pub(super) read_buffer: RefCell<Vec<u8>>,
    /// Nobody new is let in.
    draining: Cell<bool>,
    worker: WorkerId,
    application: Rc<dyn Application>,
    alarms: RefCell<Alarms>,
    connections: RefCell<AHashMap<LinkId, Rc<Connection>>>,
    /// Connections that began as polling, by id: further requests name them.
    polling: RefCell<AHashMap<Sid, Rc<Connection>>>,
}

impl Engine {
    /// The engine of worker `worker`, sending through its hub.
    #[must_use]
    pub fn new(
        worker: WorkerId,
        hub: Rc<Hub>,
        options: Arc<EngineOptions>,
        exchange: Arc<Exchange>,
        application: Rc<dyn Application>,
    ) -> Rc<Self> {
        let shortest = options.ping_interval.min(options.ping_timeout).min(options.connect_timeout);
        Rc::new(Self {
            hub,
            options,
            exchange,
            read_buffer: RefCell::new(vec![0; READ_BUFFER]),
            draining: Cell::new(false),
            worker,
            application,
            alarms: RefCell::new(Alarms::new(shortest)),
            connections: RefCell::default(),
            polling: RefCell::default(),
        })
    }

    /// Keeps the heartbeat and takes jobs of other workers, until the line is cut.
    pub async fn run(self: Rc<Self>, mut line: UnboundedReceiver<Job>) {
        let mut tick = tokio::time::interval(self.alarms.borrow().tick());
        loop {
            tokio::select! {
                _ = tick.tick() => self.advance(),
                job = line.recv() => match job {
                    Some(job) => self.take(job),
                    None => return,
                },
            }
        }
    }

    pub(super) fn advance(&self) {
        let due = self.alarms.borrow_mut().advance();
        for alarm in due {
            let link = LinkId { slot: alarm.slot, serial: alarm.serial };
            let connection = self.connections.borrow().get(&link).cloned();
            if let Some(connection) = connection {
                connection.alarm(alarm.due);
            }
        }
    }

    fn take(self: &Rc<Self>, job: Job) {
        match job {
            Job::Poll(sid, reply) => self.poll(&sid, reply),
            Job::Abandoned(sid) => self.abandoned(&sid),
            Job::Post(sid, body, reply) => self.post(&sid, &body, reply),
            Job::CloseAll(reply) => {
                self.draining.set(true);
                self.hub.flush_all();
                self.close_all(CloseReason::Draining);
                let _ = reply.send(());
            }
            Job::Upgrade(sid, arriving) => self.upgrade(&sid, arriving),
        }
    }

    /// Opens a connection. The caller sends the open packet.
    pub(super) fn open(self: &Rc<Self>, handshake: Handshake, carrier: Carrier) -> Rc<Connection> {
        let is_polling = matches!(carrier, Carrier::Polling(_));
        let sid = Sid::random(self.worker);
        let make = |link| Rc::new(Connection::new(Rc::clone(self), link, sid, &handshake, carrier));
        let connection = self.hub.open_link(make);
        self.connections.borrow_mut().insert(connection.link, Rc::clone(&connection));
        if is_polling {
            self.polling.borrow_mut().insert(sid, Rc::clone(&connection));
        }
        let conversation = self.application.open(&connection, handshake);
        *connection.conversation.borrow_mut() = Some(conversation);
        match connection.protocol {
            Protocol::V4 => self.set_alarm(connection.link, Due::Ping, self.options.ping_interval),
            Protocol::V3 => {
                let limit = self.options.ping_interval + self.options.ping_timeout;
                self.set_alarm(connection.link, Due::Silence, limit);
            }
        }
        connection.await_settling();
        connection
    }

    /// The open packet of a connection
    /// (<https://github.com/socketio/engine.io-protocol#handshake>).
    pub(super) fn open_packet(&self, connection: &Connection, may_upgrade: bool) -> String {
        let options = &self.options;
        let upgrades = if may_upgrade { r#"["websocket"]"# } else { "[]" };
        let (interval, timeout) = (options.ping_interval.as_millis(), options.ping_timeout.as_millis());
        let payload = match connection.protocol {
            Protocol::V3 => String::new(),
            Protocol::V4 => format!(r#","maxPayload":{}"#, options.max_payload),
        };
        let sid = connection.sid.as_str();
        format!(
            r#"0{{"sid":"{sid}","upgrades":{upgrades},"pingInterval":{interval},"pingTimeout":{timeout}{payload}}}"#
        )
    }

    /// The connection of this id, if it began as polling and is still open.
    pub(super) fn by_sid(&self, sid: &Sid) -> Option<Rc<Connection>> {
        self.polling.borrow().get(sid).cloned()
    }

    pub(super) fn forget(&self, connection: &Connection) {
        self.polling.borrow_mut().remove(&connection.sid);
        self.connections.borrow_mut().remove(&connection.link);
        self.hub.close_link(connection.link);
    }

    /// The settings.
    #[must_use]
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// By which way a request comes in that names this path at a door; `None` where the path is none of this endpoint's.
    #[must_use]
    pub fn entrance(&self, door: Entrance, path: &str) -> Option<Entrance> {
        self.options.entrance(door, path)
    }

    /// How many connections are open.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.connections.borrow().len()
    }

    /// Whether new connections are refused because the node stops. A refused transport is tried again by every
    /// client; a refused namespace is not, so this must be known before that.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.get()
    }

    /// Closes every connection at once.
    pub fn close_all(&self, reason: CloseReason) {
        let all: Vec<Rc<Connection>> = self.connections.borrow().values().cloned().collect();
        for connection in all {
            connection.close(reason);
        }
    }

    pub(super) fn now(&self) -> u32 {
        self.alarms.borrow().now()
    }

    pub(super) fn steps(&self, duration: Duration) -> u32 {
        self.alarms.borrow().steps(duration)
    }

    pub(super) fn set_alarm(&self, link: LinkId, due: Due, after: Duration) {
        let steps = self.steps(after);
        self.set_alarm_steps(link, due, steps);
    }

    pub(super) fn set_alarm_steps(&self, link: LinkId, due: Due, steps: u32) {
        self.alarms.borrow_mut().set(link.slot, link.serial, due, steps);
    }
}
