//! A flight: what goes to a shard in one pipeline, and goes again as it is when the connection broke.
//!
//! Only one flight of a shard is under way at a time; what comes meanwhile gathers for the next. Steps that change who
//! owns what or append something are numbered: a number belongs to its content for ever, so that a copy that arrives late does
//! nothing. Steps without a number may be carried out any number of times.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use super::fence::Fence;
use super::posts::PostKey;
use super::scripts::mark_of;
use super::words::{Arrival, Dno, Gen, Mark, Outgoing, RoomName, Settled, ShardNo, To, Txn};
use crate::domain::{DeviceKey, Message, Room, Seq, SessionRef};
use crate::store::{PageLimit, StoreError};

/// Acks of one script.
const ACKS: usize = 256;
/// Scripts of acks in one flight.
const ACK_SCRIPTS: usize = 8;
/// Connects in one flight.
const CONNECTS: usize = 32;
/// Devices that one script gives up.
const DISCONNECTS: usize = 256;
/// Stretches read by one script, and scripts that read in one flight.
const READS: usize = 16;
const READ_SCRIPTS: usize = 4;
/// Scripts of one flight, but for acks: what takes longer than an answer may is never answered.
const STEPS: usize = 64;
/// Messages of one script, and bytes of them.
const MESSAGES: usize = 32;
const BYTES: usize = 256 * 1024;

/// A device that connects.
#[derive(Debug)]
pub(super) struct Arriving {
    pub(super) session: SessionRef,
    /// Tells apart connects of one session.
    pub(super) ticket: u64,
    pub(super) device: DeviceKey,
    pub(super) rooms: Vec<Room>,
    pub(super) limit: PageLimit,
}

impl Arriving {
    /// What the shard is told, under this generation.
    pub(super) fn arrival(&self, generation: Gen) -> Arrival {
        let DeviceKey { site, primary, device_id } = &self.device;
        Arrival {
            generation,
            primary: RoomName::new(site, primary),
            device_id: device_id.clone(),
            record: self.record(),
            rooms: self.others().map(|room| RoomName::of(site, room)).collect(),
            entries: self.limit.entries,
            bytes: self.limit.bytes,
        }
    }

    /// What the shard keeps of the device from this connect on.
    fn record(&self) -> String {
        let DeviceKey { site, primary, device_id } = &self.device;
        let names = self.others().map(Room::as_str);
        let record: Vec<&str> = [site.as_str(), primary, device_id].into_iter().chain(names).collect();
        serde_json::json!(record).to_string()
    }

    /// As what the device is known from this connect on.
    pub(super) fn mark(&self) -> Mark {
        let DeviceKey { site, primary, device_id } = &self.device;
        mark_of(&RoomName::new(site, primary), device_id, &self.record())
    }

    /// All rooms but the primary.
    fn others(&self) -> impl Iterator<Item = &Room> {
        self.rooms.iter().filter(|room| room.as_str() != &*self.device.primary)
    }
}

/// A session reads on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub(super) session: SessionRef,
    pub(super) dno: Dno,
    pub(super) after: Seq,
    pub(super) limit: PageLimit,
}

/// A message for this shard.
#[derive(Debug, Clone)]
pub(super) struct Sending {
    pub(super) post: PostKey,
    pub(super) message: Arc<Message>,
    pub(super) to: To,
}

impl Sending {
    pub(super) fn outgoing(&self) -> Outgoing {
        Outgoing {
            to: self.to.clone(),
            event: self.message.event.clone(),
            resync: self.message.resync,
            bounds: self.message.bounds,
        }
    }
}

/// Rooms whose home this shard is, and a shard that has members of them.
#[derive(Debug, Clone)]
pub(super) struct Listing {
    pub(super) shard: ShardNo,
    pub(super) rooms: Vec<RoomName>,
}

/// What waits for a shard, in order. Acks go before everything but messages.
#[derive(Debug)]
pub(super) enum Item {
    Connect(Rc<Arriving>),
    Disconnect(Dno, Gen),
    Adopt(Vec<(Dno, Gen, Mark)>),
    Read(Reading),
    Enlist(Listing, Rc<dyn Landed>),
    Strike(Listing),
    /// Rooms whose home this shard is: where else they have members.
    Ask(Vec<RoomName>, Rc<dyn Landed>),
    Send(Sending),
    Fence(Rc<Fence>),
}

/// Told when something has been carried out.
pub(super) trait Landed: std::fmt::Debug {
    fn landed(&self);
    /// Whether somebody still waits for it.
    fn is_awaited(&self) -> bool;
    /// It was refused, and will not be carried out.
    fn refused(&self, error: StoreError);
}

