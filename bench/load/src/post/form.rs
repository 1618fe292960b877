//! What a POST looks like.

use std::fmt::Write as _;
use std::ops::Range;

use clap::ValueEnum;

/// Whose interface is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Publish {
    /// One message for `/send`.
    Send,
    /// An array of messages.
    Batch,
    /// nchan: the body is the message.
    Nchan,
    /// pushpin: items with formats.
    Pushpin,
}

/// Whom a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// Everybody.
    All,
    /// One user, the next one each time.
    User,
}

/// Everything about a message but its time.
#[derive(Debug, Clone)]
pub struct Form {
    /// Whose interface is spoken.
    pub publish: Publish,
    /// Where to, if not where it usually is; `{room}` is the room.
    pub path: Option<String>,
    /// The site.
    pub site: String,
    /// Its key.
    pub key: String,
    /// Messages in a batch.
    pub items: u32,
    /// Letters besides the time.
    pub pad: usize,
    /// Whom it is for.
    pub target: Target,
    /// The clients there are.
    pub people: Range<u32>,
}

impl Form {
    /// How many messages are in one POST.
    pub fn messages(&self) -> u64 {
        if self.publish == Publish::Batch { u64::from(self.items) } else { 1 }
    }

    /// How many deliveries one message causes.
    pub fn recipients(&self) -> u64 {
        match self.target {
            Target::All => self.people.len() as u64,
            Target::User => 1,
        }
    }

    /// The POST whose first message is number `turn`, sent at `micros`.
    pub fn request(&self, turn: u64, micros: u64) -> Vec<u8> {
        let room = self.room(turn);
        let body = match self.publish {
            Publish::Send => self.event(&room, micros),
            Publish::Batch => {
                let items = (turn..turn + self.messages()).map(|turn| self.event(&self.room(turn), micros));
                format!("[{}]", items.collect::<Vec<_>>().join(","))
            }
            Publish::Nchan => self.bare(micros),
            Publish::Pushpin => self.pushpin(&room, micros),
        };
        let mut request = format!("POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\n", self.path(&room));
        let (kind, length) = ("application/json", body.len());
        let _ = write!(request, "Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}");
        request.into_bytes()
    }

    fn room(&self, turn: u64) -> String {
        match self.target {
            Target::All => "all".to_owned(),
            Target::User => {
                let people = self.people.len().max(1) as u64;
                format!("user_{}", u64::from(self.people.start) + turn % people)
            }
        }
    }

    fn path(&self, room: &str) -> String {
        let (site, key) = (&self.site, &self.key);
        match (&self.path, self.publish) {
            (Some(path), _) => path.replace("{room}", room),
            (None, Publish::Send) => format!("/send?site={site}&apiKey={key}"),
            (None, Publish::Batch) => format!("/v1/sites/{site}/messages?apiKey={key}"),
            (None, Publish::Nchan) => format!("/pub/{room}"),
            (None, Publish::Pushpin) => "/publish/".to_owned(),
        }
    }

    fn event(&self, room: &str, micros: u64) -> String {
        let pad = "x".repeat(self.pad);
        format!(r#"{{"rooms":["{room}"],"event":"bench","args":[{micros},"{pad}"]}}"#)
    }

    fn bare(&self, micros: u64) -> String {
        format!(r#"["bench",{micros},"{}"]"#, "x".repeat(self.pad))
    }

    fn pushpin(&self, room: &str, micros: u64) -> String {
        let content = self.bare(micros).replace('"', "\\\"");
        format!(
            r#"{{"items":[{{"channel":"{room}","formats":{{"ws-message":{{"content":"{content}"}}}}}}]}}"#
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Form, Publish, Target};

    fn form(publish: Publish, target: Target) -> Form {
        let (site, key) = ("shop".to_owned(), "k".to_owned());
        Form { publish, path: None, site, key, items: 3, pad: 2, target, people: 10..12 }
    }

    fn parts(form: &Form, turn: u64) -> (String, String) {
        let request = String::from_utf8(form.request(turn, 17)).unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("Content-Length: {}", body.len())), "{head}");
        serde_json::from_str::<serde_json::Value>(body).expect("every body is JSON");
        (head.lines().next().unwrap().to_owned(), body.to_owned())
    }

    #[test]
    fn send_takes_the_users_in_turn() {
        let form = form(Publish::Send, Target::User);
        let (line, body) = parts(&form, 5);
        assert_eq!(line, "POST /send?site=shop&apiKey=k HTTP/1.1");
        assert_eq!(body, r#"{"rooms":["user_11"],"event":"bench","args":[17,"xx"]}"#);
        assert!(parts(&form, 6).1.contains("user_10"));
        assert_eq!((form.messages(), form.recipients()), (1, 1));
    }

    #[test]
    fn a_batch_is_an_array() {
        let form = form(Publish::Batch, Target::User);
        let (line, body) = parts(&form, 0);
        assert_eq!(line, "POST /v1/sites/shop/messages?apiKey=k HTTP/1.1");
        assert_eq!(body.matches("user_10").count(), 2);
        assert_eq!((form.messages(), body.matches("user_11").count()), (3, 1));
    }

    #[test]
    fn others_get_the_bare_message() {
        let (line, body) = parts(&form(Publish::Nchan, Target::All), 0);
        assert_eq!((line.as_str(), body.as_str()), ("POST /pub/all HTTP/1.1", r#"["bench",17,"xx"]"#));
        let (line, body) = parts(&form(Publish::Pushpin, Target::All), 0);
        assert_eq!(line, "POST /publish/ HTTP/1.1");
        assert!(
            body.contains(r#""channel":"all""#) && body.contains(r#""content":"[\"bench\",17,\"xx\"]""#),
            "{body}"
        );
        assert_eq!(form(Publish::Nchan, Target::All).recipients(), 2);
    }

    #[test]
    fn a_path_of_ones_own_wins() {
        let form = Form { path: Some("/x/{room}/y".to_owned()), ..form(Publish::Nchan, Target::User) };
        assert_eq!(parts(&form, 0).0, "POST /x/user_10/y HTTP/1.1");
    }
}
