//! The envelope in which a message travels between nodes.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version: 1 |
//! | 8 | who published it: a random number of the process |
//! | 8 | the how many-eth it was there |
//! | 8 | id of the message |
//! | 2, n | length and name of the site |
//! | 4 | how many rooms; of each: |
//! | 4, n | length and name |
//! | rest | the event: a JSON array |
//!
//! Numbers are big-endian, texts are UTF-8. Nodes of different versions may run side by side: a version that is not known is
//! ignored.

use std::sync::Arc;

use bytes::Bytes;

use super::recent::Id;
use crate::domain::{Event, Message, MessageId, QueueBounds, Room, SiteName};

const VERSION: u8 = 1;

/// Why an envelope cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// A later version of this program has made it.
    Newer(u8),
    /// Something else has.
    Garbled,
}

/// Puts a message into an envelope.
pub(super) fn seal(origin: u64, number: u64, message: &Message) -> Bytes {
    let (site, event) = (message.site.as_str().as_bytes(), message.event.json());
    let rooms: usize = message.rooms.iter().map(|room| room.as_str().len() + 4).sum();
    let mut out = Vec::with_capacity(31 + site.len() + rooms + event.len());
    out.push(VERSION);
    for number in [origin, number, message.id.0] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    out.extend_from_slice(&(site.len() as u16).to_be_bytes());
    out.extend_from_slice(site);
    out.extend_from_slice(&(message.rooms.len() as u32).to_be_bytes());
    for room in message.rooms.iter() {
        out.extend_from_slice(&(room.as_str().len() as u32).to_be_bytes());
        out.extend_from_slice(room.as_str().as_bytes());
    }
    out.extend_from_slice(event);
    out.into()
}

/// Takes a message out of its envelope.
pub(super) fn open(envelope: &Bytes) -> Result<(Id, Message), Unreadable> {
    match envelope.first() {
        Some(&VERSION) => read(envelope).ok_or(Unreadable::Garbled),
        Some(version) if *version > VERSION => Err(Unreadable::Newer(*version)),
        _ => Err(Unreadable::Garbled),
    }
}

fn read(envelope: &Bytes) -> Option<(Id, Message)> {
    let rest = &mut envelope.get(1..)?;
    let (origin, number, id) = (long(rest)?, long(rest)?, long(rest)?);
    let length = u16::from_be_bytes(take(rest, 2)?.try_into().ok()?);
    let site = SiteName::new(std::str::from_utf8(take(rest, usize::from(length))?).ok()?).ok()?;
    let count = short(rest)?;
    // Each takes four bytes at least: the number is not believed further than that.
    let mut rooms = Vec::with_capacity(count.min(rest.len() / 4));
    for _ in 0..count {
        let length = short(rest)?;
        rooms.push(Room::stored(std::str::from_utf8(take(rest, length)?).ok()?));
    }
    let is_array = rest.starts_with(b"[") && rest.ends_with(b"]") && std::str::from_utf8(rest).is_ok();
    let event = is_array.then(|| Event::stored(envelope.slice_ref(rest)))?;
    let (id, rooms, bounds) = (MessageId(id), Arc::from(rooms), QueueBounds::default());
    Some(((origin, number), Message { id, site, rooms, event, resync: false, bounds, except: None }))
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, behind) = rest.split_at_checked(count)?;
    *rest = behind;
    Some(taken)
}

fn long(rest: &mut &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(take(rest, 8)?.try_into().ok()?))
}

fn short(rest: &mut &[u8]) -> Option<usize> {
    Some(u32::from_be_bytes(take(rest, 4)?.try_into().ok()?) as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(rooms: &[&str], event: &'static [u8]) -> Message {
        Message {
            id: MessageId(9),
            site: SiteName::new("shop").unwrap(),
            rooms: rooms.iter().map(|room| Room::stored(room)).collect(),
            event: Event::stored(Bytes::from_static(event)),
            resync: true,
            bounds: QueueBounds::default(),
            except: None,
        }
    }

    #[test]
    fn a_message_comes_out_as_it_went_in() {
        let sealed = seal(7, u64::MAX, &message(&["Staff", "", "ä"], br#"["news",{"a":"\u0000"}]"#));
        let (id, opened) = open(&sealed).unwrap();
        assert_eq!((id, opened.id, opened.site.as_str()), ((7, u64::MAX), MessageId(9), "shop"));
        let rooms: Vec<&str> = opened.rooms.iter().map(Room::as_str).collect();
        assert_eq!(
            (rooms, opened.event.json()),
            (vec!["Staff", "", "ä"], &br#"["news",{"a":"\u0000"}]"#[..])
        );
    }

    #[test]
    fn the_bytes_are_those_of_version_1() {
        let sealed = seal(1, 2, &message(&["r"], b"[]"));
        let numbers = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 9];
        let expected = [&[1][..], &numbers, b"\0\x04shop\0\0\0\x01\0\0\0\x01r[]"].concat();
        assert_eq!(sealed, expected);
    }

    #[test]
    fn a_later_version_is_told_from_garbage() {
        let sealed = seal(1, 2, &message(&["r"], b"[]"));
        let version = |version: u8| Bytes::from([&[version], &sealed[1..]].concat());
        assert_eq!(open(&version(2)).unwrap_err(), Unreadable::Newer(2));
        assert_eq!(open(&version(0)).unwrap_err(), Unreadable::Garbled);
        for length in 0..sealed.len() {
            assert_eq!(open(&sealed.slice(..length)).unwrap_err(), Unreadable::Garbled, "{length}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(mut bytes: Vec<u8>, known in any::<bool>()) {
            if known && !bytes.is_empty() {
                bytes[0] = VERSION;
            }
            let _ = open(&bytes.into());
        }
    }
}
