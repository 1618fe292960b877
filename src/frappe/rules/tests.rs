use serde_json::json;

use super::*;
use crate::domain::app_events::{
    AppEvent, EventHook, Gate, HookCalling, HookedEvents, Payload, Relay, RoomTemplate, Target, Text,
};
use crate::domain::{Room, Secret};
use crate::frappe::town::Notice;
use crate::protocol::frappe::{Asked, Credential};

const ARGS: [&str; 2] = ["x", "y"];

fn args() -> Vec<Box<str>> {
    ARGS.map(Into::into).to_vec()
}

fn text(text: &str) -> Text {
    Text::parse(text, &args()).unwrap()
}

fn room(text: &str) -> Option<RoomTemplate> {
    RoomTemplate::parse(text, &args()).ok()
}

fn facts(args: &[Value]) -> Facts<'_> {
    Facts { user: "ann@x.y", site: "s.local", args }
}

fn relay(to: &str, fields: &[(&str, &str)]) -> Relay {
    let fields = fields.iter().map(|(name, value)| ((*name).into(), Payload::Text(text(value))));
    let payload = Some(Payload::Object(fields.collect()));
    Relay { event: "ev".into(), to: Target::Room(room(to).unwrap()), others: false, payload }
}

fn filled(payload: &str, args: &[Value]) -> Value {
    Filled::of(&Payload::Text(text(payload)), &facts(args)).unwrap().json(&["ann", "bob"])
}

