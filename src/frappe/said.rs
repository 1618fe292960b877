//! What clients of a Frappe site say: the events of Frappe's own server, read.

use serde_json::Value;

use crate::domain::Room;
use crate::transport::engine::Fault;

/// Event names that Socket.IO keeps for itself: who sends one breaks the protocol.
const RESERVED: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// Whether Socket.IO keeps an event name for itself.
pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// A document.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Doc {
    pub(super) doctype: String,
    pub(super) name: String,
}

/// What a client wants.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Said {
    /// To know whether somebody is there.
    Ping,
    /// To hear of all documents of a type.
    SubscribeType(String),
    /// No longer.
    UnsubscribeType(String),
    /// To hear of a document.
    Subscribe(Doc),
    /// No longer.
    Unsubscribe(Doc),
    /// It looks at a document from now on.
    Open(Doc),
    /// No longer.
    Close(Doc),
    /// To hear of a task.
    SubscribeTask(String),
    /// No longer.
    UnsubscribeTask(String),
    /// To have a file opened in the developer's editor.
    OpenInEditor(Value),
    /// Something that Frappe itself knows nothing of.
    Other(String, Vec<Value>),
    /// Something with arguments that mean nothing.
    Nothing,
}

impl Doc {
    /// The room of those who hear of it.
    pub(super) fn room(&self) -> Room {
        Room::stored(&format!("doc:{}/{}", self.doctype, self.name))
    }

    /// The room of those who look at it.
    pub(super) fn open_room(&self) -> Room {
        Room::stored(&format!("open_doc:{}/{}", self.doctype, self.name))
    }
}

/// The room of those who hear of all documents of a type.
pub(super) fn type_room(doctype: &str) -> Room {
    Room::stored(&format!("doctype:{doctype}"))
}

/// The room of those who hear of a task.
pub(super) fn task_room(task: &str) -> Room {
    Room::stored(&format!("task_progress:{task}"))
}

/// Reads the JSON array of an event.
pub(super) fn read(json: &str) -> Result<Said, Fault> {
    let Ok(Value::Array(parts)) = serde_json::from_str(json) else {
        return Err(Fault("an event that is no array"));
    };
    let mut parts = parts.into_iter();
    // Socket.IO allows numbers as names; none means anything here.
    let Some(Value::String(name)) = parts.next() else { return Ok(Said::Nothing) };
    if RESERVED.contains(&name.as_str()) {
        return Err(Fault("an event with a reserved name"));
    }
    Ok(of(name, parts.collect()))
}

fn of(name: String, args: Vec<Value>) -> Said {
    let one = || args.first().and_then(text);
    let doc = || Some(Doc { doctype: args.first().and_then(text)?, name: args.get(1).and_then(text)? });
    let said = match name.as_str() {
        "ping" => Some(Said::Ping),
        "doctype_subscribe" => one().map(Said::SubscribeType),
        "doctype_unsubscribe" => one().map(Said::UnsubscribeType),
        "doc_subscribe" => doc().map(Said::Subscribe),
        "doc_unsubscribe" => doc().map(Said::Unsubscribe),
        "doc_open" => doc().map(Said::Open),
        "doc_close" => doc().map(Said::Close),
        "task_subscribe" | "progress_subscribe" => one().map(Said::SubscribeTask),
        "task_unsubscribe" => one().map(Said::UnsubscribeTask),
        "open_in_editor" => args.into_iter().next().map(Said::OpenInEditor),
        _ => return Said::Other(name, args),
    };
    said.unwrap_or(Said::Nothing)
}

/// A text, or a number as its text: names of documents that are counted arrive as numbers. Anything else, and nothing at
/// all, means nothing.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_with_numbers_as_texts() {
        let doc = Doc { doctype: "ToDo".to_owned(), name: "5".to_owned() };
        assert_eq!(read(r#"["doc_subscribe","ToDo",5]"#), Ok(Said::Subscribe(doc.clone())));
        assert_eq!(doc.room().as_str(), "doc:ToDo/5");
        assert_eq!(doc.open_room().as_str(), "open_doc:ToDo/5");
        assert_eq!(read(r#"["progress_subscribe","t1"]"#), Ok(Said::SubscribeTask("t1".to_owned())));
        assert_eq!(read(r#"["x",1]"#), Ok(Said::Other("x".to_owned(), vec![1.into()])));
    }

    #[test]
    fn arguments_that_mean_nothing_are_nothing() {
        for json in [
            r#"["doc_subscribe","ToDo"]"#,
            r#"["doc_subscribe",null,"x"]"#,
            r#"["doc_open",{},"x"]"#,
            r#"["doc_open","","x"]"#,
            r#"["doctype_subscribe"]"#,
            r#"["open_in_editor"]"#,
            "[]",
            "[7]",
        ] {
            assert_eq!(read(json), Ok(Said::Nothing), "{json}");
        }
    }

    #[test]
    fn reserved_names_break_the_protocol() {
        for name in RESERVED {
            assert!(read(&format!("[\"{name}\"]")).is_err());
        }
        assert!(read("{}").is_err());
    }
}
