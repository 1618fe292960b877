//! The thread's side of the store: takes commands, hands them to the lanes of the shards concerned, and answers what
//! waits for too long.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use super::desk::{Desk, Standing};
use super::fence::Fence;
use super::flight::{Arriving, Item, Landed, Listing, Reading, Sending};
use super::lane::Lane;
use super::posts::{Kept, PostKey, Waits};
use super::together;
use super::whereabouts::Way;
use super::words::{RoomName, Settled, ShardNo, To};
use crate::backplane::Lines;
use crate::domain::{Message, Page, SessionRef};
use crate::store::{Ack, Append, AppendAll, Connect, Read, StoreError, StoreEvent};

/// A connect that was not carried out after this has failed. Longer than a failover takes: clients of today do not come
/// back by themselves when they are refused.
const CONNECT_PATIENCE: Duration = Duration::from_secs(15);
/// How often it is looked at what waits for too long.
const GLANCE: Duration = Duration::from_millis(50);
/// How long the end may take where Redis does not answer.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// One command.
pub(super) enum Command {
    Connect(Box<Connect>),
    Append(Append),
    AppendAll(AppendAll),
    Acks(Vec<Ack>),
    Read(Read),
    Disconnect(SessionRef),
    /// Tell when everything so far is carried out, and heard here.
    Settle(SyncSender<()>),
    /// Carry out everything so far, and end.
    Close(SyncSender<()>),
}

/// Takes commands until it is told to close, or nobody can give any.
pub(super) async fn run(desk: Rc<Desk>, lines: Rc<Lines>, mut commands: UnboundedReceiver<Command>) {
    let lanes = (0..desk.keys.count()).map(|no| Lane::new(ShardNo(no), Rc::clone(&desk), Rc::clone(&lines)));
    desk.set_lanes(lanes.collect());
    // Lanes and desk know each other: without this nothing of them would ever go.
    let _parting = Parting(Rc::clone(&desk));
    let mut tasks = JoinSet::new();
    for lane in desk.lanes() {
        tasks.spawn_local(lane.run());
    }
    let mut glance = tokio::time::interval(GLANCE);
    glance.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            count = commands.recv_many(&mut batch, 1024) => {
                if count == 0 {
                    return;
                }
                for command in batch.drain(..) {
                    match command {
                        Command::Close(done) => return close(&desk, tasks, done).await,
                        command => carry_out(&desk, command),
                    }
                }
            }
            _ = glance.tick(), if desk.is_awaited() => overdue(&desk),
            Some(ended) = tasks.join_next() => {
                if let Err(error) = ended
                    && error.is_panic()
                {
                    tracing::error!("a lane to Redis has failed; the process ends. Please report this");
                    std::process::abort();
                }
            }
        }
        desk.deliver();
    }
}

struct Parting(Rc<Desk>);

impl Drop for Parting {
    fn drop(&mut self) {
        self.0.set_lanes(Vec::new());
    }
}

fn carry_out(desk: &Rc<Desk>, command: Command) {
    match command {
        Command::Connect(connect) => begin_connect(desk, *connect),
        Command::Append(append) => begin_append(desk, append),
        Command::AppendAll(appends) => together::begin(desk, appends),
        Command::Acks(acks) => acks.iter().for_each(|ack| acknowledge(desk, *ack)),
        Command::Read(read) => begin_read(desk, read),
        Command::Disconnect(session) => disconnect(desk, session),
        Command::Settle(done) => settle(desk, done),
        Command::Close(_) => {}
    }
}

/// Everything that was handed over is carried out; then the lanes end.
async fn close(desk: &Rc<Desk>, mut tasks: JoinSet<()>, done: SyncSender<()>) {
    let deadline = Instant::now() + CLOSE_PATIENCE;
    let work = async {
        while !desk.posts.borrow().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
            overdue(desk);
        }
        desk.lanes().iter().for_each(|lane| lane.close());
        while tasks.join_next().await.is_some() {}
    };
    if tokio::time::timeout_at(deadline.into(), work).await.is_err() {
        tracing::warn!("Redis does not answer: some acks are lost, and their entries will come again");
    }
    fail_all(desk);
    desk.deliver();
    let _ = done.try_send(());
}

/// Whoever still waits is told that nothing is coming.
fn fail_all(desk: &Desk) {
    let far = Instant::now() + Duration::from_hours(1);
    let answers = desk.posts.borrow_mut().overdue(far, || StoreError::Closed);
    for answer in answers {
        desk.answer(answer);
    }
    while let Some((session, ticket)) = desk.connecting_since(far) {
        desk.connect_failed(session, ticket, StoreError::Closed);
    }
}

fn overdue(desk: &Rc<Desk>) {
    let now = Instant::now();
    let due = desk.posts.borrow().next_deadline().is_some_and(|deadline| deadline <= now);
    if due {
        let answers = desk.posts.borrow_mut().overdue(now, || desk.shared.trouble());
        let any = !answers.is_empty();
        for answer in answers {
            desk.answer(answer);
        }
        if any {
            recall(desk);
        }
    }
    if let Some(before) = now.checked_sub(CONNECT_PATIENCE) {
        while let Some((session, ticket)) = desk.connecting_since(before) {
            desk.connect_failed(session, ticket, desk.shared.trouble());
        }
    }
}

