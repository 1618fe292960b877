//! What the answers to a flight mean.

use std::rc::Rc;

use redis::Value;

use super::flight::{Arriving, Item, Listing, Sending, Step};
use super::lane::{Flight, Landing, Lane};
use super::posts::Kept;
use super::scripts::reply;
use super::words::{Admitted, Dno, Garbled, Gen, NodeId, Sent, Stretch, TickReport, To};
use super::{engine, explain, fences};
use crate::backplane::Trouble;
use crate::domain::{Event, Page};
use crate::store::{StoreError, StoreEvent};

type Answers = Vec<Result<Value, Trouble>>;

/// The answer to a publication that is for nobody.
pub(super) fn may_publish(mut answers: Answers) -> Result<(), Trouble> {
    match answers.pop() {
        Some(Err(Trouble::Refused(why))) if why.starts_with("NOPERM") => Err(Trouble::Refused(format!(
            "the user may not publish (ACL SETUSER <user> &<redis.prefix>* +publish +subscribe; in a Cluster \
             +spublish +ssubscribe): {why}"
        ))),
        Some(Err(trouble)) => Err(trouble),
        _ => Ok(()),
    }
}

/// The answer to a registration.
pub(super) fn registered(mut answers: Answers) -> Result<NodeId, Trouble> {
    let answer = answers.pop().unwrap_or_else(|| Err(Trouble::Foreign("no answer".into())))?;
    reply::register(answer).map_err(|garbled| Trouble::Foreign(garbled.to_string()))
}

/// Carries out what the answers to a flight mean; what has to go again stays in it.
pub(super) fn land(lane: &Rc<Lane>, flight: &mut Flight, mut answers: Answers) -> Landing {
    let replicated = replicated(lane, flight, &mut answers);
    let (mut again, mut disowned): (Option<Trouble>, bool) = (None, false);
    let mut left = Vec::new();
    for (step, answer) in std::mem::take(&mut flight.steps).into_iter().zip(answers) {
        let trouble = match answer {
            Ok(value) => match apply(lane, step, value, &replicated) {
                Ok(()) => continue,
                // Ours, and not understood: a bug, or somebody else's data. It was carried out.
                Err(trouble) => {
                    tracing::error!(shard = lane.shard.0, %trouble, "an answer of Redis cannot be understood");
                    continue;
                }
            },
            Err(trouble) => {
                let numbered = step.txn().is_some();
                match &trouble {
                    trouble if is(trouble, "ORDER") && numbered && again.is_some() => left.push(step),
                    trouble if is(trouble, "ORDER") || is(trouble, "NOLEASE") => {
                        let lost = lane.suspicious.get() || is(trouble, "ORDER");
                        lane.suspicious.set(lost);
                        disowned = true;
                        left.push(step);
                    }
                    Trouble::NotNow(_) | Trouble::Elsewhere(_) | Trouble::Broken(_) => left.push(step),
                    Trouble::Refused(_) | Trouble::Foreign(_) | Trouble::Script { .. } => {
                        left.extend(refuse(lane, step, &trouble));
                    }
                }
                trouble
            }
        };
        again.get_or_insert(trouble);
    }
    let empty = left.is_empty();
    flight.steps = left;
    let lost = lane.take_lost();
    lane.suspicious.set(lane.suspicious.get() || lost);
    match again {
        _ if lost || disowned => Landing::Disowned,
        Some(trouble) if !empty => Landing::Again(trouble),
        _ => Landing::Done,
    }
}

/// Messages that were answered meanwhile, and cannot have arrived, are taken back: what was told as not kept is not kept.
/// So are connects that were given up.
pub(super) fn recall(lane: &Lane, flight: &mut Flight) {
    if flight.uncertain {
        return;
    }
    for step in &mut flight.steps {
        if let Step::Connect(txn, _, arriving) = step
            && !lane.desk.awaits(arriving.session, arriving.ticket)
        {
            *step = Step::Void(*txn);
        }
        let Step::Send(txn, sends) = step else { continue };
        let posts = lane.desk.posts.borrow();
        let (open, answered): (Vec<_>, Vec<_>) =
            std::mem::take(sends).into_iter().partition(|sending| posts.is_open(sending.post));
        drop(posts);
        for sending in &answered {
            engine::give_up_asking(&lane.desk, sending);
        }
        *step = if open.is_empty() { Step::Void(*txn) } else { Step::Send(*txn, open) };
    }
}

/// Whether enough replicas have what was appended: the answer to WAIT, which is the last one, if it was asked.
fn replicated(lane: &Lane, flight: &Flight, answers: &mut Answers) -> Result<(), StoreError> {
    let wanted = lane.desk.options.wait_replicas;
    if answers.len() <= flight.steps.len() || wanted == 0 {
        return Ok(());
    }
    let answer = answers.pop();
    let enough = matches!(answer, Some(Ok(Value::Int(count))) if count >= i64::from(wanted));
    lane.desk.is_replicated.set(enough);
    match answer {
        _ if enough => Ok(()),
        Some(Ok(Value::Int(count))) => {
            Err(StoreError::Unavailable(format!("{count} of {wanted} replicas have the message")))
        }
        Some(Err(trouble)) => Err(StoreError::Unavailable(explain(&trouble))),
        _ => Err(StoreError::Unavailable("WAIT was not answered as it should".into())),
    }
}

