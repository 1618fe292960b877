use super::super::yaml;
use super::*;
use crate::domain::app_events::{Gate, HookCalling, HookedEvents, Payload, RoomKind, RoomTemplate, Target};

/// The rules in a text, and what is wrong with them.
fn read(text: &str) -> (AppEvents, String) {
    let mut findings = Findings::default();
    let Some(Node::Map(entries)) = yaml::parse("f.yml", text, &mut findings) else { panic!("{text}") };
    let (written, others) = take(&entries, "", &mut findings);
    assert!(others.is_empty(), "{others:?}");
    let problems = findings.finish().err().map(|problems| problems.to_string()).unwrap_or_default();
    (written.map(|written| written.events).unwrap_or_default(), problems)
}

/// One rule, of which the settings are given.
fn rule(settings: &str) -> String {
    format!("appEvents:\n  ev: {{ {settings} }}\n")
}

fn good(text: &str) -> AppEvents {
    let (events, problems) = read(text);
    assert_eq!(problems, "", "{text}");
    events
}

#[test]
fn the_examples_of_the_documentation_are_in_order() {
    let doc = include_str!("../../../docs/frappe/app-events.md");
    let blocks: Vec<&str> =
        doc.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 5);
    let mut names: Vec<String> = Vec::new();
    for block in blocks {
        let events = good(block);
        names.extend(events.rules.keys().map(|name| String::from(&**name)));
        assert!(!events.is_empty());
    }
    for name in
        ["raven_channel_typing", "view_ticket", "document_version_change_emit", "pos_profile_subscribe"]
    {
        assert!(names.iter().any(|known| known == name), "{name}");
    }
}

#[test]
fn a_rule_is_read_with_all_its_keys() {
    let events = good(
        "appEvents:\n  ev:\n    app: x\n    guests: true\n    args: [a, b]\n    mustBeIn: 'in:{a}'\n    \
         call: { method: x.y, args: { n: '{b}', m: 5 } }\n    leave: 'out:{a}'\n    join: 'app:{a}'\n    watch: true\n    \
         usersOf: 'who:{a}'\n    relay:\n      - { event: one, to: self }\n      \
         - { event: two, to: 'app:{a}', others: true, payload: [1, '1', true, ~, 'x{a}'] }\n",
    );
    let rule = &events.rules["ev"];
    assert_eq!((rule.app.as_deref(), rule.guests, rule.watch, rule.args.len()), (Some("x"), true, true, 2));
    assert!(rule.must_be_in.is_some() && rule.leave.is_some() && rule.users_of.is_some());
    assert_eq!(rule.join.as_ref().map(RoomTemplate::kind), Some(RoomKind::App));
    let Some(Gate::Call { method, args }) = &rule.gate else { panic!() };
    assert_eq!((&**method, args.len()), ("x.y", 2));
    let [one, two] = rule.relays.as_slice() else { panic!() };
    assert_eq!((&one.to, one.others, &one.payload), (&Target::Caller, false, &None));
    let Some(Payload::List(items)) = &two.payload else { panic!() };
    assert!(two.others);
    let constant = |json: &str| Payload::constant(json).unwrap();
    assert_eq!((&items[0], &items[2], &items[3]), (&constant("1"), &constant("true"), &constant("null")));
    assert!(matches!(&items[1], Payload::Text(_)) && matches!(&items[4], Payload::Text(_)));
}