/// Takes back what has not left yet of messages that were answered.
fn recall(desk: &Rc<Desk>) {
    let mut recalled = Vec::new();
    for lane in desk.lanes() {
        let posts = desk.posts.borrow();
        lane.waiting.borrow_mut().items.retain_mut(|item| match item {
            Item::Send(sending) if !posts.is_open(sending.post) => {
                recalled.push(sending.clone());
                false
            }
            _ => true,
        });
    }
    for sending in &recalled {
        give_up_asking(desk, sending);
    }
}

fn begin_connect(desk: &Rc<Desk>, connect: Connect) {
    let Connect { session, device, rooms, limit } = connect;
    // A session that connects anew has left its first device.
    disconnect(desk, session);
    let shard = desk.keys.home(&RoomName::new(&device.site, &device.primary));
    let Some(lane) = desk.lane(shard) else { return };
    let (ticket, since) = (desk.connecting(session), Instant::now());
    let names: Vec<RoomName> = rooms
        .iter()
        .filter(|room| room.as_str() != &*device.primary)
        .map(|room| RoomName::of(&device.site, room))
        .collect();
    let arriving = Rc::new(Arriving { session, ticket, device, rooms, limit });
    let unlisted = desk.unlisted(shard, names);
    if unlisted.is_empty() {
        return lane.push(Item::Connect(arriving));
    }
    let mut homes: Vec<Listing> = Vec::new();
    for room in unlisted {
        let home = desk.keys.home(&room);
        match homes.iter_mut().find(|listing| listing.shard == home) {
            Some(listing) => listing.rooms.push(room),
            None => homes.push(Listing { shard: home, rooms: vec![room] }),
        }
    }
    let landed = Rc::new(Enlisting {
        desk: Rc::downgrade(desk),
        left: Cell::new(homes.len()),
        refused: Cell::new(false),
        shard,
        rooms: homes.iter().flat_map(|listing| listing.rooms.clone()).collect(),
        since,
        arriving,
    });
    for Listing { shard: home, rooms } in homes {
        let landed = Rc::clone(&landed) as Rc<dyn Landed>;
        if let Some(home) = desk.lane(home) {
            home.push(Item::Enlist(Listing { shard, rooms }, landed));
        }
    }
}

/// The homes of a device's rooms are told first that its shard has members of them: a message for such a room that is
/// sent once the device is connected must find it.
#[derive(Debug)]
struct Enlisting {
    desk: std::rc::Weak<Desk>,
    /// Homes that have not answered yet.
    left: Cell<usize>,
    refused: Cell<bool>,
    shard: ShardNo,
    rooms: Vec<RoomName>,
    since: Instant,
    arriving: Rc<Arriving>,
}

impl Landed for Enlisting {
    fn landed(&self) {
        self.left.set(self.left.get().saturating_sub(1));
        let (0, false, Some(desk)) = (self.left.get(), self.refused.get(), self.desk.upgrade()) else {
            return;
        };
        desk.note_listed(self.shard, &self.rooms, self.since);
        if let Some(lane) = desk.lane(self.shard) {
            lane.push(Item::Connect(Rc::clone(&self.arriving)));
        }
    }

    fn is_awaited(&self) -> bool {
        self.desk.upgrade().is_some_and(|desk| desk.awaits(self.arriving.session, self.arriving.ticket))
    }

    fn refused(&self, error: StoreError) {
        self.refused.set(true);
        if let Some(desk) = self.desk.upgrade() {
            desk.connect_failed(self.arriving.session, self.arriving.ticket, error);
        }
    }
}

pub(super) fn disconnect(desk: &Desk, session: SessionRef) {
    let standing = desk.sessions.borrow_mut().remove(&session);
    // A connect that is on its way finds nobody who waits for it.
    if let Some(Standing::Bears(shard, dno)) = standing
        && let Some(lane) = desk.lane(shard)
    {
        let given_up = lane.watch.borrow_mut().left(session, dno);
        if let Some((dno, generation)) = given_up {
            lane.push(Item::Disconnect(dno, generation));
        }
    }
}

fn acknowledge(desk: &Desk, ack: Ack) {
    let (device, settle): (_, &dyn Fn(_) -> Settled) = match ack {
        Ack::Entry(device, seq) => (device, &move |dno| Settled::Entry(dno, seq)),
        Ack::EntryBehindBatch(device, seq, batch) => {
            (device, &move |dno| Settled::EntryBehindBatch(dno, seq, batch))
        }
        Ack::Through(device, seq) => (device, &move |dno| Settled::Through(dno, seq)),
        Ack::Resynced(device, seq) => (device, &move |dno| Settled::Resynced(dno, seq)),
    };
    let (shard, dno) = ShardNo::of_device(device);
    if let Some(lane) = desk.lane(shard) {
        lane.acknowledge(settle(dno));
    }
}

