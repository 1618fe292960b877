//! Templates: texts of an operator with words in braces that stand for what a client said, and who it is.

use serde_json::Value;

use super::rooms::RoomKind;

/// Literal characters that the name of an app's room begins with, at least: a client that chooses the rest must not be able
/// to choose a room that is none of the app's.
const OWN_START: usize = 3;

/// What a word in braces stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// An argument of the event, by its number.
    Arg(usize),
    /// The client's user.
    User,
    /// The site.
    Site,
    /// The users of a room, each once: a JSON array.
    Users,
    /// The same as JSON text.
    UsersJson,
    /// How many users that are.
    Count,
}

impl Word {
    fn read(name: &str, args: &[Box<str>]) -> Option<Self> {
        if let Some(at) = args.iter().position(|arg| &**arg == name) {
            return Some(Self::Arg(at));
        }
        WORDS.iter().find(|(word, _)| *word == name).map(|(_, word)| *word)
    }

    /// Whether it says who is in a room.
    #[must_use]
    pub fn names_users(self) -> bool {
        matches!(self, Self::Users | Self::UsersJson | Self::Count)
    }
}

/// Words that every template knows; no argument has such a name.
pub const WORDS: [(&str, Word); 5] = [
    ("user", Word::User),
    ("site", Word::Site),
    ("users", Word::Users),
    ("users_json", Word::UsersJson),
    ("count", Word::Count),
];

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Stands as it is.
    Literal(Box<str>),
    /// Is replaced.
    Word(Word),
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A brace without its other half.
    #[error(
        "has a `{{` or `}}` without its other half; write `{{{{` and `}}}}` for the characters themselves"
    )]
    Brace,
    /// A word that stands for nothing.
    #[error(
        "`{{{0}}}` stands for nothing; words are the names in `args`, and `user`, `site`, `users`, `users_json`, `count`"
    )]
    Unknown(String),
    /// A word that has no place there.
    #[error("must not name the users of a room: they are for a payload")]
    Users,
    /// A room whose name is wholly the client's choice.
    #[error(
        "must begin with at least three characters of its own, such as `myapp:{{name}}`: else a client can name any room of the site"
    )]
    Open,
    /// Nothing at all.
    #[error("is empty; it would mean everybody")]
    Empty,
}

/// A text with words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text(Vec<Piece>);

impl Text {
    /// Reads a template; `args` are the names of the event's arguments.
    ///
    /// # Errors
    /// [`TemplateError`] says what is wrong.
    pub fn parse(text: &str, args: &[Box<str>]) -> Result<Self, TemplateError> {
        let (mut pieces, mut literal, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            let (before, behind) = rest.split_at(at);
            literal.push_str(before);
            if let Some(behind) = behind.strip_prefix("{{") {
                literal.push('{');
                rest = behind;
            } else if let Some(behind) = behind.strip_prefix("}}") {
                literal.push('}');
                rest = behind;
            } else {
                let inner = behind.strip_prefix('{').and_then(|inner| inner.split_once('}'));
                let (name, behind) = inner.ok_or(TemplateError::Brace)?;
                let unknown = || TemplateError::Unknown(name.to_owned());
                let word = Word::read(name.trim(), args).ok_or_else(unknown)?;
                keep(&mut pieces, &mut literal);
                pieces.push(Piece::Word(word));
                rest = behind;
            }
        }
        literal.push_str(rest);
        keep(&mut pieces, &mut literal);
        Ok(Self(pieces))
    }

    /// Its parts.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// The word that it is, if it is one word and nothing else.
    #[must_use]
    pub fn only_word(&self) -> Option<Word> {
        match self.0.as_slice() {
            [Piece::Word(word)] => Some(*word),
            _ => None,
        }
    }

    /// Its words.
    pub fn words(&self) -> impl Iterator<Item = Word> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Word(word) => Some(*word),
            Piece::Literal(_) => None,
        })
    }
}

fn keep(pieces: &mut Vec<Piece>, literal: &mut String) {
    if !literal.is_empty() {
        pieces.push(Piece::Literal(std::mem::take(literal).into()));
    }
}

/// A room whose name a client may choose in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomTemplate {
    text: Text,
    kind: RoomKind,
}

