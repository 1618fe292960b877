//! Connections on real sockets of this machine, and what happens when several want to carry one.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::connection::{Carrier, Connection};
use super::framing::text_frame;
use super::polling::Polled;
use super::*;
use crate::domain::WorkerId;
use crate::hub::{CloseReason, Hub, HubOptions, Wire};

const PATIENCE: Duration = Duration::from_secs(10);

/// Writes down what it is told.
#[derive(Default)]
struct Listener(RefCell<Vec<String>>, Cell<bool>);

struct Heard(Rc<Listener>);

impl Application for Rc<Listener> {
    fn open(&self, _: &Rc<Connection>, _: Handshake) -> Rc<dyn Conversation> {
        Rc::new(Heard(Rc::clone(self)))
    }
}

impl Conversation for Heard {
    fn text(&self, text: &str) -> Result<(), Fault> {
        self.0.0.borrow_mut().push(text.to_owned());
        Ok(())
    }

    fn binary(&self, _: &[u8]) -> Result<(), Fault> {
        Ok(())
    }

    fn is_settled(&self) -> bool {
        self.0.1.get()
    }

    fn closed(&self) {}
}

struct Rig {
    engine: Rc<Engine>,
    heard: Rc<Listener>,
}

impl Rig {
    /// Runs a test on an engine, beside the loop that sends.
    fn run<F: Future<Output = ()>>(test: impl FnOnce(Self) -> F) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async {
            let hub = Hub::new(HubOptions { outbox_limit: 1 << 20 });
            let (exchange, _) = Exchange::new(1);
            let (options, heard) = (Arc::new(EngineOptions::default()), Rc::new(Listener::default()));
            let application = Rc::new(Rc::clone(&heard));
            let engine = Engine::new(WorkerId(0), Rc::clone(&hub), options, exchange, application);
            tokio::task::spawn_local(async move {
                loop {
                    hub.wait().await;
                    while hub.flush(128) {}
                }
            });
            timeout(PATIENCE, test(Self { engine, heard })).await.expect("in time");
        });
    }

    fn polling(&self) -> (Sid, Rc<Connection>) {
        self.polling_with(Protocol::V4)
    }

    fn polling_with(&self, protocol: Protocol) -> (Sid, Rc<Connection>) {
        let handshake = Handshake::new("", false, protocol, None);
        let (_, sid) = self.engine.open_polling(handshake);
        (sid, self.engine.by_sid(&sid).unwrap())
    }

    /// Lets time pass, in tenths of seconds. The heartbeat of Engine.IO 3 is held up where `heard`.
    fn pass(&self, tenths: u32, heard: Option<&Connection>) {
        for _ in 0..tenths {
            heard.into_iter().for_each(Connection::hear);
            self.engine.advance();
        }
    }

    fn poll(&self, sid: &Sid) -> oneshot::Receiver<Polled> {
        let (reply, receiver) = oneshot::channel();
        self.engine.poll(sid, reply);
        receiver
    }

    /// A socket for a connection that polls; the client's end. `early` comes behind its request.
    async fn socket(&self, sid: &Sid, early: &[u8]) -> TcpStream {
        let (client, server) = pair().await;
        let (stream, early) = (Stream::from(server).loosen().unwrap(), Bytes::copy_from_slice(early));
        self.engine.upgrade(sid, Arriving { stream, head: b"HEAD".to_vec(), early });
        client
    }
}

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (client, listener.accept().await.unwrap().0)
}

/// A client's text message, masked with zeros.
fn masked(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81, 0x80 | text.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(text.as_bytes());
    frame
}

async fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn read_to_end(client: &mut TcpStream) {
    let mut sink = Vec::new();
    let _ = client.read_to_end(&mut sink).await;
}

fn text(polled: Polled) -> String {
    let Polled::Payload(payload) = polled else { panic!("{polled:?}") };
    String::from_utf8(payload.bytes.to_vec()).unwrap()
}

