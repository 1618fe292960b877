//! Socket.IO packets, as a client reads and writes them; on purpose not with the code of the gateway.

use serde_json::Value;

/// A packet of Socket.IO.
#[derive(Debug, Clone, PartialEq)]
pub struct Packet {
    /// `0` connect, `1` disconnect, `2` event, `3` ack, `4` connect error.
    pub kind: char,
    /// With its slash.
    pub namespace: String,
    pub ack: Option<u64>,
    /// What it carries; null where there is nothing.
    pub json: Value,
    /// As it came, without the `4` of the engine.
    pub raw: String,
}

impl Packet {
    pub fn parse(raw: &str) -> Self {
        let kind = raw.chars().next().expect("an empty packet");
        let mut rest = &raw[1..];
        let mut namespace = "/".to_owned();
        if rest.starts_with('/') {
            let end = rest.find(',').unwrap_or(rest.len());
            rest[..end].clone_into(&mut namespace);
            rest = rest.get(end + 1..).unwrap_or_default();
        }
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let ack = rest[..digits].parse().ok();
        let json = &rest[digits..];
        let json = if json.is_empty() { Value::Null } else { serde_json::from_str(json).unwrap() };
        Self { kind, namespace, ack, json, raw: raw.to_owned() }
    }

    /// The name of an event.
    pub fn name(&self) -> &str {
        assert_eq!(self.kind, '2', "not an event: {}", self.raw);
        self.json[0].as_str().unwrap()
    }

    /// The arguments of an event.
    pub fn args(&self) -> &[Value] {
        &self.json.as_array().unwrap()[1..]
    }

    /// The events of a `_batch`, each as its array.
    pub fn batch(&self) -> Vec<Value> {
        assert_eq!(self.name(), "_batch");
        self.args()[0].as_array().unwrap().clone()
    }

    /// The names of the events of a `_batch`.
    pub fn batch_names(&self) -> Vec<String> {
        self.batch().iter().map(|event| event[0].as_str().unwrap().to_owned()).collect()
    }
}

/// `0/demo,{...}`, `3/demo,7[]`: a packet of a client; nothing between namespace and payload in the root.
pub fn packet(kind: char, namespace: &str, ack: Option<u64>, json: &str) -> String {
    let namespace = if namespace == "/" { String::new() } else { format!("{namespace},") };
    let ack = ack.map(|ack| ack.to_string()).unwrap_or_default();
    format!("{kind}{namespace}{ack}{json}")
}
