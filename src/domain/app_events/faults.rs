//! What is wrong with a rule as a whole: what it would promise and not keep, and what it would let a client do that nobody
//! has allowed.

use super::{AppEvent, Gate, Relay, RoomKind, RoomTemplate, Target, Word};

/// Why a rule cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleFault {
    /// It has no effect.
    #[error("does nothing; it needs `join`, `leave` or `relay`")]
    Nothing,
    /// It joins or leaves a room that follows from who a client is.
    #[error(
        "names a room that clients are in for what they are (`all`, `website`, `user:`); no rule lets them in or out"
    )]
    Given(&'static str),
    /// It joins a room for which Frappe itself would ask for permission.
    #[error(
        "names a room of documents; it needs `permission` for the same document beside it, or `call` to a method that decides"
    )]
    Ungated(&'static str),
    /// A client chooses who hears something.
    #[error(
        "lets any client speak into rooms of Frappe that it chooses; it needs `permission`, `call` or `mustBeIn` beside it, such \
         as `mustBeIn` with the same room"
    )]
    Loud,
    /// Nothing says whose users are named.
    #[error("names the users of a room, but not of which; add `usersOf`, or `join` of that room")]
    WhoseUsers,
    /// It goes out again when somebody else has left: there is no such client then.
    #[error(
        "goes out again whenever the users of the joined room change, so that only `site`, the users, and arguments in the name of \
         that room may be in it; for anything else, add `usersOf` and say it once"
    )]
    Fleeting,
    /// It goes out again, and who has spoken is nobody in particular then.
    #[error(
        "goes out again whenever the users of the joined room change, to a whole room; `to: self` and `others` do not go with that"
    )]
    Personal,
    /// There is nobody to watch.
    #[error("does nothing without `join`")]
    Unwatched,
}

impl RuleFault {
    /// The key that is concerned; empty for the rule as a whole.
    #[must_use]
    pub fn key(&self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Given(key) | Self::Ungated(key) => key,
            Self::Loud | Self::WhoseUsers | Self::Fleeting | Self::Personal => "relay",
            Self::Unwatched => "watch",
        }
    }
}

impl AppEvent {
    /// Everything that is wrong with it.
    #[must_use]
    pub fn faults(&self) -> Vec<RuleFault> {
        let mut faults: Vec<RuleFault> = [
            (self.join.is_none() && self.leave.is_none() && self.relays.is_empty())
                .then_some(RuleFault::Nothing),
            (self.watch && self.join.is_none()).then_some(RuleFault::Unwatched),
            self.leave.as_ref().filter(|room| room.kind().is_given()).map(|_| RuleFault::Given("leave")),
            self.join.as_ref().and_then(|room| self.of_join(room)),
            self.users_of.as_ref().filter(|room| self.is_bold(room)).map(|_| RuleFault::Ungated("usersOf")),
        ]
        .into_iter()
        .flatten()
        .collect();
        faults.extend(self.relays.iter().filter_map(|relay| self.of_relay(relay)));
        faults.dedup();
        faults
    }

    fn of_join(&self, room: &RoomTemplate) -> Option<RuleFault> {
        match &self.gate {
            _ if room.kind().is_given() => Some(RuleFault::Given("join")),
            None if room.kind().needs_permission() => Some(RuleFault::Ungated("join")),
            // Whether it is the same document shows when the event comes; whether it is a document, now.
            Some(Gate::Permission { name, .. }) if room.kind().needs_permission() => {
                let of_type = room.kind() == RoomKind::Doctype;
                (of_type == name.is_some()).then_some(RuleFault::Ungated("join"))
            }
            _ => None,
        }
    }

    fn of_relay(&self, relay: &Relay) -> Option<RuleFault> {
        if let Target::Room(room) = &relay.to
            && self.is_bold(room)
        {
            return Some(RuleFault::Loud);
        }
        if !relay.names_users() || self.users_of.is_some() {
            return None;
        }
        let Some(join) = &self.join else { return Some(RuleFault::WhoseUsers) };
        let in_room: Vec<Word> = join.text().words().collect();
        let to_room = match &relay.to {
            Target::Room(room) if !relay.others => room,
            _ => return Some(RuleFault::Personal),
        };
        let lasts = |word: &Word| match word {
            Word::Arg(_) => in_room.contains(word),
            Word::User => false,
            Word::Site | Word::Users | Word::UsersJson | Word::Count => true,
        };
        let all_last = relay.words().iter().all(lasts) && to_room.text().words().all(|word| lasts(&word));
        (!all_last).then_some(RuleFault::Fleeting)
    }

    /// Whether a client could choose among Frappe's own rooms, unasked.
    fn is_bold(&self, room: &RoomTemplate) -> bool {
        let of_frappe = room.kind().is_given() || room.kind().needs_permission();
        room.is_chosen() && of_frappe && self.gate.is_none() && !self.is_inside(room)
    }