#[test]
fn an_answer_that_never_left_ends_the_connection() {
    Rig::run(|rig| async move {
        let (sid, connection) = rig.polling();
        let receiver = rig.poll(&sid);
        connection.send(Rc::new(text_frame("4lost")));
        until(|| !receiver.is_empty()).await;
        drop(receiver);
        rig.engine.abandoned(&sid);
        assert_eq!(rig.engine.connection_count(), 0);
    });
}

#[test]
fn a_second_socket_that_goes_does_not_stop_the_one_that_takes_over() {
    Rig::run(|rig| async move {
        let (sid, connection) = rig.polling();
        let mut other = rig.socket(&sid, b"").await;
        let mut probing = rig.socket(&sid, &masked("2probe")).await;
        other.shutdown().await.unwrap();
        read_to_end(&mut other).await;
        probing.write_all(&masked("5")).await.unwrap();
        until(|| connection.is_on_socket()).await;
    });
}

#[test]
fn only_the_socket_that_carries_a_connection_speaks_on_it() {
    Rig::run(|rig| async move {
        let (sid, connection) = rig.polling();
        let mut other = rig.socket(&sid, b"").await;
        let mut carrier = rig.socket(&sid, &[masked("2probe"), masked("5")].concat()).await;
        assert!(connection.is_on_socket());
        other.write_all(&masked("4intruder")).await.unwrap();
        read_to_end(&mut other).await;
        carrier.write_all(&masked("4hello")).await.unwrap();
        until(|| !rig.heard.0.borrow().is_empty()).await;
        assert_eq!(*rig.heard.0.borrow(), ["hello"]);
    });
}

#[test]
fn what_waits_goes_out_with_a_poll_also_while_a_socket_is_about_to_take_over() {
    Rig::run(|rig| async move {
        let (sid, connection) = rig.polling();
        let _probing = rig.socket(&sid, &masked("2probe")).await;
        connection.send(Rc::new(text_frame("4first")));
        assert_eq!(text(rig.poll(&sid).await.unwrap()), "4first");
        assert_eq!(text(rig.poll(&sid).await.unwrap()), "6", "released, so that the client may change over");
    });
}

#[test]
fn a_poll_that_waits_is_answered_when_the_socket_takes_over() {
    Rig::run(|rig| async move {
        let (sid, _) = rig.polling();
        let mut probing = rig.socket(&sid, &masked("2probe")).await;
        let poll = rig.poll(&sid);
        probing.write_all(&masked("5")).await.unwrap();
        assert_eq!(text(poll.await.unwrap()), "6");
    });
}

#[test]
fn a_peer_that_neither_reads_nor_closes_keeps_nothing() {
    Rig::run(|rig| async move {
        let (_client, server) = pair().await;
        let stream = Rc::new(Stream::from(server));
        let watched: Weak<Stream> = Rc::downgrade(&stream);
        let handshake = Handshake::new("", false, Protocol::V4, None);
        let carrier = Carrier::Socket(socket::Socket::new(Rc::clone(&stream)));
        let connection = rig.engine.open(handshake, carrier);
        socket::begin(Rc::clone(&connection), stream, &Bytes::new());
        connection.close(CloseReason::HeartbeatMissed);
        until(|| watched.strong_count() == 0).await;
    });
}

#[test]
fn whoever_leaves_has_the_whole_connect_timeout_to_come_back() {
    Rig::run(|rig| async move {
        let (_, connection) = rig.polling_with(Protocol::V3);
        rig.pass(440, Some(&connection));
        connection.await_settling();
        rig.pass(440, Some(&connection));
        assert_eq!(rig.engine.connection_count(), 1);
        rig.pass(20, Some(&connection));
        assert_eq!(rig.engine.connection_count(), 0);
    });
}

#[test]
fn a_message_by_post_is_a_sign_of_life() {
    Rig::run(|rig| async move {
        rig.heard.1.set(true);
        let (sid, _connection) = rig.polling_with(Protocol::V3);
        rig.pass(440, None);
        let (reply, _receiver) = oneshot::channel();
        rig.engine.post(&sid, &Bytes::from_static(b"3:4hi"), reply);
        rig.pass(440, None);
        assert_eq!(rig.engine.connection_count(), 1);
        rig.pass(20, None);
        assert_eq!(rig.engine.connection_count(), 0);
    });
}