/// One step of a flight: one script call.
#[derive(Debug)]
pub(super) enum Step {
    Acks(Vec<Settled>),
    Tick(Vec<RoomName>, Vec<Rc<Fence>>),
    Connect(Txn, Gen, Rc<Arriving>),
    Disconnect(Txn, Vec<(Dno, Gen)>),
    Adopt(Txn, Vec<(Dno, Gen, Mark)>),
    Reads(Vec<Reading>),
    Enlist(Listing, Rc<dyn Landed>),
    Strike(Listing),
    Ask(Vec<RoomName>, Rc<dyn Landed>),
    Send(Txn, Vec<Sending>),
    /// Uses up a number whose content was refused.
    Void(Txn),
}

impl Step {
    pub(super) fn txn(&self) -> Option<Txn> {
        match self {
            Self::Connect(txn, ..)
            | Self::Disconnect(txn, _)
            | Self::Adopt(txn, _)
            | Self::Send(txn, _)
            | Self::Void(txn) => Some(*txn),
            Self::Acks(_)
            | Self::Tick(..)
            | Self::Reads(_)
            | Self::Enlist(..)
            | Self::Strike(_)
            | Self::Ask(..) => None,
        }
    }
}

/// What waits for one shard.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) acks: VecDeque<Settled>,
    pub(super) items: VecDeque<Item>,
}

/// Gives out numbers.
pub(super) trait Numbers {
    fn txn(&mut self) -> Txn;
    fn generation(&mut self) -> Gen;
}

impl Waiting {
    /// Acks as steps: they may join any flight.
    pub(super) fn take_acks(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        while !self.acks.is_empty() && steps.len() < ACK_SCRIPTS {
            let count = self.acks.len().min(ACKS);
            steps.push(Step::Acks(self.acks.drain(..count).collect()));
        }
        steps
    }

    /// Acks that have to leave again, before those that came since: a device's older one first, or it would be told to resync.
    pub(super) fn put_back(&mut self, acks: Vec<Settled>) {
        for ack in acks.into_iter().rev() {
            self.acks.push_front(ack);
        }
    }

    /// As many acks as one script takes.
    pub(super) fn are_acks_many(&self) -> bool {
        self.acks.len() >= ACKS
    }

    /// The next flight. Its messages are the last step: what a script left undone of them has to come before everything
    /// behind them. Acks may rest until their moment has come (`acks_leave`), but for these: what is read must not hold
    /// what was acknowledged before.
    pub(super) fn take_flight(&mut self, numbers: &mut dyn Numbers, acks_leave: bool) -> Vec<Step> {
        let mut steps = Vec::new();
        let only_sends = matches!(self.items.front(), None | Some(Item::Send(_)));
        if acks_leave || !only_sends || self.are_acks_many() {
            steps = self.take_acks();
            if !self.acks.is_empty() {
                return steps;
            }
        }
        let mut fences = Vec::new();
        let (mut connects, mut reads) = (0, 0);
        while let Some(item) = self.items.pop_front() {
            match item {
                Item::Send(sending) => {
                    steps.push(Step::Send(numbers.txn(), self.take_sends(sending)));
                    break;
                }
                Item::Connect(arriving) => {
                    steps.push(Step::Connect(numbers.txn(), numbers.generation(), arriving));
                    connects += 1;
                }
                Item::Disconnect(dno, generation) => match steps.last_mut() {
                    Some(Step::Disconnect(_, pairs)) if pairs.len() < DISCONNECTS => {
                        pairs.push((dno, generation));
                    }
                    _ => steps.push(Step::Disconnect(numbers.txn(), vec![(dno, generation)])),
                },
                Item::Read(reading) => match steps.last_mut() {
                    Some(Step::Reads(readings)) if readings.len() < READS => readings.push(reading),
                    _ => {
                        steps.push(Step::Reads(vec![reading]));
                        reads += 1;
                    }
                },
                Item::Adopt(pairs) => steps.push(Step::Adopt(numbers.txn(), pairs)),
                Item::Enlist(listing, landed) => steps.push(Step::Enlist(listing, landed)),
                Item::Strike(listing) => steps.push(Step::Strike(listing)),
                Item::Ask(rooms, landed) => steps.push(Step::Ask(rooms, landed)),
                Item::Fence(fence) => fences.push(fence),
            }
            if connects >= CONNECTS || reads > READ_SCRIPTS || steps.len() >= STEPS {
                break;
            }
        }
        // A listing has no number: one behind it shows whether the server has lost it.
        let unproved = steps.iter().rev().take_while(|step| step.txn().is_none());
        if unproved.into_iter().any(|step| matches!(step, Step::Enlist(..))) {
            steps.push(Step::Void(numbers.txn()));
        }
        if !fences.is_empty() {
            steps.push(Step::Tick(Vec::new(), fences));
        }
        steps
    }