#[test]
fn a_word_alone_is_what_it_stands_for() {
    for value in [json!(5), json!(1.5), json!("t"), json!(null), json!([1, {"a": false}]), json!("")] {
        assert_eq!(filled("{x}", std::slice::from_ref(&value)), value);
    }
    assert_eq!(filled("{users}", &[]), json!(["ann", "bob"]));
    assert_eq!(filled("{users_json}", &[]), json!(r#"["ann","bob"]"#));
    assert_eq!((filled("{count}", &[]), filled("{site}", &[])), (json!(2), json!("s.local")));
}

#[test]
fn in_a_longer_text_it_is_text() {
    assert_eq!(filled("{x}/{y} {user}", &[json!(5), json!({"a": 1})]), json!("5/{\"a\":1} ann@x.y"));
    assert_eq!(filled("{count} of {users}", &[]), json!("2 of [\"ann\",\"bob\"]"));
}

#[test]
fn what_was_not_said_is_left_out() {
    let Relay { payload: Some(payload), .. } = relay("app:1", &[("x", "{x}"), ("y", "{y}")]) else {
        panic!()
    };
    let json = |args: &[Value]| Filled::of(&payload, &facts(args)).unwrap().json(&[]);
    assert_eq!(json(&[json!(1)]), json!({"x": 1}));
    assert_eq!(json(&[json!(1), json!(null)]), json!({"x": 1, "y": null}));
}

#[test]
fn a_payload_has_an_end() {
    let long = [json!("x".repeat(100_000))];
    assert!(Filled::of(&Payload::List(vec![Payload::Text(text("{x}")); 2]), &facts(&long)).is_some());
    assert!(Filled::of(&Payload::List(vec![Payload::Text(text("{x}")); 3]), &facts(&long)).is_none());
}

#[test]
fn a_rule_makes_rooms_a_question_and_what_is_told() {
    let rule = AppEvent {
        args: args(),
        gate: Some(Gate::Permission { doctype: text("HD Ticket"), name: Some(text("{x}")) }),
        join: room("open_doc:HD Ticket/{x}"),
        leave: room("old:{x}"),
        relays: vec![
            relay("open_doc:HD Ticket/{x}", &[("id", "{x}"), ("users", "{users_json}")]),
            relay("user:{user}", &[("y", "{y}")]),
        ],
        ..AppEvent::default()
    };
    let plan = plan(&rule, &facts(&[json!(7), json!("hi")])).unwrap();
    let permission = Ask::Permission { doctype: "HD Ticket".to_owned(), name: Some("7".to_owned()) };
    assert_eq!((plan.ask, plan.leave), (Some(permission), Some(Room::stored("old:7"))));
    let Join { room, watch: Some(notices) } = plan.join.unwrap() else { panic!() };
    assert_eq!(room.as_str(), "open_doc:HD Ticket/7");
    let [Notice::App { event, room, payload }] = notices.as_slice() else { panic!("{notices:?}") };
    assert_eq!((&**event, &**room), ("ev", "open_doc:HD Ticket/7"));
    assert_eq!(payload.json(&["ann"]), json!({"id": 7, "users": "[\"ann\"]"}));
    let [saying] = plan.sayings.as_slice() else { panic!() };
    assert_eq!(saying.to, Hearers::Room { room: Room::stored("user:ann@x.y"), others: false });
}

#[test]
fn arguments_that_are_no_texts_mean_nothing_in_rooms() {
    let rule = AppEvent { args: args(), join: room("app:{x}"), ..AppEvent::default() };
    for args in [
        vec![],
        vec![json!(null)],
        vec![json!({})],
        vec![json!("")],
        vec![json!(true)],
        vec![json!("x".repeat(1_100))],
    ] {
        assert_eq!(plan(&rule, &facts(&args)), None, "{args:?}");
    }
    assert!(plan(&rule, &facts(&[json!(0)])).is_some());
}

#[test]
fn no_question_is_longer_than_a_web_server_takes() {
    let call = Gate::Call { method: "a.b".into(), args: vec![("x".into(), text("{x}"))] };
    let permission = Gate::Permission { doctype: text("D"), name: Some(text("{x}")) };
    for gate in [call, permission] {
        let rule = AppEvent { args: args(), gate: Some(gate), leave: room("app:1"), ..AppEvent::default() };
        assert!(plan(&rule, &facts(&[json!("x".repeat(2_900))])).is_some());
        assert_eq!(plan(&rule, &facts(&[json!("x".repeat(3_000))])), None);
        assert_eq!(plan(&rule, &facts(&[json!("é".repeat(600))])), None, "that is 3,600 in an address");
    }
}

#[test]
fn who_joins_those_who_look_at_a_document_is_one_of_them() {
    let gate = || Some(Gate::Permission { doctype: text("D"), name: Some(text("{x}")) });
    let follows = |join: &str| {
        let rule = AppEvent { args: args(), gate: gate(), join: room(join), ..AppEvent::default() };
        plan(&rule, &facts(&[json!("1")])).unwrap().join.unwrap().watch.is_some()
    };
    assert!(follows("open_doc:D/{x}") && !follows("doc:D/{x}") && !follows("app:{x}"));
}

#[test]
fn nobody_talks_its_way_into_a_room_of_frappe() {
    // What a configuration does not let through is held here too.
    for (join, said) in [
        ("use{x}", json!("r:Administrator")),
        ("doct{x}", json!("ype:ToDo")),
        ("open_{x}", json!("doc:ToDo/1")),
        ("user:{x}", json!("Administrator")),
        ("doc:{x}", json!("ToDo/1")),
        ("all", json!(1)),
        ("web{x}", json!("site")),
    ] {
        let rule = AppEvent { args: args(), join: room(join), ..AppEvent::default() };
        assert_eq!(plan(&rule, &facts(&[said])), None, "{join}");
    }
}

#[test]
fn permission_for_one_document_opens_no_other() {
    let rule = |join: &str, name: Option<&str>| AppEvent {
        args: args(),
        gate: Some(Gate::Permission { doctype: text("{x}"), name: name.map(text) }),
        join: room(join),
        ..AppEvent::default()
    };
    let said = [json!("ToDo"), json!("1")];
    for (join, name, may) in [
        ("doc:{x}/{y}", Some("{y}"), true),
        ("open_doc:{x}/{y}", Some("{y}"), true),
        ("doc:{x}/{y}", Some("2"), false),
        ("doc:{x}/{y}", None, false),
        ("doctype:{x}", None, true),
        ("doctype:User", None, false),
        ("doctype:{x}", Some("{y}"), false),
        ("app:{y}", None, true),
    ] {
        assert_eq!(plan(&rule(join, name), &facts(&said)).is_some(), may, "{join} {name:?}");
    }
    let called = AppEvent {
        gate: Some(Gate::Call { method: "a.b".into(), args: Vec::new() }),
        ..rule("doc:{x}/{y}", None)
    };
    assert!(plan(&called, &facts(&said)).is_some(), "the method decides");
}

#[test]
fn permission_for_one_document_says_nothing_to_the_viewers_of_another() {
    let rule = |to: &str, of: &str| AppEvent {
        args: args(),
        gate: Some(Gate::Permission { doctype: text("D"), name: Some(text("{x}")) }),
        users_of: room(of),
        relays: vec![relay(to, &[("users", "{users}")])],
        ..AppEvent::default()
    };
    let said = [json!("1"), json!("2")];
    for (to, of, may) in [
        ("open_doc:D/{x}", "doc:D/{x}", true),
        ("user:{user}", "open_doc:D/{x}", true),
        ("open_doc:D/7", "app:{y}", true),
        ("open_doc:D/{y}", "app:{x}", false),
        ("doctype:{x}", "app:{x}", false),
        ("user:{user}", "open_doc:D/{y}", false),
        ("user:{user}", "open_doc:E/{x}", false),
    ] {
        assert_eq!(plan(&rule(to, of), &facts(&said)).is_some(), may, "{to} {of}");
    }
    let call = Gate::Call { method: "a.b".into(), args: Vec::new() };
    let called = AppEvent { gate: Some(call), ..rule("open_doc:D/{y}", "app:1") };
    assert!(plan(&called, &facts(&said)).is_some(), "the method decides");
    let inside = AppEvent { must_be_in: room("app:{y}"), ..rule("open_doc:D/{y}", "app:1") };
    assert!(plan(&inside, &facts(&said)).is_some(), "who is inside may");
}

fn hook(calling: HookCalling) -> EventHook {
    EventHook { method: "a.b".into(), app: None, guests: false, events: HookedEvents::All, calling }
}

fn is_post(calling: HookCalling, credential: &Credential, long: usize) -> Option<bool> {
    let said = [json!("x".repeat(long))];
    let asked: Asked = asked(&hook(calling), credential, "ev", "sid", &facts(&said))?;
    Some(asked.is_post())
}

#[test]
fn a_hook_is_called_so_that_frappe_takes_it() {
    let cookie = Credential::Cookie(Secret::new("sid"));
    let token = Credential::Authorization(Secret::new("Bearer x"));
    for (calling, credential, post) in [
        (HookCalling::AsClient, &cookie, false),
        (HookCalling::AsClient, &token, true),
        (HookCalling::AsClientByGet, &token, false),
        (HookCalling::BySecret, &cookie, true),
        (HookCalling::BySecret, &token, true),
    ] {
        assert_eq!(is_post(calling, credential, 10), Some(post), "{calling:?}");
    }
    assert_eq!(is_post(HookCalling::AsClient, &cookie, 3_000), None, "no web server takes so long a line");
    assert_eq!(is_post(HookCalling::AsClient, &token, 3_000), Some(true));
    assert_eq!(is_post(HookCalling::AsClient, &token, 300_000), None);
}

#[test]
fn the_orders_of_a_hook_are_read() {
    let orders = Orders::read(json!({
        "join": "a:1", "leave": ["b:1", "b:2"],
        "emit": [
            {"room": "r", "event": "e", "args": [1, "x"], "others": true},
            {"user": "bob", "event": "e"},
            {"self": true, "event": "e", "args": {"k": 1}},
        ],
        "more": 1,
    }))
    .unwrap();
    assert_eq!(
        (orders.join, orders.leave),
        (vec!["a:1".to_owned()], vec!["b:1".to_owned(), "b:2".to_owned()])
    );
    let emits: Vec<_> = orders.emit.into_iter().map(|emit| (emit.to, emit.others, emit.json)).collect();
    assert_eq!(
        emits,
        [
            (To::Room("r".to_owned()), true, r#"["e",1,"x"]"#.to_owned()),
            (To::Room("user:bob".to_owned()), false, r#"["e"]"#.to_owned()),
            (To::Caller, false, r#"["e",{"k":1}]"#.to_owned()),
        ]
    );
    for nothing in [
        json!(null),
        json!(true),
        json!(false),
        json!({}),
        json!({"join": null, "leave": null, "emit": null}),
    ] {
        assert_eq!(Orders::read(nothing), Ok(Orders::default()));
    }
}

#[test]
fn orders_that_cannot_be_carried_out_are_refused_whole() {
    let many = vec![json!({"self": true, "event": "e"}); 101];
    for message in [
        json!("x"),
        json!([]),
        json!({"join": 5}),
        json!({"join": [""]}),
        json!({"leave": ""}),
        json!({"emit": [{"event": "e"}]}),
        json!({"emit": [{"event": "e", "room": "", "args": []}]}),
        json!({"emit": [{"event": "e", "room": "a", "self": true}]}),
        json!({"emit": [{"event": "disconnect", "self": true}]}),
        json!({"emit": [{"self": true}]}),
        json!({"emit": many}),
        json!({"join": vec!["r"; 101]}),
    ] {
        assert!(Orders::read(message.clone()).is_err(), "{message}");
    }
}

#[test]
fn what_is_wrong_with_orders_is_said_without_what_they_say() {
    for message in [
        json!("hunter2"),
        json!({"join": {"hunter2": 1}}),
        json!({"emit": "hunter2"}),
        json!({"emit": ["hunter2"]}),
        json!({"emit": [{"event": "e", "self": "hunter2"}]}),
    ] {
        let why = Orders::read(message).unwrap_err();
        assert!(!why.contains("hunter2"), "{why}");
    }
}

mod chosen {
    //! Whatever a client says to rules of all shapes.

    use proptest::prelude::*;

    use super::*;
    use crate::domain::app_events::RoomKind;

    const STARTS: [&str; 9] = ["app:", "use", "user", "doc", "doc:", "open_doc:", "doctype:", "al", "web"];

    fn said() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-zA-Z:/_{}]{0,12}",
            Just("r:Administrator".to_owned()),
            Just(":ToDo".to_owned()),
            Just("ToDo".to_owned()),
            Just("l".to_owned()),
            Just("site".to_owned()),
        ]
    }

    proptest! {
        #[test]
        fn a_rule_in_order_opens_no_room_that_nobody_allowed(
            start in prop::sample::select(&STARTS[..]),
            rest in prop::sample::select(&["{x}", "{x}/{y}", "{y}", "", "{x}{y}"][..]),
            gated in any::<bool>(),
            x in said(),
            y in said(),
        ) {
            let Ok(join) = RoomTemplate::parse(&format!("{start}{rest}"), &args()) else { return Ok(()) };
            let gate = gated.then(|| Gate::Permission { doctype: text("{x}"), name: Some(text("{y}")) });
            let rule = AppEvent { args: args(), gate, join: Some(join), ..AppEvent::default() };
            let Some(plan) = plan(&rule, &facts(&[json!(x), json!(y)])) else { return Ok(()) };
            let room = plan.join.unwrap().room.as_str().to_owned();
            let kind = RoomKind::of(&room);
            prop_assert!(!kind.is_given(), "{}", room);
            if kind.needs_permission() {
                let allowed = [format!("doc:{x}/{y}"), format!("open_doc:{x}/{y}")];
                prop_assert!(gated && allowed.contains(&room), "{}", room);
            }
        }

        #[test]
        fn every_text_is_a_template_or_says_why(template in "[a-z{} ]{0,20}") {
            if let Ok(text) = Text::parse(&template, &args()) {
                let facts = facts(&[]);
                let filled = Filled::of(&Payload::Text(text), &facts).unwrap();
                prop_assert!(filled.json(&["ann"]).to_string().len() < 1_000);
            }
        }
    }
}
