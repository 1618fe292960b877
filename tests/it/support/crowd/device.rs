//! A device that acks when it likes, goes when it likes, and comes back, carried as it likes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use super::ledger::{Cause, FORGETTABLE, Here, Ledger, Member, Name, UNDER_WAY};
use super::line::{Carrier, Line};
use crate::support::packet::Packet;
use crate::support::random::Random;

/// What the devices do.
pub const WHIMS: u8 = 0;
/// They stay and ack everything.
pub const DUTIES: u8 = 1;
/// They leave properly, and do not come back.
pub const HOME: u8 = 2;

/// What a device is like.
#[derive(Debug, Clone)]
pub struct Habits {
    /// Each session has one of these.
    pub carriers: Vec<Carrier>,
    /// So long an ack may be on its way behind a session that ended properly.
    pub late: Duration,
    /// And behind one that broke.
    pub lost: Duration,
    /// It stays away for less than this between two sessions.
    pub away: Duration,
    /// It never comes back after so many sessions.
    pub sessions: Option<usize>,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            carriers: vec![Carrier::Socket(4)],
            late: UNDER_WAY,
            lost: FORGETTABLE,
            away: Duration::from_millis(500),
            sessions: None,
        }
    }
}

/// One device.
pub struct Device {
    /// Its number in the ledger.
    pub number: usize,
    pub member: Member,
    /// Of the gateways; each session is with any one of them.
    pub ports: Vec<u16>,
    pub habits: Habits,
    pub ledger: Arc<Ledger>,
    pub mood: Arc<AtomicU8>,
    pub random: Random,
    /// Told when it is in the site for the first time.
    pub joined: Option<tokio::sync::oneshot::Sender<()>>,
}

/// What waits for its ack.
struct Held {
    id: u64,
    names: Vec<Name>,
    /// Not acked in this session: what comes later is acked around it.
    stubborn: bool,
}

/// How a session ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Broken,
    Left,
}

impl Device {
    fn is(&self, mood: u8) -> bool {
        self.mood.load(Ordering::SeqCst) == mood
    }

    fn note(&self, text: String) {
        self.ledger.note(Some(self.number), &[], text);
    }

    /// Lives as long as it is let.
    pub async fn live(mut self) {
        let mut sessions = 0;
        while !self.is(HOME) && self.habits.sessions.is_none_or(|all| sessions < all) {
            sessions += usize::from(self.come().await);
            if self.is(WHIMS) && self.random.one_in(2) {
                let away = self.random.below(self.habits.away.as_millis() as usize) as u64;
                tokio::time::sleep(Duration::from_millis(away)).await;
            }
        }
        self.ledger.gone(self.number);
    }

    /// One session, from beginning to end; whether it came to one.
    async fn come(&mut self) -> bool {
        let port = self.ports[self.random.below(self.ports.len())];
        let carrier = self.habits.carriers[self.random.below(self.habits.carriers.len())];
        let Member { site, token, id, .. } = self.member.clone();
        let Some(line) = Line::open(port, carrier, &site, &token, &id).await else {
            // The gateway is dead for the moment.
            tokio::time::sleep(Duration::from_millis(20)).await;
            return false;
        };
        self.note(format!("comes by {carrier:?}"));
        let mut here = Here::default();
        let end = self.session(line, carrier == Carrier::Climbing, &mut here).await;
        let (before, cause) = match end {
            End::Broken => (self.habits.late.max(self.habits.lost), Cause::LineBroke),
            End::Left => (self.habits.late, Cause::JustLeft),
        };
        self.note(if end == End::Left { "has left".to_owned() } else { "its line broke".to_owned() });
        self.ledger.doubt(Some(self.number), Instant::now(), before, cause);
        self.ledger.left(self.number, &here);
        here.joined
    }

    async fn session(&mut self, mut line: Line, mut climbs: bool, here: &mut Here) -> End {
        let mut held = Vec::new();
        loop {
            let packets = if climbs && here.joined && self.random.one_in(3) {
                climbs = false;
                self.note("changes over to a WebSocket".to_owned());
                line.climb().await
            } else {
                line.next().await
            };
            let Some(packets) = packets else { return End::Broken };
            for packet in packets {
                if packet == "2" && !line.say("3").await {
                    return End::Broken;
                }
                if packet.starts_with("44") {
                    // The site could not be asked, or the store not written.
                    return End::Left;
                }
                self.heard(&packet, here, &mut held);
            }
            if !self.answer(&mut line, &mut held).await {
                return End::Broken;
            }
            let leaves = self.is(WHIMS) && self.random.one_in(60);
            if self.is(HOME) || leaves {
                let drops = leaves && self.random.one_in(2) && self.habits.sessions.is_none();
                return if drops || !line.close().await { End::Broken } else { End::Left };
            }
        }
    }

    fn heard(&mut self, packet: &str, here: &mut Here, held: &mut Vec<Held>) {
        let Some(packet) = packet.strip_prefix('4').map(Packet::parse) else { return };
        if packet.kind != '2' {
            return;
        }
        let events = match packet.name() {
            "_settings" => {
                here.joined = true;
                self.ledger.joined(self.number);
                if let Some(joined) = self.joined.take() {
                    let _ = joined.send(());
                }
                return;
            }
            "_resync" => return self.ledger.resynced(self.number),
            "_batch" => packet.batch(),
            "numbered" => vec![packet.json.clone()],
            _ => {
                let text = format!("got {}", packet.raw);
                return self.ledger.complain(Some(self.number), None, text);
            }
        };
        let names: Vec<Name> = events
            .iter()
            .map(|event| (event[1].as_u64().unwrap() as usize, event[2].as_u64().unwrap()))
            .collect();
        self.ledger.delivered(self.number, &names, here);
        let stubborn = self.random.one_in(8);
        held.push(Held { id: packet.ack.expect("an ack is wanted"), names, stubborn });
    }

    /// Acks some of what waits, in any order; false when the connection broke.
    async fn answer(&mut self, line: &mut Line, held: &mut Vec<Held>) -> bool {
        let dutiful = !self.is(WHIMS);
        let mut left = Vec::new();
        while !held.is_empty() {
            let one = held.swap_remove(self.random.below(held.len()));
            if !dutiful && (one.stubborn || self.random.one_in(3)) {
                left.push(one);
                continue;
            }
            let sure = line.say(&format!("43/{},{}[]", self.member.site, one.id)).await;
            self.ledger.acked(self.number, &one.names, sure);
            if !sure {
                return false;
            }
        }
        *held = left;
        true
    }
}