#[test]
fn what_is_wrong_with_a_rule_is_said_with_its_place() {
    for (settings, problem) in [
        ("args: [a], jion: 'app:{a}'", "appEvents.ev.jion: is not a setting; did you mean `join`?"),
        ("args: [a], join: '{a}'", "appEvents.ev.join: must begin with at least three characters"),
        ("args: [a], join: 'app:{b}'", "appEvents.ev.join: `{b}` stands for nothing"),
        ("args: [a], join: 'app:{a'", "appEvents.ev.join: has a `{` or `}` without its other half"),
        ("join: ''", "appEvents.ev.join: is empty"),
        ("join: [x]", "appEvents.ev.join: must be a single value, not a list"),
        (
            "args: [user], join: 'app:1'",
            "appEvents.ev.args: `user` has a name that stands for something else",
        ),
        ("args: [a, a], join: 'app:1'", "appEvents.ev.args: `a` has the same name twice"),
        ("args: [a-b], join: 'app:1'", "appEvents.ev.args: `a-b` must be names of letters"),
        (
            "args: [a], join: 'doc:D/{a}'",
            "appEvents.ev.join: names a room of documents; it needs `permission`",
        ),
        (
            "args: [a], join: 'user:{a}'",
            "appEvents.ev.join: names a room that clients are in for what they are",
        ),
        ("args: [a], relay: { event: e, to: 'user:{a}' }", "appEvents.ev.relay: lets any client speak"),
        ("relay: { event: connect, to: self }", "appEvents.ev.relay.event: is a name that is kept"),
        ("relay: { to: self }", "appEvents.ev.relay.event: is missing"),
        ("relay: { event: e }", "appEvents.ev.relay.to: is missing"),
        (
            "relay: { event: e, to: self, others: true }",
            "appEvents.ev.relay.others: does not go with `to: self`",
        ),
        (
            "relay: { event: e, to: self, payload: '{x}' }",
            "appEvents.ev.relay.payload: `{x}` stands for nothing",
        ),
        ("guests: yes, join: app", "appEvents.ev.guests: must be `true` or `false`"),
        ("permission: { name: x }, join: app", "appEvents.ev.permission.doctype: is missing"),
        ("call: { method: x }, join: app", "appEvents.ev.call.method: must be a whitelisted method"),
        ("call: { method: a.b }, permission: { doctype: x }, join: app", "appEvents.ev.call: stands beside"),
        (
            "call: { method: a.b, args: { x: '{users}' } }, join: app",
            "appEvents.ev.call.args.x: must not name",
        ),
        (
            "args: [a], call: { method: a.b, args: { sid: '{a}' } }, join: app",
            "appEvents.ev.call.args.sid: is a name that Frappe itself takes",
        ),
        ("app: x", "appEvents.ev: does nothing; it needs `join`, `leave` or `relay`"),
    ] {
        let (events, problems) = read(&rule(settings));
        let (place, text) = problems.split_once(": ").unwrap_or_default();
        assert!(place.starts_with("f.yml:2:") && text.starts_with(problem), "{settings}: {problems}");
        assert_eq!(problems.lines().count(), 1, "{problems}");
        assert!(events.rules.is_empty(), "{settings}");
    }
}

#[test]
fn events_of_frappe_and_of_the_protocol_have_no_rules() {
    for name in ["doc_open", "ping", "disconnect"] {
        let problems = read(&format!("appEvents:\n  {name}: {{ join: app }}\n")).1;
        assert!(problems.starts_with(&format!("f.yml:2:3: appEvents.{name}: is ")), "{problems}");
        let problems = read(&format!("eventHook: {{ method: a.b, events: [{name}] }}\n")).1;
        assert!(problems.contains(name), "{problems}");
    }
    assert!(read("appEvents: [x]\n").1.starts_with("f.yml:1:1: appEvents: must be a mapping, not a list"));
}

#[test]
fn a_hook_says_which_events_and_on_whose_behalf() {
    let hook = |settings: &str| good(&format!("eventHook: {{ method: a.b, {settings} }}\n")).hook.unwrap();
    assert_eq!(hook("events: all").events, HookedEvents::All);
    let named = hook("events: [x, all]");
    assert!(named.hears("x") && named.hears("all") && !named.hears("y"));
    for (settings, calling) in [
        ("events: all", HookCalling::AsClient),
        ("events: all, httpMethod: GET", HookCalling::AsClientByGet),
        ("events: all, credentials: none", HookCalling::BySecret),
        ("events: all, credentials: none, httpMethod: POST", HookCalling::BySecret),
    ] {
        assert_eq!(hook(settings).calling, calling, "{settings}");
    }
    for (settings, problem) in [
        ("method: a.b", "eventHook.events: is missing"),
        ("events: all", "eventHook.method: is missing"),
        (
            "method: a.b, events: all, httpMethod: POST",
            "eventHook.httpMethod: does not go with the client's own",
        ),
        (
            "method: a.b, events: all, httpMethod: GET, credentials: none",
            "eventHook.httpMethod: must be POST",
        ),
        ("method: a.b, events: all, credentials: me", "eventHook.credentials: must be `client` or `none`"),
        ("method: a.b, events: all, event: x", "eventHook.event: is not a setting; did you mean `events`?"),
    ] {
        let problems = read(&format!("eventHook: {{ {settings} }}\n")).1;
        assert!(problems.starts_with("f.yml:1:") && problems.contains(problem), "{settings}: {problems}");
    }
}

#[test]
fn payloads_have_an_end() {
    let many =
        |count: usize| rule(&format!("relay: {{ event: e, to: self, payload: [{}] }}", "1, ".repeat(count)));
    assert!(read(&many(90)).1.is_empty());
    assert!(read(&many(100)).1.contains("has more than 100 values"));
}
