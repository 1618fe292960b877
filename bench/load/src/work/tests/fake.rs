//! A server for tests: whatever is posted goes to all clients.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How it misbehaves; all zero is well.
#[derive(Debug, Default, Clone, Copy)]
pub struct Mood {
    /// Every so manyth message is accepted and lost.
    pub loses: u64,
    /// Every so manyth POST is answered by 503.
    pub busy: u64,
    /// With so manyth message the first client is closed.
    pub closes: u64,
    /// What is posted goes to those who come later, too.
    pub keeps: bool,
    /// Who comes as this manyth up to that manyth is not let in.
    pub refuses: (u64, u64),
    /// A client to whom a message cannot be written within a moment is closed.
    pub full: bool,
}

/// The server; it ends with the process, since its threads only wait for connections of the test.
pub struct Fake {
    pub port: u16,
}

struct Room {
    mood: Mood,
    comers: Mutex<u64>,
    posts: Mutex<u64>,
    sockets: Mutex<Vec<TcpStream>>,
    kept: Mutex<Vec<u8>>,
}

impl Fake {
    pub fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let room = Arc::new(Room {
            mood,
            comers: Mutex::default(),
            posts: Mutex::new(0),
            sockets: Mutex::default(),
            kept: Mutex::default(),
        });
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let room = Arc::clone(&room);
                std::thread::spawn(move || room.serve(stream));
            }
        });
        Self { port }
    }
}

impl Room {
    fn serve(&self, mut stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        let mut bytes = Vec::new();
        while let Some((head, body)) = request(&mut stream, &mut bytes) {
            if head.starts_with("GET") {
                let refused = self.refuses();
                let status = if refused { "403 No" } else { "101 Yes" };
                let _ = stream.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes());
                if !refused {
                    stream.set_write_timeout(self.mood.full.then_some(Duration::from_millis(50))).unwrap();
                    let _ = stream.write_all(&self.kept.lock().unwrap());
                    self.sockets.lock().unwrap().push(stream);
                }
                return;
            }
            let answer = self.post(&head, &body);
            if stream.write_all(answer).is_err() {
                return;
            }
        }
    }

    fn refuses(&self) -> bool {
        let (from, to) = self.mood.refuses;
        let mut comers = self.comers.lock().unwrap();
        *comers += 1;
        (from..=to).contains(&*comers) && from > 0
    }

    fn post(&self, head: &str, body: &[u8]) -> &'static [u8] {
        let mut posts = self.posts.lock().unwrap();
        *posts += 1;
        let every = |times: u64| times > 0 && posts.is_multiple_of(times);
        if every(self.mood.busy) {
            return b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
        }
        if *posts == self.mood.closes {
            self.sockets.lock().unwrap().remove(0);
        }
        if !every(self.mood.loses) {
            self.publish(head.contains("/pub/all"), body);
        }
        b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nOK"
    }

    /// What is not for all is for the one who came last.
    fn publish(&self, all: bool, body: &[u8]) {
        let mut frame = vec![0x81, 127];
        frame.extend((body.len() as u64).to_be_bytes());
        frame.extend(body);
        if self.mood.keeps {
            self.kept.lock().unwrap().extend(&frame);
        }
        let mut sockets = self.sockets.lock().unwrap();
        let first = if all { 0 } else { sockets.len().saturating_sub(1) };
        let mut at = 0;
        sockets.retain_mut(|socket| {
            at += 1;
            at <= first || socket.write_all(&frame).is_ok()
        });
    }
}

/// Reads a request with a body of known length.
fn request(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<(String, Vec<u8>)> {
    let mut part = vec![0; 65_536];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok())
                .unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                let body = bytes[end + 4..end + 4 + length].to_vec();
                bytes.drain(..end + 4 + length);
                return Some((head, body));
            }
        }
        match stream.read(&mut part) {
            Ok(count @ 1..) => bytes.extend(&part[..count]),
            _ => return None,
        }
    }
}
