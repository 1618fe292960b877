//! What a delivery, a message and a connection cost in memory, counted. The whole gateway runs in this process; the
//! clients are sockets that read into a buffer of their own, so that everything counted is the gateway's.
//!
//! Numbers here are promises: who needs more has to raise them, and to say why.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::alloc::System;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const KEY: &str = "key-of-the-counted-site";
const PATIENCE: Duration = Duration::from_mins(1);
/// Messages before anything is counted: rings, maps and buffers have their size then.
const WARM: usize = 30;
/// Messages that are counted.
const COUNT: usize = 40;

/// Allocations for a message to one recipient, from its POST to its delivery, and for a device to its acknowledgement.
const PLAIN_MESSAGE: f64 = 42.0;
const KEPT_MESSAGE: f64 = 44.0;
/// What one more recipient adds: nothing but the growth of lists that hold thousands.
const MORE_RECIPIENT: f64 = 0.02;
/// The same with its acknowledgement. Acks are gathered for 10 ms: the slower the machine, the shorter the lists.
const MORE_ACKED: f64 = 0.3;
/// Bytes on the heap for a connection that has nothing to do; and for one with a device.
const IDLE_PLAIN: usize = 1700;
const IDLE_KEPT: usize = 1900;

fn allocations() -> usize {
    let stats = COUNTED.stats();
    stats.allocations + stats.reallocations
}

fn held() -> usize {
    let stats = COUNTED.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// A gateway in this process, which lives as long as it does, with a site `plain` and a site `kept`.
fn gateway() -> u16 {
    let auth = backend();
    let port = free_port();
    let folder = tempfile::tempdir().unwrap().keep();
    let (config, sites) = (folder.join("config.yml"), folder.join("sites.yml"));
    std::fs::write(&config, format!("host: 127.0.0.1\nport: {port}\nworkers: 2\n")).unwrap();
    let site = |name: &str| format!("{name}:\n  authUrl: http://127.0.0.1:{auth}/\n  apiKey: {KEY}\n");
    std::fs::write(&sites, format!("{}{}  userRoomPrefix: user_\n", site("plain"), site("kept"))).unwrap();
    std::thread::spawn(move || {
        let (config, sites, data) = (Some(config), Some(sites), Some(folder.join("data")));
        let sources =
            postroom::config::Sources { config, sites, data, ..postroom::config::Sources::default() };
        let settings = postroom::config::load(&sources).unwrap();
        postroom::app::serve(&settings).unwrap();
    });
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begun.elapsed() < PATIENCE, "it must listen");
        std::thread::yield_now();
    }
    port
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Says of each token, `<room>-<number>`, that it is a user of that name, and in that room.
fn backend() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || answer(stream.unwrap()));
        }
    });
    port
}

