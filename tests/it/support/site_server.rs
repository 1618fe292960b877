//! A site's own server, as bare as can be: it answers as the test says, to the byte, and notes what it was asked.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;

/// No test waits longer than this for anything.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A request as it came in.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
}

impl Seen {
    /// The value of a header, once; `None` where it is missing.
    pub fn header(&self, name: &str) -> Option<String> {
        let mut values = self.headers.iter().filter(|(other, _)| other == name);
        let value = values.next().map(|(_, value)| String::from_utf8(value.clone()).unwrap());
        assert!(values.next().is_none(), "{name} came twice");
        value
    }
}

/// What the server does with a request.
#[derive(Clone)]
pub enum Reply {
    /// Status, further header lines, body.
    Answer(u16, String, Vec<u8>),
    /// These bytes, and the end of the connection.
    Raw(Vec<u8>),
    /// Nothing, for ever.
    Never,
    /// These bytes, and then nothing, for ever.
    Stall(Vec<u8>),
    /// Closes the connection.
    Close,
    /// Waits for a permit of the gate first, and uses it up.
    Gate(Arc<Semaphore>, Box<Reply>),
}

impl Reply {
    pub fn json(status: u16, body: &str) -> Self {
        Self::Answer(status, "content-type: application/json\r\n".to_owned(), body.into())
    }

    pub fn redirect(status: u16, location: &str) -> Self {
        Self::Answer(status, format!("location: {location}\r\n"), Vec::new())
    }

    pub fn behind(self, gate: &Arc<Semaphore>) -> Self {
        Self::Gate(Arc::clone(gate), Box::new(self))
    }
}

type Script = dyn Fn(&Seen, usize) -> Reply + Send + Sync;

struct State {
    script: Box<Script>,
    seen: Mutex<Vec<Seen>>,
    count: watch::Sender<usize>,
    open: AtomicUsize,
    peak: AtomicUsize,
    closed: watch::Sender<usize>,
}

/// A server on 127.0.0.1, gone when dropped.
pub struct SiteServer {
    pub port: u16,
    state: Arc<State>,
    task: AbortHandle,
}

impl SiteServer {
    /// Starts one that answers as `script` says; it gets the request and how many came before.
    pub async fn start(script: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_at(([127, 0, 0, 1], 0).into(), script).await
    }

    /// The same, at this address.
    pub async fn start_at(
        address: SocketAddr,
        script: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            script: Box::new(script),
            seen: Mutex::default(),
            count: watch::Sender::new(0),
            open: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            closed: watch::Sender::new(0),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&state))).abort_handle();
        Self { port, state, task }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// All requests so far, in the order in which they came.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }

    /// Waits until `count` requests have come, and gives them.
    pub async fn wait_for(&self, count: usize) -> Vec<Seen> {
        reached(&self.state.count, count, "requests").await;
        self.seen()
    }

    /// Waits until `count` connections have been closed by the other side.
    pub async fn wait_for_closed(&self, count: usize) {
        reached(&self.state.closed, count, "closed connections").await;
    }

    /// The most requests that were unanswered at one time.
    pub fn peak(&self) -> usize {
        self.state.peak.load(Ordering::SeqCst)
    }
}

impl Drop for SiteServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn reached(counter: &watch::Sender<usize>, count: usize, what: &str) {
    let mut counter = counter.subscribe();
    let enough = tokio::time::timeout(PATIENCE, counter.wait_for(|now| *now >= count)).await.is_ok();
    assert!(enough, "{} of {count} {what}", *counter.borrow());
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(connection(stream, Arc::clone(&state)));
    }
}

async fn connection(mut stream: TcpStream, state: Arc<State>) {
    let mut buffer = Vec::new();
    while let Some(seen) = request(&mut stream, &mut buffer).await {
        let before = {
            let mut all = state.seen.lock().unwrap();
            all.push(seen.clone());
            all.len() - 1
        };
        state.peak.fetch_max(state.open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        state.count.send_modify(|count| *count += 1);
        let answer = answer((state.script)(&seen, before), &mut stream).await;
        // Before the answer is written: the next request may follow it at once.
        state.open.fetch_sub(1, Ordering::SeqCst);
        let Some((bytes, keep)) = answer else {
            return state.closed.send_modify(|count| *count += 1);
        };
        if stream.write_all(&bytes).await.is_err() || !keep {
            return;
        }
    }
}

/// The bytes of an answer, and whether the connection stays; `None` when the other side went away first.
async fn answer(mut reply: Reply, stream: &mut TcpStream) -> Option<(Vec<u8>, bool)> {
    while let Reply::Gate(gate, then) = reply {
        tokio::select! {
            permit = gate.acquire() => permit.unwrap().forget(),
            () = gone(stream) => return None,
        }
        reply = *then;
    }
    match reply {
        Reply::Answer(status, headers, body) => {
            let head = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n", body.len());
            Some(([head.into_bytes(), body].concat(), true))
        }
        Reply::Raw(bytes) => Some((bytes, false)),
        Reply::Close => Some((Vec::new(), false)),
        Reply::Stall(bytes) => {
            stream.write_all(&bytes).await.ok()?;
            gone(stream).await;
            None
        }
        Reply::Never | Reply::Gate(..) => {
            gone(stream).await;
            None
        }
    }
}

/// Waits until the other side has closed the connection.
async fn gone(stream: &mut TcpStream) {
    let mut byte = [0];
    while !matches!(stream.read(&mut byte).await, Ok(0) | Err(_)) {}
}

/// Reads one request; `None` at the end of the connection.
async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Seen> {
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        more(stream, buffer).await?;
        if !buffer.first()?.is_ascii_uppercase() {
            // A TLS greeting: there is nobody here who speaks it.
            return None;
        }
    };
    let head: Vec<u8> = buffer.drain(..end + 4).take(end).collect();
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let first = String::from_utf8(lines.next()?.to_vec()).unwrap();
    let headers: Vec<(String, Vec<u8>)> = lines.map(header).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, value)| String::from_utf8_lossy(value).parse().unwrap());
    while buffer.len() < length {
        more(stream, buffer).await?;
    }
    let body = buffer.drain(..length).collect();
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    Some(Seen { method, path, headers, body })
}

fn header(line: &[u8]) -> (String, Vec<u8>) {
    let colon = line.iter().position(|byte| *byte == b':').unwrap();
    let value = line[colon + 1..].trim_ascii().to_vec();
    (String::from_utf8(line[..colon].to_vec()).unwrap().to_lowercase(), value)
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    let read = stream.read_buf(buffer).await.ok()?;
    (read > 0).then_some(())
}
