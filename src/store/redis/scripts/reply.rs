//! What the scripts answer.

use bytes::Bytes;
use redis::Value;

use super::super::words::{
    Admitted, Dno, Garbled, NodeId, RoomName, Sent, ShardNo, Stretch, Tally, TickReport, Txn,
};
use crate::domain::Seq;

/// The number that a node got.
pub(in super::super) fn register(value: Value) -> Result<NodeId, Garbled> {
    number(value).map(NodeId)
}

/// What a tick found.
pub(in super::super) fn tick(value: Value) -> Result<TickReport, Garbled> {
    let mut items = items(value)?;
    let mut next = || number(item(&mut items)?);
    let (published, more) = (next()?, next()? != 0);
    let tally = Tally {
        accepted: next()?,
        acked: next()?,
        expired: next()?,
        resynced: next()?,
        dropped: next()?,
        devices: next()?,
        online: next()?,
    };
    let deserted = each(item(&mut items)?, |room| text(room).map(|name| RoomName(name.into())))?;
    let last = Txn(number(item(&mut items)?)?);
    let expired = number(item(&mut items)?)?;
    Ok(TickReport { published, more, tally, expired, deserted, last })
}

/// What a connect came to.
pub(in super::super) fn connect(value: Value) -> Result<Admitted, Garbled> {
    let mut items = items(value)?;
    let dno = Dno(number(item(&mut items)?)?);
    let published = number(item(&mut items)?)?;
    Ok(Admitted { dno, published, stretch: stretch(item(&mut items)?)? })
}

/// The devices that are gone.
pub(in super::super) fn adopt(value: Value) -> Result<Vec<Dno>, Garbled> {
    dnos(value)
}

/// What became of the messages, in order. Shorter than what was asked for: the rest was not done and has to come
/// again.
pub(in super::super) fn send(value: Value) -> Result<Vec<Sent>, Garbled> {
    each(value, sent)
}

/// One stretch for each one that was asked for, in order.
pub(in super::super) fn read(value: Value) -> Result<Vec<Stretch>, Garbled> {
    each(value, stretch)
}

/// Of each room that was asked about, in order: the other shards that have members.
pub(in super::super) fn ask(value: Value) -> Result<Vec<Vec<ShardNo>>, Garbled> {
    each(value, shards)
}

fn sent(value: Value) -> Result<Sent, Garbled> {
    let Value::Array(items) = value else { return kept(&text(value)?, Vec::new()) };
    let mut items = items.into_iter();
    let result = text(item(&mut items)?)?;
    let elsewhere = shards(item(&mut items)?)?;
    if result != b"T" {
        return kept(&result, elsewhere);
    }
    let mut devices = dnos(item(&mut items)?)?;
    devices.sort_unstable();
    Ok(Sent::TooMany { devices, elsewhere })
}

/// `<devices>,<online>,<queued>`
fn kept(result: &[u8], elsewhere: Vec<ShardNo>) -> Result<Sent, Garbled> {
    const GARBLED: Garbled = Garbled("three numbers");
    let result = std::str::from_utf8(result).map_err(|_| GARBLED)?;
    let mut numbers = result.split(',').map(|number| number.parse().map_err(|_| GARBLED));
    let mut next = || numbers.next().unwrap_or(Err(GARBLED));
    Ok(Sent::Kept { devices: next()?, online: next()?, queued: next()?, elsewhere })
}

fn stretch(value: Value) -> Result<Stretch, Garbled> {
    let mut items = items(value)?;
    let through = Seq(number(item(&mut items)?)?);
    let more = number(item(&mut items)?)? != 0;
    let resync = match item(&mut items)? {
        Value::Nil => None,
        owed => Some(Seq(number(owed)?)),
    };
    let mut found = self::items(item(&mut items)?)?;
    let mut entries = Vec::with_capacity(found.len() / 2);
    while let Some(seq) = found.next() {
        entries.push((Seq(number(seq)?), Bytes::from(text(item(&mut found)?)?)));
    }
    Ok(Stretch { through, more, resync, entries })
}

fn dnos(value: Value) -> Result<Vec<Dno>, Garbled> {
    each(value, |dno| number(dno).map(Dno))
}

fn shards(value: Value) -> Result<Vec<ShardNo>, Garbled> {
    let shard =
        |value| u16::try_from(number(value)?).map(ShardNo).map_err(|_| Garbled("the number of a shard"));
    let mut shards = each(value, shard)?;
    shards.sort_unstable();
    Ok(shards)
}

fn each<T>(value: Value, parse: impl FnMut(Value) -> Result<T, Garbled>) -> Result<Vec<T>, Garbled> {
    items(value)?.map(parse).collect()
}

fn items(value: Value) -> Result<std::vec::IntoIter<Value>, Garbled> {
    match value {
        Value::Array(items) => Ok(items.into_iter()),
        _ => Err(Garbled("a list")),
    }
}

fn item(items: &mut std::vec::IntoIter<Value>) -> Result<Value, Garbled> {
    items.next().ok_or(Garbled("a list that is too short"))
}

fn text(value: Value) -> Result<Vec<u8>, Garbled> {
    match value {
        Value::BulkString(text) => Ok(text),
        _ => Err(Garbled("a text")),
    }
}

fn number(value: Value) -> Result<u64, Garbled> {
    const GARBLED: Garbled = Garbled("a number");
    match value {
        Value::Int(number) => number.try_into().map_err(|_| GARBLED),
        Value::BulkString(digits) => {
            std::str::from_utf8(&digits).ok().and_then(|digits| digits.parse().ok()).ok_or(GARBLED)
        }
        _ => Err(GARBLED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    #[test]
    fn what_no_script_answers_is_garbled() {
        for value in [Value::Nil, Value::Okay, bulk("x"), bulk("-1"), Value::Int(-1), Value::Array(vec![])] {
            assert!(register(value).is_err());
        }
        for value in [Value::Nil, bulk("1"), Value::Array(vec![bulk("1"), Value::Int(0)])] {
            assert!(tick(value.clone()).is_err() && connect(value).is_err());
        }
        for item in ["1,2", "1,2,x", "T", ""] {
            assert!(send(Value::Array(vec![bulk(item)])).is_err(), "{item}");
            assert!(send(Value::Array(vec![Value::Array(vec![bulk(item)])])).is_err(), "{item}");
        }
        let odd = vec![bulk("5"), Value::Int(0), Value::Nil, Value::Array(vec![bulk("5")])];
        assert!(read(Value::Array(vec![Value::Array(odd)])).is_err());
        assert_eq!(adopt(Value::Array(vec![bulk("7"), Value::Int(8)])), Ok(vec![Dno(7), Dno(8)]));
    }
}