impl RoomTemplate {
    /// Reads a template; `args` are the names of the event's arguments.
    ///
    /// # Errors
    /// [`TemplateError`] says what is wrong.
    pub fn parse(text: &str, args: &[Box<str>]) -> Result<Self, TemplateError> {
        let template = Text::parse(text, args)?;
        if template.words().any(Word::names_users) {
            return Err(TemplateError::Users);
        }
        let start = match template.pieces() {
            [] => return Err(TemplateError::Empty),
            [Piece::Literal(start), ..] => &**start,
            [Piece::Word(_), ..] => "",
        };
        let whole = template.pieces().len() == 1 && !start.is_empty();
        let kind = RoomKind::of(start);
        if !whole && start.chars().count() < OWN_START {
            return Err(TemplateError::Open);
        }
        Ok(Self { text: template, kind })
    }

    /// What its name is made of.
    #[must_use]
    pub fn text(&self) -> &Text {
        &self.text
    }

    /// Whose room it is. A name that turns out to be of another kind is none of this template.
    #[must_use]
    pub fn kind(&self) -> RoomKind {
        self.kind
    }

    /// Whether a client chooses a part of the name.
    #[must_use]
    pub fn is_chosen(&self) -> bool {
        self.text.words().any(|word| matches!(word, Word::Arg(_)))
    }
}

/// JSON with templates for texts.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// Stands as it is.
    Constant(Value),
    /// A text with words; a text that is one word is what that stands for, as it came.
    Text(Text),
    /// A list.
    List(Vec<Payload>),
    /// An object. What was not said is left out, as in JavaScript.
    Object(Vec<(Box<str>, Payload)>),
}

impl Payload {
    /// A number, `true`, `false` or `null` as JSON writes it; `None` where it is none of these.
    #[must_use]
    pub fn constant(json: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(json).ok()?;
        let plain = matches!(value, Value::Null | Value::Bool(_) | Value::Number(_));
        plain.then_some(Self::Constant(value))
    }

    /// All words in it.
    #[must_use]
    pub fn words(&self) -> Vec<Word> {
        match self {
            Self::Constant(_) => Vec::new(),
            Self::Text(text) => text.words().collect(),
            Self::List(items) => items.iter().flat_map(Self::words).collect(),
            Self::Object(fields) => fields.iter().flat_map(|(_, value)| value.words()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> Vec<Box<str>> {
        ["channel", "text"].map(Into::into).to_vec()
    }

    #[test]
    fn words_and_literals_are_told_apart() {
        let text = Text::parse("a{channel}{{b}}{ user }", &args()).unwrap();
        assert_eq!(
            text.pieces(),
            [
                Piece::Literal("a".into()),
                Piece::Word(Word::Arg(0)),
                Piece::Literal("{b}".into()),
                Piece::Word(Word::User),
            ]
        );
        assert_eq!(Text::parse("{text}", &args()).unwrap().only_word(), Some(Word::Arg(1)));
        assert_eq!(Text::parse("{text} ", &args()).unwrap().only_word(), None);
        assert_eq!(Text::parse("", &args()).unwrap(), Text::default());
    }

    #[test]
    fn what_is_no_template_says_why() {
        for (text, why) in [
            ("a{", TemplateError::Brace),
            ("a}", TemplateError::Brace),
            ("{channel", TemplateError::Brace),
            ("{chanel}", TemplateError::Unknown("chanel".to_owned())),
            ("{}", TemplateError::Unknown(String::new())),
        ] {
            assert_eq!(Text::parse(text, &args()).unwrap_err(), why, "{text}");
        }
    }

    #[test]
    fn a_client_never_chooses_the_whole_name_of_a_room() {
        for (text, kind) in [
            ("raven_channel_typing:{channel}", RoomKind::App),
            ("doc:HD Ticket/{channel}", RoomKind::Doc),
            ("user:{user}", RoomKind::User),
            ("all", RoomKind::All),
            ("p", RoomKind::App),
        ] {
            assert_eq!(RoomTemplate::parse(text, &args()).unwrap().kind(), kind, "{text}");
        }
        for text in ["{channel}", "us{channel}", "{user}:a", ""] {
            assert!(RoomTemplate::parse(text, &args()).is_err(), "{text}");
        }
        assert_eq!(RoomTemplate::parse("app:{users}", &args()).unwrap_err(), TemplateError::Users);
    }

    #[test]
    fn constants_are_what_json_writes_without_quotes() {
        assert_eq!(Payload::constant("1.5"), Some(Payload::Constant(serde_json::json!(1.5))));
        assert_eq!(Payload::constant("null"), Some(Payload::Constant(Value::Null)));
        assert_eq!((Payload::constant("x"), Payload::constant("\"x\"")), (None, None));
    }
}
