//! Reads answers of HTTP/1.1: enough of it for the servers that are compared.

use anyhow::{Result, bail, ensure};

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
    /// Whether the connection goes on.
    pub keeps: bool,
}

/// How long a body is.
enum Length {
    Known(usize),
    Chunked,
}

/// The first answer in `bytes` and its length; nothing when it is not whole yet.
pub fn parse(bytes: &[u8]) -> Result<Option<(Answer, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(start) = head.parse(bytes)? else { return Ok(None) };
    let Some(status) = head.code else { bail!("an answer without a status") };
    let mut keeps = head.version == Some(1);
    let mut length = Length::Known(0);
    for header in head.headers.iter() {
        let value = std::str::from_utf8(header.value)?.trim();
        if header.name.eq_ignore_ascii_case("content-length") {
            length = Length::Known(value.parse()?);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            ensure!(value.eq_ignore_ascii_case("chunked"), "unknown transfer encoding {value}");
            length = Length::Chunked;
        } else if header.name.eq_ignore_ascii_case("connection") {
            keeps =
                !value.eq_ignore_ascii_case("close") && (keeps || value.eq_ignore_ascii_case("keep-alive"));
        }
    }
    let rest = bytes.get(start..).unwrap_or_default();
    let body = match length {
        Length::Known(length) => rest.get(..length).map(|body| (body.to_vec(), length)),
        Length::Chunked => chunks(rest)?,
    };
    Ok(body.map(|(body, length)| (Answer { status, body, keeps }, start + length)))
}

/// A chunked body without trailers, and how long it was.
fn chunks(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Ok(size) = httparse::parse_chunk_size(rest) else { bail!("a chunk without a size") };
        let httparse::Status::Complete((head, size)) = size else { return Ok(None) };
        let size = usize::try_from(size)?;
        let Some(chunk) = rest.get(head..head + size) else { return Ok(None) };
        let Some(_newline) = rest.get(head + size..head + size + 2) else { return Ok(None) };
        body.extend_from_slice(chunk);
        at += head + size + 2;
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, parse};

    fn whole(text: &str) -> Answer {
        for end in 0..text.len() {
            assert_eq!(parse(&text.as_bytes()[..end]).unwrap(), None, "{end} bytes are not all");
        }
        let (answer, length) = parse(format!("{text}HTTP").as_bytes()).unwrap().unwrap();
        assert_eq!(length, text.len());
        answer
    }

    #[test]
    fn reads_bodies_of_known_length() {
        let answer = whole("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nOK");
        assert_eq!(answer, Answer { status: 200, body: b"OK".to_vec(), keeps: true });
        assert!(!whole("HTTP/1.1 202 Accepted\r\nConnection: close\r\n\r\n").keeps);
        assert!(!whole("HTTP/1.0 200 OK\r\n\r\n").keeps);
    }

    #[test]
    fn reads_chunks() {
        let answer =
            whole("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n");
        assert_eq!(answer.body, b"abc");
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        assert!(parse(b"hello\r\n\r\n").is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n").is_err());
    }
}
