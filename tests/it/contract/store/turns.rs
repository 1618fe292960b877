//! The embedded store: many messages and long inboxes of one site do not stand in front of what others have.

use postroom::domain::*;
use postroom::store::*;

use super::rig::*;
use super::sqlite::Sqlite;

/// More than the writer writes at once, several times over.
const MANY: u32 = 3000;

fn quiet(text: &str) -> Message {
    Message { site: site("quiet"), ..message(text, &["user_1"]) }
}

fn answers(rig: &Rig<'_>) -> Vec<u32> {
    let token = |event: &StoreEvent| match event {
        StoreEvent::Appended { token, outcome } => {
            assert!(outcome.is_ok(), "{outcome:?}");
            Some(*token)
        }
        _ => None,
    };
    rig.recorder.log(0).iter().filter_map(token).collect()
}

/// Messages that wait for the writer when it goes on: many, and one of another site behind them. Their tokens.
fn crowd(rig: &mut Rig<'_>) -> (Vec<u32>, u32) {
    rig.recorder.hold(1);
    assert_eq!(rig.post(message("[0]", &["user_1"])), 1);
    rig.recorder.reached_hold();
    let many = (0..MANY).map(|_| rig.post(message("[1]", &["user_1"]))).collect();
    (many, rig.post(quiet("[2]")))
}

#[test]
fn one_message_does_not_wait_for_thousands_of_another_site() {
    let backend = Sqlite::default();
    let mut rig = Rig::new(&backend);
    let (many, one) = crowd(&mut rig);
    rig.recorder.release();
    let last = *many.last().unwrap();
    rig.recorder.take("the last answer", |_, event| match event {
        StoreEvent::Appended { token, .. } if *token == last => Some(()),
        _ => None,
    });
    let mut answers = answers(&rig);
    let place = answers.iter().position(|token| *token == one).unwrap();
    assert!(place < 1000, "answered behind {place} others");
    answers.remove(place);
    assert_eq!(answers, (1..last).collect::<Vec<u32>>(), "each site's keep their order");
}

#[test]
fn what_waits_for_a_later_round_is_carried_out_before_the_end() {
    let backend = Sqlite::default();
    let mut rig = Rig::new(&backend);
    let (a, _) = rig.connect(session(0, 0), "a", &["user_1"]);
    let (many, one) = crowd(&mut rig);
    rig.recorder.release();
    rig.store().close();
    let mut answered = answers(&rig);
    answered.sort_unstable();
    assert_eq!((answered.len(), answered.last()), (many.len() + 2, Some(&one)));
    rig.reopen(false);
    assert_eq!(rig.texts(a).len(), many.len() + 1);
}

#[test]
fn a_page_does_not_wait_for_all_pages_of_another_site() {
    const READS: u32 = 60;
    let backend = Sqlite::default();
    let mut rig = Rig::new(&backend);
    let (loud, _) = rig.connect(session(0, 0), "a", &["user_1"]);
    let other = DeviceKey { site: site("quiet"), ..key("a") };
    let (one, _) = rig.connect_with(session(0, 1), other, &["user_1"], WIDE);
    let body = format!("[\"{}\"]", "x".repeat(4000));
    for _ in 0..200 {
        rig.post(message(&body, &["user_1"]));
    }
    rig.send(quiet("[1]"));
    rig.settle();
    let token = u32::MAX - 1;
    rig.recorder.hold(token);
    let reply = ReplyTo { worker: WorkerId(0), token };
    rig.store().append(Append { reply, message: message("[]", &["nobody"]).into() });
    rig.recorder.reached_hold();
    let read = |slot, device| {
        rig.store().read(Read { session: session(1, slot), device, after: Seq(0), limit: WIDE });
    };
    (0..READS).for_each(|slot| read(slot, loud));
    read(READS, one);
    rig.recorder.release();
    let pages = |rig: &Rig<'_>| -> Vec<u32> {
        let slot = |event: &StoreEvent| match event {
            StoreEvent::Page { session, .. } => Some(session.slot),
            _ => None,
        };
        rig.recorder.log(1).iter().filter_map(slot).collect()
    };
    rig.until("all pages", |_| pages(&rig).len() > READS as usize);
    let pages = pages(&rig);
    let place = pages.iter().position(|slot| *slot == READS).unwrap();
    assert!(place < READS as usize * 3 / 4, "read behind {place} others");
    let others: Vec<u32> = pages.into_iter().filter(|slot| *slot != READS).collect();
    assert_eq!(others, (0..READS).collect::<Vec<u32>>());
}