fn begin_read(desk: &Desk, read: Read) {
    let Read { session, device, after, limit } = read;
    let (shard, dno) = ShardNo::of_device(device);
    if let Some(lane) = desk.lane(shard) {
        lane.push(Item::Read(Reading { session, dno, after, limit }));
    } else {
        let page = Page { through: after, ..Page::default() };
        desk.tell(session.worker, StoreEvent::Page { session, page });
    }
}

fn begin_append(desk: &Rc<Desk>, append: Append) {
    let Append { reply, message } = append;
    let post = post(desk, Waits::Alone(reply), message);
    dispatch(desk, post);
}

/// Puts a message among those under way.
pub(super) fn post(desk: &Desk, waits: Waits, message: Arc<Message>) -> PostKey {
    let rooms: Vec<RoomName> = message.rooms.iter().map(|room| RoomName::of(&message.site, room)).collect();
    desk.posts.borrow_mut().add(waits, message, rooms)
}

/// Hands a message to the shards of its rooms, as far as they are known.
pub(super) fn dispatch(desk: &Rc<Desk>, key: PostKey) {
    let Some((message, rooms)) =
        desk.posts.borrow_mut().get_mut(key).map(|post| (Arc::clone(&post.message), post.rooms.clone()))
    else {
        return;
    };
    let homes: Vec<ShardNo> = rooms.iter().map(|room| desk.keys.home(room)).collect();
    if let Some(error) = homes.iter().find_map(|shard| desk.shared.hopeless(*shard)) {
        expect(desk, key, &[], 1);
        return part_answered(desk, key, Err(error));
    }
    let Way::Known(mut shards) = desk.whereabouts.borrow_mut().way(key, &rooms) else { return };
    shards.extend(&homes);
    shards.sort_unstable();
    shards.dedup();
    expect(desk, key, &shards, shards.len());
    for shard in shards {
        let in_shard = rooms.iter().zip(&homes).map(|(room, home)| (room.clone(), *home == shard)).collect();
        let to = To::Rooms(in_shard);
        if let Some(lane) = desk.lane(shard) {
            lane.push(Item::Send(Sending { post: key, message: Arc::clone(&message), to }));
        }
    }
}

fn expect(desk: &Desk, key: PostKey, shards: &[ShardNo], parts: usize) {
    if let Some(post) = desk.posts.borrow_mut().get_mut(key) {
        post.asked.extend_from_slice(shards);
        post.expect(parts);
    }
}

/// The homes of a message's rooms have said where else they have members: it goes there too, unless it did already.
pub(super) fn follow(lane: &Lane, sending: &Sending, elsewhere: &[ShardNo]) {
    let desk = &lane.desk;
    let To::Rooms(rooms) = &sending.to else { return };
    let homed: Vec<RoomName> = rooms.iter().filter(|(_, home)| *home).map(|(room, _)| room.clone()).collect();
    if homed.is_empty() {
        return;
    }
    desk.whereabouts.borrow_mut().learn(&homed, elsewhere);
    let fresh: Vec<ShardNo> = match desk.posts.borrow_mut().get_mut(sending.post) {
        Some(post) => elsewhere.iter().copied().filter(|shard| !post.asked.contains(shard)).collect(),
        None => Vec::new(),
    };
    expect(desk, sending.post, &fresh, fresh.len());
    for shard in fresh {
        let rooms = rooms.iter().map(|(room, _)| (room.clone(), false)).collect();
        if let Some(lane) = desk.lane(shard) {
            lane.push(Item::Send(Sending { to: To::Rooms(rooms), ..sending.clone() }));
        }
    }
    retry_parked(desk);
}

/// A message did not get as far as asking where its rooms have members.
pub(super) fn give_up_asking(desk: &Rc<Desk>, sending: &Sending) {
    if let To::Rooms(rooms) = &sending.to {
        let rooms: Vec<RoomName> = rooms.iter().map(|(room, _)| room.clone()).collect();
        desk.whereabouts.borrow_mut().forget(&rooms);
        retry_parked(desk);
    }
}

fn retry_parked(desk: &Rc<Desk>) {
    let parked = desk.whereabouts.borrow_mut().unpark();
    for post in parked {
        dispatch(desk, post);
    }
}

pub(super) fn part_answered(desk: &Desk, key: PostKey, part: Result<Kept, StoreError>) {
    let answer = desk.posts.borrow_mut().answered(key, part);
    if let Some(answer) = answer {
        desk.answer(answer);
    }
}

fn settle(desk: &Rc<Desk>, done: SyncSender<()>) {
    let desk = Rc::clone(desk);
    tokio::task::spawn_local(async move {
        while !desk.posts.borrow().is_empty() || desk.is_connecting() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let lanes = desk.lanes();
        let fence = Rc::new(Fence::new(lanes.len(), done));
        for lane in &lanes {
            lane.push(Item::Fence(Rc::clone(&fence)));
        }
    });
}
