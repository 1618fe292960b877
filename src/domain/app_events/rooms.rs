//! Rooms of a Frappe site: which of them are Frappe's own.

/// Whose a room is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomKind {
    /// Every session of the site; it has no name.
    Everybody,
    /// `all`: users of the desk.
    All,
    /// `website`: everybody who has come in.
    Website,
    /// `user:`: the sessions of one user.
    User,
    /// `doctype:`: who may see the documents of a type.
    Doctype,
    /// `doc:`: who may see a document.
    Doc,
    /// `open_doc:`: who looks at a document.
    OpenDoc,
    /// `task_progress:`: who knows the number of a task.
    Task,
    /// None of Frappe's: it belongs to an app.
    App,
}

impl RoomKind {
    /// The kind of the room with this name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        match name {
            "" => return Self::Everybody,
            "all" => return Self::All,
            "website" => return Self::Website,
            _ => {}
        }
        match name.split_once(':').map(|(start, _)| start) {
            Some("user") => Self::User,
            Some("doctype") => Self::Doctype,
            Some("doc") => Self::Doc,
            Some("open_doc") => Self::OpenDoc,
            Some("task_progress") => Self::Task,
            _ => Self::App,
        }
    }

    /// Who may be in it is decided by who may see a document.
    #[must_use]
    pub fn needs_permission(self) -> bool {
        matches!(self, Self::Doctype | Self::Doc | Self::OpenDoc)
    }

    /// Nobody is let into it on request: who is in it follows from who it is.
    #[must_use]
    pub fn is_given(self) -> bool {
        matches!(self, Self::Everybody | Self::All | Self::Website | Self::User)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_of_frappe_are_known_by_their_names() {
        for (name, kind) in [
            ("", RoomKind::Everybody),
            ("all", RoomKind::All),
            ("website", RoomKind::Website),
            ("user:a@b.c", RoomKind::User),
            ("doctype:ToDo", RoomKind::Doctype),
            ("doc:ToDo/1", RoomKind::Doc),
            ("open_doc:ToDo/1", RoomKind::OpenDoc),
            ("task_progress:7", RoomKind::Task),
            ("all:x", RoomKind::App),
            ("users:x", RoomKind::App),
            ("User:x", RoomKind::App),
        ] {
            assert_eq!(RoomKind::of(name), kind, "{name}");
        }
    }
}
