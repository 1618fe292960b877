//! A crowd: devices that come and go as they like, senders that number their messages, and the ledger in which it stands
//! what must have become of each of them. The gateways may die meanwhile, and whatever lies between may break.

pub mod device;
pub mod ledger;
pub mod line;
pub mod sender;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::random::Random;
use device::{DUTIES, Device, Habits, WHIMS};
use ledger::{Ledger, Member, Route};
use line::Carrier;
use sender::{Desk, Sender};

/// Rooms of the devices of a small crowd; each belongs to the user of its first room.
pub const DEVICES: [(&str, Carrier); 8] = [
    ("user_0+all", Carrier::Socket(4)),
    ("user_0+all", Carrier::Polling),
    ("user_1+all+odd", Carrier::Socket(3)),
    ("user_1+all+odd", Carrier::Socket(4)),
    ("user_2+all", Carrier::Polling),
    ("user_2+all", Carrier::Socket(3)),
    ("user_3+odd", Carrier::Socket(4)),
    ("user_3+odd", Carrier::Socket(3)),
];
/// Each of its senders sends into one room.
const SENDERS: [&str; 8] = ["user_0", "user_1", "user_2", "user_3", "all", "odd", "ALL", "user_0"];

/// Everybody, and what they do at the moment.
pub struct Crowd {
    pub ledger: Arc<Ledger>,
    pub desk: Desk,
    pub mood: Arc<AtomicU8>,
    pub devices: JoinSet<()>,
    senders: JoinSet<()>,
    stop: Arc<AtomicBool>,
}

impl Crowd {
    /// Nobody yet.
    pub fn new(ledger: Ledger) -> Self {
        Self {
            ledger: Arc::new(ledger),
            desk: Desk::default(),
            mood: Arc::new(AtomicU8::new(WHIMS)),
            devices: JoinSet::new(),
            senders: JoinSet::new(),
            stop: Arc::default(),
        }
    }

    /// [`DEVICES`] and their senders, in the site `demo` behind these ports. `late`: how long an ack may be on its way
    /// behind a session that ended properly; `pause`: milliseconds between two messages of a sender.
    pub async fn small(
        ports: &[u16],
        late: Duration,
        pause: std::ops::Range<u64>,
        random: &mut Random,
    ) -> Self {
        let routes = SENDERS.map(|room| Route::new("demo", &[room])).to_vec();
        let mut crowd = Self::new(Ledger::new(routes));
        for (number, (token, carrier)) in DEVICES.into_iter().enumerate() {
            let member = Member::new("demo", token, &format!("d{number}"));
            let habits = Habits { carriers: vec![carrier], late, ..Habits::default() };
            crowd.bring(member, ports, habits, random).await;
        }
        for number in 0..SENDERS.len() {
            crowd.hire(Sender::new(number, ports, pause.clone(), random.fork()));
        }
        crowd
    }

    /// One more device; it is in its site when this returns.
    pub async fn bring(&mut self, member: Member, ports: &[u16], habits: Habits, random: &mut Random) {
        let (tell, joined) = tokio::sync::oneshot::channel();
        self.devices.spawn(self.device(member, ports, habits, random.fork(), Some(tell)).live());
        joined.await.expect("each device joins");
    }

    /// A device of this crowd that does not live yet.
    pub fn device(
        &self,
        member: Member,
        ports: &[u16],
        habits: Habits,
        random: Random,
        joined: Option<tokio::sync::oneshot::Sender<()>>,
    ) -> Device {
        Device {
            number: self.ledger.enrol(member.clone()),
            member,
            ports: ports.to_vec(),
            habits,
            ledger: Arc::clone(&self.ledger),
            mood: Arc::clone(&self.mood),
            random,
            joined,
        }
    }

    /// One more sender.
    pub fn hire(&mut self, sender: Sender) {
        let (ledger, desk, stop) = (Arc::clone(&self.ledger), self.desk.clone(), Arc::clone(&self.stop));
        self.senders.spawn(sender.send(ledger, desk, stop));
    }

    /// What the devices do from now on.
    pub fn set(&self, mood: u8) {
        self.mood.store(mood, Ordering::SeqCst);
    }

    /// No more is sent.
    pub async fn no_more(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        while let Some(done) = self.senders.join_next().await {
            done.unwrap();
        }
    }

    /// No more is sent; every device gets and acks all that it was due.
    pub async fn settle(&mut self, limit: Duration) {
        self.no_more().await;
        self.set(DUTIES);
        self.ledger.complete(limit).await;
        self.ledger.check();
    }
}