fn answer(mut stream: TcpStream) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while let Ok(1) = stream.read(&mut byte) {
        head.push(byte[0]);
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        let text = String::from_utf8(std::mem::take(&mut head)).unwrap().to_lowercase();
        let token = text.lines().find_map(|line| line.strip_prefix("authorization: bearer ")).unwrap();
        let room = token.split('-').next().unwrap();
        let body = format!("[\"user_{token}\",\"{room}\"]");
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// A client that is in a site.
struct Listener {
    stream: TcpStream,
    buffer: [u8; 2048],
    len: usize,
}

impl Listener {
    fn join(port: u16, site: &str, room: &str, number: usize) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut listener = Self { stream, buffer: [0; 2048], len: 0 };
        let query = format!("EIO=4&transport=websocket&token={room}-{number}&deviceId=d");
        listener.say(
            format!(
                "GET /socket.io/?{query} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            .as_bytes(),
        );
        listener.until(b"\r\n\r\n");
        listener.text(format!("40/{site},").as_bytes());
        listener.until(b"_settings");
        listener.skip();
        listener
    }

    fn say(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// A short text, masked with zeros.
    fn text(&mut self, text: &[u8]) {
        let mut frame = [0; 64];
        frame[..2].copy_from_slice(&[0x81, 0x80 | text.len() as u8]);
        frame[6..6 + text.len()].copy_from_slice(text);
        self.say(&frame[..6 + text.len()]);
    }

    fn more(&mut self) {
        let count = self.stream.read(&mut self.buffer[self.len..]).unwrap();
        assert!(count > 0, "the connection must not end");
        self.len += count;
    }

    fn until(&mut self, wanted: &[u8]) {
        while !self.buffer[..self.len].windows(wanted.len()).any(|bytes| bytes == wanted) {
            self.more();
        }
    }

    fn skip(&mut self) {
        self.len = 0;
    }

    /// The next event of the site; acknowledged when it asks for that.
    fn event(&mut self, site: &str) {
        loop {
            while self.len < 2 || self.len < 2 + usize::from(self.buffer[1]) {
                self.more();
            }
            let end = 2 + usize::from(self.buffer[1]);
            assert!(self.buffer[0] == 0x81 && end < 128, "a short text");
            let mut ack = [0; 64];
            let mut length = 0;
            let is_event = self.buffer[2..end].starts_with(b"42/");
            if is_event {
                let start = 2 + b"42/,".len() + site.len();
                let digits = self.buffer[start..end].iter().take_while(|byte| byte.is_ascii_digit()).count();
                if digits > 0 {
                    length = start - 2 + digits + 2;
                    ack[..start - 2].copy_from_slice(&self.buffer[2..start]);
                    ack[1] = b'3';
                    ack[start - 2..start - 2 + digits].copy_from_slice(&self.buffer[start..start + digits]);
                    ack[length - 2..length].copy_from_slice(b"[]");
                }
            } else {
                assert_eq!(&self.buffer[2..end], b"2", "a ping");
                self.text(b"3");
            }
            self.buffer.copy_within(end..self.len, 0);
            self.len -= end;
            if length > 0 {
                self.text(&ack[..length]);
            }
            if is_event {
                return;
            }
        }
    }
}

/// A backend's connection.
struct Sender {
    stream: TcpStream,
    buffer: [u8; 1024],
}

impl Sender {
    fn new(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, buffer: [0; 1024] }
    }

    fn post(&mut self, request: &[u8]) {
        self.stream.write_all(request).unwrap();
        let mut length = 0;
        while !self.buffer[..length].ends_with(b"\r\n\r\nOK") {
            let count = self.stream.read(&mut self.buffer[length..]).unwrap();
            assert!(count > 0, "{}", String::from_utf8_lossy(&self.buffer[..length]));
            length += count;
        }
        assert!(self.buffer.starts_with(b"HTTP/1.1 200"));
    }
}

fn request(site: &str, room: &str) -> Vec<u8> {
    let body = format!("{{\"rooms\":[\"{room}\"],\"event\":\"n\",\"args\":[1,\"some text\"]}}");
    let length = body.len();
    format!(
        "POST /send?site={site}&apiKey={KEY} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Allocations for each of many messages to `recipients`, all delivered and acknowledged.
fn per_message(port: u16, site: &str, recipients: usize) -> (f64, Vec<Listener>) {
    let room = format!("room{recipients}");
    let mut listeners: Vec<Listener> =
        (0..recipients).map(|number| Listener::join(port, site, &room, number)).collect();
    let (mut sender, request) = (Sender::new(port), request(site, &room));
    let mut send = || {
        sender.post(&request);
        for listener in &mut listeners {
            listener.event(site);
        }
    };
    (0..WARM).for_each(|_| send());
    let before = allocations();
    (0..COUNT).for_each(|_| send());
    let cost = (allocations() - before) as f64 / COUNT as f64;
    (cost, listeners)
}

/// Bytes that each of many connections holds which have nothing to do.
fn per_connection(port: u16, site: &str) -> (usize, Vec<Listener>) {
    // So many that no table doubles while they come.
    const CONNECTIONS: usize = 350;
    let mut listeners: Vec<Listener> = Vec::with_capacity(2 * CONNECTIONS);
    listeners.extend((0..CONNECTIONS).map(|number| Listener::join(port, site, "before", number)));
    let before = held();
    listeners.extend((0..CONNECTIONS).map(|number| Listener::join(port, site, "after", number)));
    ((held() - before) / CONNECTIONS, listeners)
}

/// One test: what is counted is the whole process.
#[test]
fn what_a_message_a_delivery_and_a_connection_cost() {
    let port = gateway();
    // Nobody leaves: what that gives back would be counted, too.
    let mut present = Vec::new();
    for (site, one_may, more_may) in
        [("plain", PLAIN_MESSAGE, MORE_RECIPIENT), ("kept", KEPT_MESSAGE, MORE_ACKED)]
    {
        // The most first: what grows with the number of clients has its size then.
        let [thousand, ten, one] = [1000, 10, 1].map(|recipients| {
            let (cost, listeners) = per_message(port, site, recipients);
            present.push(listeners);
            cost
        });
        let more = (thousand - ten) / 990.0;
        println!(
            "{site}: allocations for a message to 1, 10, 1000: {one}, {ten}, {thousand}; {more} for one more"
        );
        assert!(one <= one_may, "{site}: a message to one costs {one} allocations, more than {one_may}");
        assert!(
            more <= more_may,
            "{site}: one more recipient costs {more} allocations, more than {more_may}"
        );
    }
    for (site, may) in [("plain", IDLE_PLAIN), ("kept", IDLE_KEPT)] {
        let (bytes, listeners) = per_connection(port, site);
        present.push(listeners);
        println!("{site}: an idle connection holds {bytes} bytes");
        assert!(bytes <= may, "{site}: an idle connection holds {bytes} bytes, more than {may}");
    }
}
