//! The sites' own server: tells which rooms a token stands for.

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::local;

/// Answers on that port of 127.0.0.1, on a thread of its own, until the process ends.
pub fn serve(port: u16) -> Result<()> {
    let listener =
        std::net::TcpListener::bind(("127.0.0.1", port)).with_context(|| format!("port {port}"))?;
    listener.set_nonblocking(true)?;
    local::thread("auth", move || accept(listener))?;
    Ok(())
}

async fn accept(listener: std::net::TcpListener) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            tokio::task::spawn_local(answer(stream));
        }
    }
}

/// Answers requests of one connection until it ends.
async fn answer(mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut inbox = Vec::with_capacity(1024);
    loop {
        while let Some((reply, length)) = reply(&inbox) {
            inbox.drain(..length);
            if stream.write_all(reply.as_bytes()).await.is_err() {
                return;
            }
        }
        if !matches!(stream.read_buf(&mut inbox).await, Ok(1..)) {
            return;
        }
    }
}

/// The answer to the first request in `bytes`, and how long that is. Requests have no body.
fn reply(bytes: &[u8]) -> Option<(String, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let Ok(httparse::Status::Complete(length)) = request.parse(bytes) else { return None };
    let number = request
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("authorization"))
        .and_then(|header| std::str::from_utf8(header.value).ok())
        .and_then(|value| value.rsplit_once(" t")?.1.parse::<u32>().ok());
    let (status, body) = match number {
        Some(n) => ("200 OK", format!("[\"user_{n}\",\"all\"]")),
        None => ("401 Unauthorized", "[]".to_owned()),
    };
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}", body.len());
    Some((format!("{head}\r\n\r\n{body}"), length))
}

#[cfg(test)]
mod tests {
    use super::reply;

    #[test]
    fn a_token_is_a_user() {
        let request = "GET /auth HTTP/1.1\r\nhost: x\r\nauthorization: Bearer t42\r\n\r\n";
        let (answer, length) = reply(format!("{request}GET").as_bytes()).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with(r#"["user_42","all"]"#),
            "{answer}"
        );
        assert_eq!(length, request.len());
    }

    #[test]
    fn no_token_is_nobody_and_half_a_request_is_none() {
        assert!(reply(b"GET / HTTP/1.1\r\n\r\n").unwrap().0.starts_with("HTTP/1.1 401"));
        assert!(reply(b"GET / HTTP/1.1\r\nauth").is_none());
    }
}
