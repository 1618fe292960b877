//! The body of a batch, taken apart into its messages: nothing of them is read but where they begin and end.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::api::answer::Refusal;

/// How the messages stand in the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A JSON array.
    Array,
    /// One in each line.
    Lines,
}

/// From the media type, as far as it could be read.
pub(super) fn form(kind: Result<Option<Cow<'_, str>>, Refusal>) -> Result<Form, Refusal> {
    match kind {
        Ok(kind) => match kind.as_deref() {
            None | Some("" | "application/json") => Ok(Form::Array),
            Some("application/x-ndjson" | "application/jsonl") => Ok(Form::Lines),
            Some(other) => Err(Refusal::BatchMediaType(format!("'{other}'"))),
        },
        Err(Refusal::MediaType(what)) => Err(Refusal::BatchMediaType(what)),
        Err(refusal) => Err(refusal),
    }
}

/// The messages, at most `most`. What is wrong with a single one is found later.
pub(super) fn split(bytes: &[u8], form: Form, most: usize) -> Result<Vec<&[u8]>, Refusal> {
    let items = match form {
        Form::Array => array(bytes, most)?,
        Form::Lines => {
            let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
            lines.filter(|line| !line.is_empty()).take(most + 1).collect()
        }
    };
    if items.len() > most { Err(Refusal::TooManyItems(most)) } else { Ok(items) }
}

fn array(bytes: &[u8], most: usize) -> Result<Vec<&[u8]>, Refusal> {
    let not_json = |error: serde_json::Error| Refusal::Json(error.to_string());
    if !bytes.trim_ascii_start().starts_with(b"[") {
        let any: Result<IgnoredAny, _> = serde_json::from_slice(bytes);
        return Err(any.map_or_else(not_json, |_| Refusal::NotAnArray));
    }
    let mut read = serde_json::Deserializer::from_slice(bytes);
    let items = read.deserialize_seq(Items(most)).map_err(not_json)?;
    read.end().map_err(not_json)?;
    Ok(items)
}

/// Takes one item more than there may be; behind that it only makes sure that it is JSON.
struct Items(usize);

impl<'de> Visitor<'de> for Items {
    type Value = Vec<&'de [u8]>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while items.len() <= self.0
            && let Some(item) = seq.next_element::<&RawValue>()?
        {
            items.push(item.get().as_bytes());
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(body: &str, form: Form, most: usize) -> Result<Vec<String>, String> {
        let items = split(body.as_bytes(), form, most).map_err(|refusal| refusal.to_string())?;
        Ok(items.into_iter().map(|item| String::from_utf8(item.to_vec()).unwrap()).collect())
    }

    #[test]
    fn an_array_is_taken_apart_to_the_letter() {
        let items = texts(" [ {\"a\": 1.0} ,[2], \"x,y\",null]\n", Form::Array, 4);
        assert_eq!(items.unwrap(), ["{\"a\": 1.0}", "[2]", "\"x,y\"", "null"]);
        assert_eq!(texts("[]", Form::Array, 1).unwrap(), [""; 0]);
    }

    #[test]
    fn a_line_is_a_message_and_an_empty_one_is_none() {
        let items = texts("{\"a\":1}\r\n\n  \n{broken\n{}", Form::Lines, 3);
        assert_eq!(items.unwrap(), ["{\"a\":1}", "{broken", "{}"]);
        assert_eq!(texts("\n", Form::Lines, 1).unwrap(), [""; 0]);
    }

    #[test]
    fn one_too_many_is_too_many() {
        for (body, form) in [("[1,2,3]", Form::Array), ("1\n2\n3", Form::Lines)] {
            assert_eq!(texts(body, form, 3).unwrap().len(), 3);
            assert!(texts(body, form, 2).unwrap_err().contains("more than 2 messages"), "{form:?}");
        }
    }

    #[test]
    fn what_is_no_array_is_refused_whole() {
        for body in ["", "[1", "[1,]", "[1]x", "{\"a\"", "[1,2,"] {
            let error = texts(body, Form::Array, 1).unwrap_err();
            assert!(error.starts_with("The body is not valid JSON: "), "{body}: {error}");
        }
        for body in ["{}", "7", "\"[]\""] {
            assert!(
                texts(body, Form::Array, 1).unwrap_err().starts_with("The body must be a JSON array"),
                "{body}"
            );
        }
    }
}