    fn take_sends(&mut self, first: Sending) -> Vec<Sending> {
        let mut bytes = first.message.event.json().len();
        let mut sends = vec![first];
        while sends.len() < MESSAGES {
            let Some(Item::Send(next)) = self.items.front() else { break };
            bytes += next.message.event.json().len();
            if bytes > BYTES {
                break;
            }
            if let Some(Item::Send(next)) = self.items.pop_front() {
                sends.push(next);
            }
        }
        sends
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::domain::{Event, MessageId, QueueBounds, ReplyTo, SiteName, WorkerId};
    use crate::store::redis::posts::{Posts, Waits};

    #[derive(Debug)]
    struct Nobody;

    impl Landed for Nobody {
        fn landed(&self) {}

        fn is_awaited(&self) -> bool {
            true
        }

        fn refused(&self, _: StoreError) {}
    }

    #[derive(Default)]
    struct Count(u64);

    impl Numbers for Count {
        fn txn(&mut self) -> Txn {
            self.0 += 1;
            Txn(self.0)
        }

        fn generation(&mut self) -> Gen {
            Gen(0)
        }
    }

    fn sending() -> Item {
        let message = Message {
            id: MessageId(1),
            site: SiteName::new("shop").unwrap(),
            rooms: Arc::new([]),
            event: Event::stored(Bytes::from_static(b"[]")),
            resync: false,
            bounds: QueueBounds::default(),
            except: None,
        };
        let (message, reply) = (Arc::new(message), ReplyTo { worker: WorkerId(0), token: 1 });
        let post = Posts::default().add(Waits::Alone(reply), Arc::clone(&message), Vec::new());
        Item::Send(Sending { post, message, to: To::Devices(Vec::new()) })
    }

    fn reading() -> Item {
        let session = SessionRef { worker: WorkerId(0), slot: 0, serial: 0 };
        let limit = PageLimit { entries: 1, bytes: 1 };
        Item::Read(Reading { session, dno: Dno(1), after: Seq(0), limit })
    }

    /// The kinds of steps that leave.
    fn leaving(items: Vec<Item>, acks: usize, acks_leave: bool) -> String {
        let mut waiting = Waiting { items: items.into(), ..Waiting::default() };
        waiting.acks = vec![Settled::Entry(Dno(1), Seq(1)); acks].into();
        let steps = waiting.take_flight(&mut Count::default(), acks_leave);
        let kind = |step: &Step| format!("{step:?}").split('(').next().unwrap().to_owned();
        steps.iter().map(kind).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn acks_rest_beside_messages_and_leave_before_what_reads() {
        assert_eq!(leaving(vec![], 3, false), "");
        assert_eq!(leaving(vec![sending()], 3, false), "Send");
        assert_eq!(leaving(vec![sending()], 3, true), "Acks Send");
        assert_eq!(leaving(vec![reading(), sending()], 3, false), "Acks Reads Send");
        assert_eq!(leaving(vec![Item::Disconnect(Dno(1), Gen(1))], 3, false), "Acks Disconnect");
        assert_eq!(leaving(vec![sending()], ACKS, false), "Acks Send");
    }

    #[test]
    fn acks_that_leave_again_stay_in_their_order() {
        let ack = |seq| Settled::Entry(Dno(1), Seq(seq));
        let mut waiting = Waiting { acks: vec![ack(1), ack(2)].into(), ..Waiting::default() };
        let steps = waiting.take_acks();
        waiting.acks.push_back(ack(3));
        let again = steps.into_iter().filter_map(|step| match step {
            Step::Acks(acks) => Some(acks),
            _ => None,
        });
        waiting.put_back(again.flatten().collect());
        assert_eq!(waiting.acks, [ack(1), ack(2), ack(3)]);
    }

    #[test]
    fn a_flight_is_never_too_long_to_be_answered_in_time() {
        let (mut waiting, mut numbers) = (Waiting::default(), Count::default());
        for no in 0..1000 {
            let listing = Listing { shard: ShardNo(1), rooms: Vec::new() };
            waiting.items.push_back(Item::Enlist(listing, Rc::new(Nobody)));
            waiting.items.push_back(Item::Disconnect(Dno(no), Gen(1)));
        }
        let (mut flights, mut steps) = (0, 0);
        while !waiting.items.is_empty() {
            let flight = waiting.take_flight(&mut numbers, true);
            assert!(flight.len() <= STEPS + 2, "{}", flight.len());
            (flights, steps) = (flights + 1, steps + flight.len());
        }
        assert!(flights > 20 && steps >= 2000, "{flights} {steps}");
    }
}
