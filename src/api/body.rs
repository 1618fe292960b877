//! The body of `/send`: JSON, or a form as HTML pages and old HTTP libraries post it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::Refusal;
use crate::domain::Event;
use crate::gateway::Order;

/// A JSON body. `event` and `args` are never parsed: they go out as they came in.
#[derive(Deserialize)]
struct Json<'a> {
    #[serde(borrow)]
    rooms: Option<&'a RawValue>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
}

/// Reads a body. `kind` is its media type without parameters; `None` when it states none.
pub(super) fn parse<'a>(bytes: &'a [u8], kind: Option<&str>, resync: bool) -> Result<Order<'a>, Refusal> {
    let looks_like_json = bytes.trim_ascii_start().starts_with(b"{");
    match kind {
        None | Some("" | "application/json") => json(bytes, resync),
        // What curl -d claims, whatever it sends.
        Some("application/x-www-form-urlencoded") if looks_like_json => json(bytes, resync),
        Some("application/x-www-form-urlencoded") => form(bytes, resync),
        Some(other) => Err(Refusal::MediaType(format!("'{other}'"))),
    }
}

fn json(bytes: &[u8], resync: bool) -> Result<Order<'_>, Refusal> {
    if !bytes.trim_ascii_start().starts_with(b"{") {
        let any: Result<&RawValue, _> = serde_json::from_slice(bytes);
        return Err(any.map_or_else(|error| Refusal::Json(error.to_string()), |_| Refusal::NotAnObject));
    }
    let body: Json<'_> = serde_json::from_slice(bytes).map_err(|error| Refusal::Json(error.to_string()))?;
    let rooms = json_rooms(body.rooms)?;
    let event = Event::new(body.event.ok_or(Refusal::NoEvent)?, body.args)?;
    Ok(Order { rooms, event, resync })
}

/// A string or an array of strings.
fn json_rooms(rooms: Option<&RawValue>) -> Result<Vec<Cow<'_, str>>, Refusal> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

    let rooms = rooms.map(RawValue::get).filter(|rooms| *rooms != "null").ok_or(Refusal::NoRooms)?;
    let rooms = if rooms.starts_with('"') {
        serde_json::from_str(rooms).map(|Text(room)| vec![room])
    } else {
        serde_json::from_str(rooms)
            .map(|rooms: Vec<Text<'_>>| rooms.into_iter().map(|Text(room)| room).collect())
    };
    let rooms: Vec<_> = rooms.map_err(|_| Refusal::RoomType)?;
    if rooms.is_empty() { Err(Refusal::NoRooms) } else { Ok(rooms) }
}

/// `rooms=a`, `rooms[]=a&rooms[]=b`, `rooms[0]=a`; args likewise. All values are strings.
fn form(bytes: &[u8], resync: bool) -> Result<Order<'_>, Refusal> {
    let (mut rooms, mut event, mut args): (Vec<Cow<'_, str>>, _, Vec<String>) =
        (Vec::new(), None, Vec::new());
    let mut args_given_plain = false;
    for (key, value) in form_urlencoded::parse(bytes) {
        let name = key.split('[').next().unwrap_or_default();
        match name {
            "rooms" => rooms.push(value),
            "event" => event = Some(value.into_owned()),
            "args" => {
                args_given_plain |= !key.contains('[');
                args.push(value.into_owned());
            }
            _ => {}
        }
    }
    if rooms.is_empty() {
        return Err(Refusal::NoRooms);
    }
    let name = raw(&event.ok_or(Refusal::NoEvent)?)?;
    let args = match args.as_slice() {
        [] => None,
        [only] if args_given_plain => Some(raw(only)?),
        all => Some(raw(all)?),
    };
    Ok(Order { rooms, event: Event::new(&name, args.as_deref())?, resync })
}

fn raw<T: serde::Serialize + ?Sized>(value: &T) -> Result<Box<RawValue>, Refusal> {
    serde_json::value::to_raw_value(value).map_err(|error| Refusal::Json(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &str, body: &str) -> Result<(Vec<String>, String), String> {
        parse(body.as_bytes(), Some(kind), false)
            .map(|order| {
                let event = String::from_utf8(order.event.json().to_vec()).unwrap();
                (order.rooms.iter().map(ToString::to_string).collect(), event)
            })
            .map_err(|refusal| refusal.to_string())
    }

    fn json_body(body: &str) -> Result<(Vec<String>, String), String> {
        read("application/json", body)
    }

    #[allow(clippy::unnecessary_wraps, reason = "compared with what parsing gives")]
    fn ok(rooms: &[&str], event: &str) -> Result<(Vec<String>, String), String> {
        Ok((rooms.iter().map(ToString::to_string).collect(), event.to_owned()))
    }

    #[test]
    fn rooms_may_be_one_or_many_and_args_anything() {
        let cases = [
            (r#"{"rooms":"a","event":"e","args":{"x":1}}"#, ok(&["a"], r#"["e",{"x":1}]"#)),
            (r#"{"rooms":["a","\u0062"],"event":"e","args":[1,[2]]}"#, ok(&["a", "b"], r#"["e",1,[2]]"#)),
            (r#"{"rooms":["a"],"event":"e"}"#, ok(&["a"], r#"["e",null]"#)),
            (r#" {"event":"e","rooms":["a"],"args":null,"more":1}"#, ok(&["a"], r#"["e",null]"#)),
        ];
        for (body, expected) in cases {
            assert_eq!(json_body(body), expected, "{body}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            (r#"{"event":"e"}"#, "'rooms' is missing or empty: name at least one room."),
            (r#"{"rooms":[],"event":"e"}"#, "'rooms' is missing or empty: name at least one room."),
            (r#"{"rooms":[1],"event":"e"}"#, "'rooms' must be a string or an array of strings."),
            (r#"{"rooms":{"a":1},"event":"e"}"#, "'rooms' must be a string or an array of strings."),
            (r#"{"rooms":"a"}"#, "'event' is missing."),
            (r#"{"rooms":"a","event":7}"#, "'event' must be a string."),
            (r#"{"rooms":"a","event":"_batch"}"#, "the event name '_batch' is reserved."),
            ("[1]", "The body must be a JSON object with 'rooms', 'event' and 'args'."),
            ("7", "The body must be a JSON object with 'rooms', 'event' and 'args'."),
        ];
        for (body, expected) in cases {
            assert_eq!(json_body(body), Err(expected.to_owned()), "{body}");
        }
        assert!(json_body("{").unwrap_err().starts_with("The body is not valid JSON"));
        assert!(json_body("").unwrap_err().starts_with("The body is not valid JSON"));
        assert!(read("text/csv", "").unwrap_err().contains("not 'text/csv'"));
    }

    #[test]
    fn a_form_is_read_like_qs_reads_it() {
        let form = |body| read("application/x-www-form-urlencoded", body);
        assert_eq!(
            form("rooms[]=a&rooms[]=b&event=e&args[]=x&args[]=y"),
            ok(&["a", "b"], r#"["e","x","y"]"#)
        );
        assert_eq!(form("rooms=a&event=e&args=x%20y"), ok(&["a"], r#"["e","x y"]"#));
        assert_eq!(form("rooms[0]=a&event=e&args[0]=x"), ok(&["a"], r#"["e","x"]"#));
        assert_eq!(form("rooms=a&event=e"), ok(&["a"], r#"["e",null]"#));
        assert_eq!(form("event=e"), Err("'rooms' is missing or empty: name at least one room.".to_owned()));
        assert_eq!(form(r#"{"rooms":"a","event":"e"}"#), ok(&["a"], r#"["e",null]"#));
    }
}