    /// Whether being in a room says something: everybody is in `website`, and in a room of its own.
    fn is_inside(&self, room: &RoomTemplate) -> bool {
        self.must_be_in.as_ref().is_some_and(|inside| match inside.kind() {
            RoomKind::Everybody | RoomKind::Website => false,
            RoomKind::User => inside == room,
            _ => true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Payload, Text};
    use super::*;

    fn args() -> Vec<Box<str>> {
        vec!["x".into(), "y".into()]
    }

    fn room(text: &str) -> Option<RoomTemplate> {
        RoomTemplate::parse(text, &args()).ok()
    }

    fn gate(name: Option<&str>) -> Option<Gate> {
        let text = |text: &str| Text::parse(text, &args()).unwrap();
        Text::parse("D", &args()).ok().map(|doctype| Gate::Permission { doctype, name: name.map(text) })
    }

    fn relay(to: &str, payload: &str) -> Vec<Relay> {
        let payload = Some(Payload::Text(Text::parse(payload, &args()).unwrap()));
        let to = room(to).map(Target::Room).unwrap();
        vec![Relay { event: "e".into(), to, others: false, payload }]
    }

    #[test]
    fn rooms_of_frappe_are_joined_with_permission_alone() {
        for (join, gate, faults) in [
            ("app:{x}", None, vec![]),
            ("task_progress:{x}", None, vec![]),
            ("doc:D/{x}", None, vec![RuleFault::Ungated("join")]),
            ("doc:D/{x}", gate(Some("{x}")), vec![]),
            ("doc:D/{x}", gate(None), vec![RuleFault::Ungated("join")]),
            ("doctype:D", gate(None), vec![]),
            ("doctype:D", gate(Some("{x}")), vec![RuleFault::Ungated("join")]),
            ("user:{x}", gate(Some("{x}")), vec![RuleFault::Given("join")]),
            ("all", None, vec![RuleFault::Given("join")]),
        ] {
            let rule = AppEvent { join: room(join), gate, ..AppEvent::default() };
            assert_eq!(rule.faults(), faults, "{join}");
        }
        let leave = AppEvent { leave: room("website"), ..AppEvent::default() };
        assert_eq!(leave.faults(), [RuleFault::Given("leave")]);
    }

    #[test]
    fn nobody_speaks_unasked_into_rooms_of_frappe_that_it_chooses() {
        let loud = AppEvent { relays: relay("open_doc:D/{x}", "{y}"), ..AppEvent::default() };
        assert_eq!(loud.faults(), [RuleFault::Loud]);
        for mend in [
            AppEvent { must_be_in: room("open_doc:D/{x}"), ..loud.clone() },
            AppEvent { gate: gate(Some("{x}")), ..loud.clone() },
        ] {
            assert_eq!(mend.faults(), []);
        }
        for nothing in ["website", "user:{user}"] {
            let rule = AppEvent { must_be_in: room(nothing), ..loud.clone() };
            assert_eq!(rule.faults(), [RuleFault::Loud], "everybody is in {nothing}");
        }
        for to in ["app:{x}", "user:{user}", "all", "open_doc:D/1"] {
            assert_eq!(AppEvent { relays: relay(to, "{y}"), ..AppEvent::default() }.faults(), [], "{to}");
        }
        let nosy =
            AppEvent { users_of: room("open_doc:D/{x}"), relays: relay("user:{user}", "{users}"), ..loud };
        assert_eq!(nosy.faults(), [RuleFault::Ungated("usersOf")]);
    }

    #[test]
    fn what_goes_out_again_holds_nothing_that_passes() {
        let watched = |relays| AppEvent { join: room("app:{x}"), relays, ..AppEvent::default() };
        assert_eq!(watched(relay("app:{x}", "{x} {count} {site}")).faults(), []);
        for (to, payload) in
            [("app:{x}", "{user} {users}"), ("app:{x}", "{y}{users}"), ("other:{y}", "{users}")]
        {
            assert_eq!(watched(relay(to, payload)).faults(), [RuleFault::Fleeting], "{to} {payload}");
        }
        assert_eq!(watched(relay("other:{y}", "{user}")).faults(), [], "said once");
        let mut personal = watched(relay("app:{x}", "{users}"));
        personal.relays[0].to = Target::Caller;
        assert_eq!(personal.faults(), [RuleFault::Personal]);
        let whose = AppEvent { relays: relay("app:{x}", "{users}"), ..AppEvent::default() };
        assert_eq!(whose.faults(), [RuleFault::WhoseUsers]);
    }

    #[test]
    fn a_rule_does_something() {
        assert_eq!(AppEvent::default().faults(), [RuleFault::Nothing]);
        let watch = AppEvent { watch: true, leave: room("app:{x}"), ..AppEvent::default() };
        assert_eq!(watch.faults(), [RuleFault::Unwatched]);
    }
}