fn apply(
    lane: &Rc<Lane>,
    step: Step,
    value: Value,
    replicated: &Result<(), StoreError>,
) -> Result<(), Trouble> {
    let garbled = |garbled: Garbled| Trouble::Foreign(garbled.to_string());
    match step {
        Step::Acks(_) | Step::Disconnect(..) | Step::Strike(_) | Step::Void(_) => {}
        Step::Tick(_, fences) => {
            let report = reply::tick(value).map_err(garbled)?;
            let published = report.published;
            lane.compare(report.last);
            ticked(lane, report);
            for fence in fences {
                fences::pass(lane, fence, published);
            }
        }
        Step::Connect(_, generation, arriving) => match reply::connect(value) {
            Ok(admitted) => connected(lane, generation, &arriving, admitted),
            Err(error) => {
                let failed = StoreError::Write(error.to_string());
                lane.desk.connect_failed(arriving.session, arriving.ticket, failed);
                return Err(garbled(error));
            }
        },
        Step::Adopt(..) => gone(lane, &reply::adopt(value).map_err(garbled)?),
        Step::Reads(readings) => {
            let stretches = reply::read(value).map_err(garbled)?;
            for (reading, stretch) in readings.iter().zip(stretches) {
                let (session, page) = (reading.session, page(stretch));
                lane.desk.tell(session.worker, StoreEvent::Page { session, page });
            }
        }
        Step::Enlist(_, landed) => landed.landed(),
        Step::Ask(rooms, landed) => {
            let answer = reply::ask(value);
            for (room, elsewhere) in rooms.iter().zip(answer.iter().flatten()) {
                lane.desk.whereabouts.borrow_mut().learn(std::slice::from_ref(room), elsewhere);
            }
            landed.landed();
            answer.map_err(garbled)?;
        }
        Step::Send(_, sends) => match reply::send(value) {
            Ok(results) => sent(lane, sends, results, replicated),
            Err(error) => {
                let failed = StoreError::Write(error.to_string());
                for sending in &sends {
                    failed_send(lane, sending, failed.clone());
                }
                return Err(garbled(error));
            }
        },
    }
    Ok(())
}

fn ticked(lane: &Rc<Lane>, report: TickReport) {
    lane.desk.shared.count(lane.shard, report.tally, report.expired);
    if report.more {
        lane.tick_later(true);
    }
    for room in report.deserted {
        let home = lane.desk.keys.home(&room);
        if home != lane.shard
            && let Some(home) = lane.desk.lane(home)
        {
            home.push(Item::Strike(Listing { shard: lane.shard, rooms: vec![room.clone()] }));
        }
        lane.deserted.borrow_mut().push(room);
    }
    fences::suspect(lane, report.published);
}

fn connected(lane: &Lane, generation: Gen, arriving: &Arriving, admitted: Admitted) {
    let Admitted { dno, published, stretch } = admitted;
    let (session, mark) = (arriving.session, arriving.mark());
    if !lane.desk.take_bearing(session, arriving.ticket, lane.shard, dno) {
        let given_up = lane.watch.borrow_mut().abandoned(dno, generation);
        lane.watch.borrow_mut().note_mark(dno, generation, mark);
        if let Some((dno, generation)) = given_up {
            lane.push(Item::Disconnect(dno, generation));
        }
        return;
    }
    let site = &arriving.device.site;
    let missed = lane.watch.borrow_mut().admitted(session, site, (dno, generation), published);
    lane.watch.borrow_mut().note_mark(dno, generation, mark);
    let (device, page) = (lane.shard.device(dno), page(stretch));
    lane.desk.tell(session.worker, StoreEvent::Connected { session, device, page });
    if missed {
        lane.desk.tell(session.worker, StoreEvent::Missed { session });
    }
}

fn gone(lane: &Lane, gone: &[Dno]) {
    for dno in gone {
        let Some((generation, sessions)) = lane.watch.borrow_mut().gone(*dno) else { continue };
        // An earlier copy of the question may have adopted it.
        lane.push(Item::Disconnect(*dno, generation));
        for session in sessions {
            lane.desk.lost(session);
        }
    }
}

fn page(stretch: Stretch) -> Page {
    let Stretch { through, more, resync, entries } = stretch;
    let entries = entries.into_iter().map(|(seq, event)| (seq, Event::stored(event))).collect();
    Page { entries, through, more, resync }
}

