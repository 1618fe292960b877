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

/// A message among others. As [`Json`], and with its own `resync`.
#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    rooms: Option<&'a RawValue>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
    #[serde(borrow)]
    resync: Option<&'a RawValue>,
}

/// Reads one message of a batch; `resync` where it does not say itself.
pub(super) fn parse_item(bytes: &[u8], resync: bool) -> Result<Order<'_>, Refusal> {
    let not_json = |error: serde_json::Error| Refusal::ItemJson(error.to_string());
    if !bytes.starts_with(b"{") {
        let any: Result<&RawValue, _> = serde_json::from_slice(bytes);
        return Err(any.map_or_else(not_json, |_| Refusal::ItemNotAnObject));
    }
    let item: Item<'_> = serde_json::from_slice(bytes).map_err(not_json)?;
    let resync = match item.resync.map(RawValue::get) {
        None | Some("null") => resync,
        Some("true") => true,
        Some("false") => false,
        Some(_) => return Err(Refusal::ItemResync),
    };
    let rooms = json_rooms(item.rooms)?;
    let event = Event::new(item.event.ok_or(Refusal::NoEvent)?, item.args)?;
    Ok(Order { rooms, event, resync })
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

/// The args of a form.
#[derive(Default)]
enum FormArgs {
    #[default]
    None,
    /// `args=x`.
    Plain(String),
    /// `args[]=x&args[]=y`, `args[0]=x&args[1]=y`.
    List(Vec<String>),
    /// `args[a]=x&args[b]=y`: one argument, an object.
    Object(serde_json::Map<String, serde_json::Value>),
}

impl FormArgs {
    /// Adds a value under what stands behind `args`.
    fn add(self, key: &str, value: String) -> Result<Self, Refusal> {
        let index = key.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        Ok(match (self, index) {
            (Self::None, None) if key.is_empty() => Self::Plain(value),
            (Self::Plain(first), None) if key.is_empty() => Self::List(vec![first, value]),
            (Self::None, Some(index)) if is_position(index) => Self::List(vec![value]),
            (Self::List(mut list), index) if index.map_or(key.is_empty(), is_position) => {
                list.push(value);
                Self::List(list)
            }
            (Self::None, Some(name)) if !name.contains('[') => {
                Self::Object([(name.to_owned(), value.into())].into_iter().collect())
            }
            (Self::Object(mut object), Some(name)) if !name.contains('[') && !is_position(name) => {
                object.insert(name.to_owned(), value.into());
                Self::Object(object)
            }
            _ => return Err(Refusal::FormArgs),
        })
    }

    fn json(&self) -> Result<Option<Box<RawValue>>, Refusal> {
        match self {
            Self::None => Ok(None),
            Self::Plain(text) => raw(text).map(Some),
            Self::List(list) => raw(list).map(Some),
            Self::Object(object) => raw(object).map(Some),
        }
    }
}

fn is_position(index: &str) -> bool {
    index.bytes().all(|byte| byte.is_ascii_digit())
}

/// `rooms=a`, `rooms[]=a&rooms[]=b`, `rooms[0]=a`; args likewise, or an object of one level. All values are strings.
fn form(bytes: &[u8], resync: bool) -> Result<Order<'_>, Refusal> {
    let (mut rooms, mut event, mut args): (Vec<Cow<'_, str>>, _, _) = (Vec::new(), None, FormArgs::default());
    for (key, value) in form_urlencoded::parse(bytes) {
        let (name, rest) = key.split_at(key.find('[').unwrap_or(key.len()));
        match name {
            "rooms" => rooms.push(value),
            "event" => event = Some(value),
            "args" => args = args.add(rest, value.into_owned())?,
            _ => {}
        }
    }
    if rooms.is_empty() {
        return Err(Refusal::NoRooms);
    }
    let name = raw(&event.ok_or(Refusal::NoEvent)?)?;
    Ok(Order { rooms, event: Event::new(&name, args.json()?.as_deref())?, resync })
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
        let form = |body: &str| read("application/x-www-form-urlencoded", body);
        assert_eq!(
            form("rooms[]=a&rooms[]=b&event=e&args[]=x&args[]=y"),
            ok(&["a", "b"], r#"["e","x","y"]"#)
        );
        assert_eq!(form("rooms=a&event=e&args=x%20y"), ok(&["a"], r#"["e","x y"]"#));
        assert_eq!(form("rooms[0]=a&event=e&args[0]=x"), ok(&["a"], r#"["e","x"]"#));
        assert_eq!(form("rooms=a&event=e&args[x]=1&args[y]=2"), ok(&["a"], r#"["e",{"x":"1","y":"2"}]"#));
        assert_eq!(form("rooms=a&event=e&args=1&args=2"), ok(&["a"], r#"["e","1","2"]"#));
        for deep in ["args[x][y]=1", "args[x]=1&args[]=2", "args[]=1&args[x]=2", "args[=1"] {
            assert_eq!(
                form(&format!("rooms=a&event=e&{deep}")),
                Err(Refusal::FormArgs.to_string()),
                "{deep}"
            );
        }
        assert_eq!(form("rooms=a&event=e"), ok(&["a"], r#"["e",null]"#));
        assert_eq!(form("event=e"), Err("'rooms' is missing or empty: name at least one room.".to_owned()));
        assert_eq!(form(r#"{"rooms":"a","event":"e"}"#), ok(&["a"], r#"["e",null]"#));
    }
}
