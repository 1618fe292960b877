//! A device that acks when it likes, goes when it likes, and comes back.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use super::ledger::{FORGETTABLE, Ledger, Name};
use super::line::{Carrier, Line};
use crate::support::packet::Packet;
use crate::support::random::Random;

/// What the devices do.
pub const WHIMS: u8 = 0;
/// They stay and ack everything.
pub const DUTIES: u8 = 1;

/// One device.
pub struct Device {
    pub number: usize,
    /// Of the gateways; each session is with any one of them.
    pub ports: Vec<u16>,
    /// So long an ack may be on its way behind a session that ended properly.
    pub late: Duration,
    pub carrier: Carrier,
    pub token: String,
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
enum End {
    Broken,
    Left,
}

impl Device {
    fn is(&self, mood: u8) -> bool {
        self.mood.load(Ordering::SeqCst) == mood
    }

    /// Lives as long as it is let.
    pub async fn live(mut self) {
        loop {
            let name = format!("d{}", self.number);
            let port = self.ports[self.random.below(self.ports.len())];
            match Line::open(port, self.carrier, &self.token, &name).await {
                Some(line) => {
                    let doubtful = match self.session(line).await {
                        End::Broken => self.late.max(FORGETTABLE),
                        End::Left => self.late,
                    };
                    self.ledger.doubt(Some(self.number), Instant::now(), doubtful);
                }
                // The gateway is dead for the moment.
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
            if self.is(WHIMS) && self.random.one_in(2) {
                let away = self.random.below(500) as u64;
                tokio::time::sleep(Duration::from_millis(away)).await;
            }
        }
    }

    async fn session(&mut self, mut line: Line) -> End {
        let (mut here, mut held) = (HashSet::new(), Vec::new());
        loop {
            let Some(packets) = line.next().await else { return End::Broken };
            for packet in packets {
                if packet == "2" && !line.say("3").await {
                    return End::Broken;
                }
                if packet.starts_with("44") {
                    // The site could not be asked, or the store not written.
                    return End::Left;
                }
                self.heard(&packet, &mut here, &mut held);
            }
            if !self.answer(&mut line, &mut held).await {
                return End::Broken;
            }
            if self.is(WHIMS) && self.random.one_in(60) {
                return if self.random.one_in(2) || !line.close().await { End::Broken } else { End::Left };
            }
        }
    }

    fn heard(&mut self, packet: &str, here: &mut HashSet<Name>, held: &mut Vec<Held>) {
        let Some(packet) = packet.strip_prefix('4').map(Packet::parse) else { return };
        if packet.kind != '2' {
            return;
        }
        let events = match packet.name() {
            "_settings" => {
                if let Some(joined) = self.joined.take() {
                    let _ = joined.send(());
                }
                return;
            }
            "_batch" => packet.batch(),
            "numbered" => vec![packet.json.clone()],
            _ => return self.ledger.complain(format!("device {} got {}", self.number, packet.raw)),
        };
        let names: Vec<Name> = events
            .iter()
            .map(|event| (event[1].as_u64().unwrap() as usize, event[2].as_u64().unwrap()))
            .collect();
        for name in &names {
            self.ledger.delivered(self.number, *name, here);
        }
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
            let sure = line.say(&format!("43/demo,{}[]", one.id)).await;
            self.ledger.acked(self.number, &one.names, sure);
            if !sure {
                return false;
            }
        }
        *held = left;
        true
    }
}