/// What became of messages. Where the script stopped early, what is left goes before everything else that waits.
fn sent(lane: &Lane, sends: Vec<Sending>, results: Vec<Sent>, replicated: &Result<(), StoreError>) {
    let mut again = Vec::new();
    let mut sends = sends.into_iter();
    for (result, sending) in results.into_iter().zip(sends.by_ref()) {
        if let Err(error) = replicated {
            failed_send(lane, &sending, error.clone());
            continue;
        }
        match result {
            Sent::Kept { devices, online, queued, elsewhere } => {
                engine::follow(lane, &sending, &elsewhere);
                engine::part_answered(&lane.desk, sending.post, Ok(Kept { devices, online, queued }));
            }
            Sent::TooMany { devices, elsewhere } => {
                engine::follow(lane, &sending, &elsewhere);
                again.extend(pieces(lane, &sending, &devices));
            }
        }
    }
    again.extend(sends.map(Item::Send));
    lane.push_first(again);
}

/// A message for more devices than one script may serve, in pieces.
fn pieces(lane: &Lane, sending: &Sending, devices: &[Dno]) -> Vec<Item> {
    let pieces = devices.chunks(super::PIECE);
    if let Some(post) = lane.desk.posts.borrow_mut().get_mut(sending.post) {
        post.expect(pieces.len());
    } else {
        // Answered as not kept, and nothing was: it stays so.
        return Vec::new();
    }
    let none = Kept { devices: 0, online: 0, queued: 0 };
    engine::part_answered(&lane.desk, sending.post, Ok(none));
    let piece =
        |devices: &[Dno]| Item::Send(Sending { to: To::Devices(devices.to_vec()), ..sending.clone() });
    pieces.map(piece).collect()
}

fn failed_send(lane: &Lane, sending: &Sending, error: StoreError) {
    engine::give_up_asking(&lane.desk, sending);
    engine::part_answered(&lane.desk, sending.post, Err(error));
}

/// Whether a script answered with this error.
fn is(trouble: &Trouble, word: &str) -> bool {
    matches!(trouble, Trouble::Script { code, .. } if code == word)
}

/// A step was refused: who waits for it is told. What has to go in its place, if something.
fn refuse(lane: &Lane, step: Step, trouble: &Trouble) -> Option<Step> {
    let txn = step.txn();
    // What failed half-way may have been kept.
    let error = || match trouble {
        Trouble::Foreign(_) => StoreError::Unavailable(explain(trouble)),
        _ => StoreError::Write(explain(trouble)),
    };
    match step {
        // It was carried out once, nobody heard of it, and the device has expired since: it connects anew.
        Step::Connect(_, _, arriving) if is(trouble, "GONE") => lane.push(Item::Connect(arriving)),
        Step::Connect(_, _, arriving) => {
            lane.desk.connect_failed(arriving.session, arriving.ticket, error());
        }
        Step::Send(_, sends) => sends.iter().for_each(|sending| failed_send(lane, sending, error())),
        // Behind one that waits, what makes room where memory is short would wait, too.
        Step::Enlist(_, landed) | Step::Ask(_, landed) => landed.refused(error()),
        // Nobody could make up for these: they go again as they are until the server takes writes again.
        waits if matches!(trouble, Trouble::Refused(_)) => return Some(waits),
        Step::Acks(acks) => lane.desk.shared.forget_acks(acks.len()),
        Step::Reads(readings) => {
            tracing::error!(shard = lane.shard.0, %trouble, "an inbox cannot be read; its sessions are closed");
            for reading in &readings {
                engine::disconnect(&lane.desk, reading.session);
                lane.desk.lost(reading.session);
            }
        }
        Step::Tick(..) | Step::Disconnect(..) | Step::Adopt(..) | Step::Strike(_) | Step::Void(_) => {
            tracing::error!(shard = lane.shard.0, %trouble, "a step on Redis failed");
        }
    }
    txn.map(Step::Void)
}

/// The flight did not arrive under this name of the node, or nobody knows: what may go under a new name does.
pub(super) fn disowned(lane: &Lane, flight: Flight) {
    let (mut acks, mut again) = (Vec::new(), Vec::new());
    for step in flight.steps {
        match step {
            Step::Acks(some) => acks.extend(some),
            Step::Connect(_, _, arriving) => again.push(Item::Connect(arriving)),
            Step::Reads(readings) => again.extend(readings.into_iter().map(Item::Read)),
            Step::Enlist(listing, landed) => again.push(Item::Enlist(listing, landed)),
            Step::Strike(listing) => again.push(Item::Strike(listing)),
            Step::Ask(rooms, landed) => again.push(Item::Ask(rooms, landed)),
            Step::Tick(_, fences) => again.extend(fences.into_iter().map(Item::Fence)),
            Step::Send(_, sends) if flight.uncertain => {
                for sending in &sends {
                    failed_send(lane, sending, Lane::uncertain_error());
                }
            }
            Step::Send(_, sends) => again.extend(sends.into_iter().map(Item::Send)),
            // The old name's part in devices ends with its lease; what is still here is adopted.
            Step::Disconnect(..) | Step::Adopt(..) | Step::Void(_) => {}
        }
    }
    lane.waiting.borrow_mut().put_back(acks);
    lane.push_first(again);
}
