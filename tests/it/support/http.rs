//! HTTP to the letter: what is written is what was meant to be written, and what comes back is read as it comes.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::site_server::PATIENCE;

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header; `None` where it is missing.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn content_type(&self) -> &str {
        self.header("content-type").unwrap_or_default()
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.text()))
    }
}

/// One connection.
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Wire {
    pub async fn open(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        Self { stream, buffer: Vec::new() }
    }

    /// `None` where nobody listens.
    pub async fn try_open(port: u16) -> Option<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        Some(Self { stream, buffer: Vec::new() })
    }

    /// Writes bytes. That the other side no longer listens is for the reading to find out.
    pub async fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// Writes a request; `headers` are whole lines without their ends.
    pub async fn ask(&mut self, method: &str, path: &str, headers: &[&str], body: &[u8]) {
        let bytes = request(method, path, headers, body);
        self.write(&bytes).await;
    }

    /// The next answer.
    pub async fn answer(&mut self) -> Answer {
        let answer = tokio::time::timeout(PATIENCE, self.read(false)).await;
        answer.expect("an answer must come").expect("the connection must not end before the answer")
    }

    /// The next answer; `None` when the connection ends before it.
    pub async fn try_answer(&mut self) -> Option<Answer> {
        let answer = tokio::time::timeout(PATIENCE, self.read(false)).await;
        answer.expect("an answer or the end must come")
    }

    /// The next answer, which has no body though it may state a length (HEAD).
    pub async fn head_answer(&mut self) -> Answer {
        let answer = tokio::time::timeout(PATIENCE, self.read(true)).await;
        answer.expect("an answer must come").expect("the connection must not end before the answer")
    }

    /// Waits until these bytes have come, and leaves them where they are.
    pub async fn until(&mut self, bytes: &[u8]) {
        let found = async {
            while find(&self.buffer, bytes).is_none() {
                self.more().await.expect("the connection must not end before that");
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("the bytes must come");
    }

    /// Waits until the other side closes the connection; what came before that.
    pub async fn ended(&mut self) -> Vec<u8> {
        let end = async { while self.more().await.is_some() {} };
        tokio::time::timeout(PATIENCE, end).await.expect("the connection must be closed");
        std::mem::take(&mut self.buffer)
    }

    async fn read(&mut self, headless: bool) -> Option<Answer> {
        let end = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end;
            }
            self.more().await?;
        };
        let head: Vec<u8> = self.buffer.drain(..end + 4).take(end).collect();
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(':').unwrap())
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
            .collect();
        let mut answer = Answer { status, headers, body: Vec::new() };
        if headless || status == 204 || status < 200 {
            return Some(answer);
        }
        answer.body = if answer.header("transfer-encoding") == Some("chunked") {
            self.chunks().await?
        } else {
            let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
            self.take(length).await?
        };
        Some(answer)
    }

    async fn chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                if let Some(end) = find(&self.buffer, b"\r\n") {
                    break end;
                }
                self.more().await?;
            };
            let line = self.take(end + 2).await?;
            let length = usize::from_str_radix(std::str::from_utf8(&line[..end]).unwrap(), 16).unwrap();
            body.extend(self.take(length + 2).await?.drain(..length));
            if length == 0 {
                return Some(body);
            }
        }
    }

    async fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.buffer.len() < length {
            self.more().await?;
        }
        Some(self.buffer.drain(..length).collect())
    }

    async fn more(&mut self) -> Option<()> {
        let read = self.stream.read_buf(&mut self.buffer).await.ok()?;
        (read > 0).then_some(())
    }
}

/// One request on a connection of its own.
pub async fn ask(port: u16, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Answer {
    let mut wire = Wire::open(port).await;
    wire.ask(method, path, headers, body).await;
    if method == "HEAD" { wire.head_answer().await } else { wire.answer().await }
}

/// The same where the other side may be dead: `None` when no whole answer came.
pub async fn try_ask(port: u16, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Option<Answer> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let mut wire = Wire { stream, buffer: Vec::new() };
    wire.ask(method, path, headers, body).await;
    tokio::time::timeout(PATIENCE, wire.read(false)).await.ok().flatten()
}

/// The bytes of a request. The host, and the length of a body, are stated unless the headers speak of them.
pub fn request(method: &str, path: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\n");
    if !headers.iter().any(|line| line.to_lowercase().starts_with("host:")) {
        head.push_str("Host: gateway.invalid\r\n");
    }
    for line in headers {
        head.push_str(line);
        head.push_str("\r\n");
    }
    let stated = headers.iter().any(|line| {
        let line = line.to_lowercase();
        line.starts_with("content-length:") || line.starts_with("transfer-encoding:")
    });
    if !stated && (method == "POST" || !body.is_empty()) {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    [head.as_bytes(), body].concat()
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
