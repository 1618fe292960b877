//! What a shard publishes, as it travels: `<number> LF`, then notes.
//!
//! `E <seq> <length> <device>,<device>,... LF <body>` is a new entry, `R <device> <seq> LF` a cleared inbox.

use bytes::Bytes;

use super::words::{Dno, Garbled, Note, Publication};
use crate::domain::Seq;

impl Publication {
    /// Reads a payload. Bodies and lists of devices are slices of it.
    pub(super) fn parse(payload: Bytes) -> Result<Self, Garbled> {
        let mut rest = payload;
        let number = number(&line(&mut rest)?)?;
        let mut notes = Vec::new();
        while !rest.is_empty() {
            notes.push(note(&mut rest)?);
        }
        Ok(Self { number, notes })
    }
}

const GARBLED: Garbled = Garbled("a publication");

fn note(rest: &mut Bytes) -> Result<Note, Garbled> {
    let mut head = line(rest)?;
    match &*word(&mut head) {
        b"E" => {
            let seq = Seq(number(&word(&mut head))?);
            let length = number(&word(&mut head))? as usize;
            // An entry for nobody is not published: this is one whose list was lost.
            if length > rest.len() || head.is_empty() {
                return Err(GARBLED);
            }
            Ok(Note::Entry { seq, devices: head, event: rest.split_to(length) })
        }
        b"R" => {
            let dno = Dno(number(&word(&mut head))?);
            Ok(Note::Resync { dno, through: Seq(number(&head)?) })
        }
        _ => Err(GARBLED),
    }
}

/// Up to the end of the line, which goes.
fn line(rest: &mut Bytes) -> Result<Bytes, Garbled> {
    let end = rest.iter().position(|byte| *byte == b'\n').ok_or(GARBLED)?;
    let line = rest.split_to(end);
    let _end = rest.split_to(1);
    Ok(line)
}

/// Up to the next blank, which goes.
fn word(line: &mut Bytes) -> Bytes {
    let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    let word = line.split_to(end);
    let _blank = line.split_to(line.len().min(1));
    word
}

fn number(text: &[u8]) -> Result<u64, Garbled> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(GARBLED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publication_is_read_without_copying() {
        let payload = Bytes::from_static(b"7\nE 12 8 3,4\n[\"a\",\n1]R 9 13\nE 14 0 5\n");
        let read = Publication::parse(payload.clone()).unwrap();
        let entry = |seq, devices: &'static [u8], event: &'static [u8]| Note::Entry {
            seq: Seq(seq),
            devices: Bytes::from_static(devices),
            event: Bytes::from_static(event),
        };
        let notes = vec![
            entry(12, b"3,4", b"[\"a\",\n1]"),
            Note::Resync { dno: Dno(9), through: Seq(13) },
            entry(14, b"5", b""),
        ];
        assert_eq!(read, Publication { number: 7, notes });
        let Note::Entry { event, .. } = &read.notes[0] else { panic!("no entry") };
        assert!(payload.as_ptr_range().contains(&event.as_ptr()), "copied");
    }

    #[test]
    fn what_is_no_publication_is_garbled() {
        for payload in [
            "",
            "7",
            "x\n",
            "7\nE 1 5 3\nabc",
            "7\nE 1 x 3\nabc",
            "7\nE 1 3\nabc",
            "7\nE 1 3 \nabc",
            "7\nZ 1 2\n",
            "7\nR 1\n",
            "7\nR 1 2",
        ] {
            assert_eq!(Publication::parse(Bytes::from_static(payload.as_bytes())), Err(GARBLED), "{payload}");
        }
    }
}
