//! The plan of a run: what breaks, when, and for how long. A pure function of the seed; how far the gateway is when it
//! happens is not in it, so that a run is repeated in what happens to it and not to the millisecond.

use std::fmt::{self, Display};
use std::time::Duration;

use crate::support::random::Random;

/// How long a round of trouble takes, before all must be well again.
const ROUND: Duration = Duration::from_secs(3);
/// No trouble begins behind this.
const ENDS: Duration = Duration::from_millis(2_800);

/// What a run is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Gateways; on the embedded store there is one.
    pub nodes: usize,
    /// On Redis; else on the embedded store.
    pub redis: bool,
    pub rounds: usize,
}

impl Shape {
    /// A run that takes about so long, with all that is done at its end.
    pub fn lasting(nodes: usize, redis: bool, seconds: u64) -> Self {
        // A round with the lull behind it, and every second time the calm before a kill.
        Self { nodes, redis, rounds: (seconds / 6).max(1) as usize }
    }
}

/// What may befall a line of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// All connections end; what was under way is gone.
    Cut,
    /// Every second one.
    CutHalf(bool),
    /// All end, and what was under way arrives later.
    CutLate(Duration),
    /// Nothing moves, and then goes on.
    Stall(Duration),
    /// Nothing moves, and then all is cut, and what was under way arrives later.
    StallAndCut(Duration),
    /// Each piece is held up for the first time, for the length of the second.
    Delay(Duration, Duration),
    /// So many bytes a second and connection, for so long.
    Throttle(usize, Duration),
    /// All connections end, and none can be made for so long.
    Refuse(Duration),
}

/// What may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Between clients or backends and this node.
    Road(usize, Trouble),
    /// Between this node and Redis.
    Wire(usize, Trouble),
    /// The node is killed in the middle of a rush, and started again later.
    Kill(usize, Duration),
    /// SIGTERM, and started again later.
    Stop(usize, Duration),
    /// The disk of the node cannot be written for so long.
    FullDisk(usize, Duration),
    /// Redis is killed, and started again later.
    Redis(Duration),
}

/// A fault, and when it begins within its round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    pub at: Duration,
    pub fault: Fault,
}

/// Some time in which things break, and then everything must be well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    pub lasts: Duration,
    /// By time.
    pub events: Vec<Event>,
    /// No node dies in it, so that what each has counted can be compared with the ledger.
    pub mild: bool,
    /// Behind it things go on without trouble for as long as an ack may take to be durable, then this node is killed.
    pub calm_kill: Option<usize>,
}

/// All rounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub seed: u64,
    pub shape: Shape,
    pub rounds: Vec<Round>,
}

/// The plan of this seed.
pub fn plan(seed: u64, shape: Shape) -> Plan {
    let mut random = Random::begin(seed);
    let mut deck = Deck { roads: Vec::new(), houses: Vec::new() };
    let mut rounds: Vec<Round> =
        (0..shape.rounds).map(|number| deck.round(number, shape, &mut random)).collect();
    if !shape.redis {
        rounds.push(deck.mild_round(shape, &mut random));
    }
    Plan { seed, shape, rounds }
}

/// Faults of each kind are dealt out like cards, so that a short run has all of them, too.
struct Deck {
    roads: Vec<u8>,
    houses: Vec<u8>,
}

impl Deck {
    fn round(&mut self, number: usize, shape: Shape, random: &mut Random) -> Round {
        let mut events = Vec::new();
        lane(random, 300, &mut events, |random| self.trouble(Fault::Road, shape, random));
        if shape.redis {
            lane(random, 700, &mut events, |random| self.trouble(Fault::Wire, shape, random));
            if number.is_multiple_of(2) {
                let at = Duration::from_millis(200 + random.below(300) as u64);
                events.push(Event { at, fault: Fault::Redis(millis(random, 0, 2_500)) });
            }
        }
        lane(random, 500, &mut events, |random| self.house(shape, random));
        events.sort_by_key(|event| event.at);
        let calm_kill = number.is_multiple_of(2).then(|| random.below(shape.nodes));
        Round { lasts: ROUND, events, mild: false, calm_kill }
    }

    /// The last one on the embedded store.
    fn mild_round(&mut self, shape: Shape, random: &mut Random) -> Round {
        let mut events = Vec::new();
        lane(random, 300, &mut events, |random| self.trouble(Fault::Road, shape, random));
        let at = millis(random, 500, 1_500);
        events.push(Event { at, fault: Fault::FullDisk(0, millis(random, 200, 600)) });
        events.sort_by_key(|event| event.at);
        Round { lasts: ROUND, events, mild: true, calm_kill: None }
    }

    fn trouble(
        &mut self,
        line: impl Fn(usize, Trouble) -> Fault,
        shape: Shape,
        random: &mut Random,
    ) -> Fault {
        let trouble = match card(&mut self.roads, 8, random) {
            0 => Trouble::Cut,
            1 => Trouble::CutHalf(random.one_in(2)),
            2 => Trouble::CutLate(millis(random, 20, 200)),
            3 => Trouble::Stall(millis(random, 200, 900)),
            4 => Trouble::StallAndCut(millis(random, 50, 300)),
            5 => Trouble::Delay(millis(random, 5, 60), millis(random, 200, 900)),
            6 => Trouble::Throttle(20_000 + random.below(100_000), millis(random, 200, 900)),
            _ => Trouble::Refuse(millis(random, 50, 500)),
        };
        line(random.below(shape.nodes), trouble)
    }

    fn house(&mut self, shape: Shape, random: &mut Random) -> Fault {
        let node = random.below(shape.nodes);
        match card(&mut self.houses, if shape.redis { 2 } else { 3 }, random) {
            0 => Fault::Kill(node, millis(random, 0, 400)),
            1 => Fault::Stop(node, millis(random, 0, 300)),
            _ => Fault::FullDisk(node, millis(random, 200, 600)),
        }
    }
}

/// A card of `kinds`; none comes again before all have come.
fn card(deck: &mut Vec<u8>, kinds: u8, random: &mut Random) -> u8 {
    if deck.is_empty() {
        deck.extend(0..kinds);
    }
    let at = random.below(deck.len());
    deck.swap_remove(at)
}

/// Faults one behind the other, with pauses of about so many milliseconds, for a round.
fn lane(
    random: &mut Random,
    pause: usize,
    events: &mut Vec<Event>,
    mut next: impl FnMut(&mut Random) -> Fault,
) {
    let mut at = Duration::from_millis(random.below(pause) as u64);
    while at < ENDS {
        let fault = next(random);
        events.push(Event { at, fault });
        at += fault.lasts() + Duration::from_millis((pause / 2 + random.below(pause)) as u64);
    }
}

fn millis(random: &mut Random, from: u64, to: u64) -> Duration {
    Duration::from_millis(from + random.below((to - from) as usize) as u64)
}

impl Trouble {
    fn lasts(self) -> Duration {
        match self {
            Self::Cut | Self::CutHalf(_) | Self::CutLate(_) => Duration::ZERO,
            Self::Stall(lasts)
            | Self::StallAndCut(lasts)
            | Self::Delay(_, lasts)
            | Self::Throttle(_, lasts)
            | Self::Refuse(lasts) => lasts,
        }
    }
}

impl Fault {
    /// How long it goes on.
    pub fn lasts(self) -> Duration {
        match self {
            Self::Road(_, trouble) | Self::Wire(_, trouble) => trouble.lasts(),
            Self::Kill(_, lasts) | Self::Stop(_, lasts) | Self::FullDisk(_, lasts) | Self::Redis(lasts) => {
                lasts
            }
        }
    }
}

impl Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shape { nodes, redis, rounds } = self.shape;
        let store = if redis { "Redis" } else { "the embedded store" };
        writeln!(f, "POSTROOM_SEED={}: {nodes} nodes on {store}, {rounds} rounds", self.seed)?;
        for (number, round) in self.rounds.iter().enumerate() {
            for Event { at, fault } in &round.events {
                writeln!(f, "  round {number} {:6.3} {fault:?}", at.as_secs_f64())?;
            }
            writeln!(f, "  round {number} {:6.3} all must be well", round.lasts.as_secs_f64())?;
            if let Some(node) = round.calm_kill {
                writeln!(f, "  round {number}        calm, then kill of {node}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_plan_and_another_seed_another() {
        let shape = Shape::lasting(3, true, 30);
        assert_eq!(plan(7, shape), plan(7, shape));
        assert_ne!(plan(7, shape).rounds, plan(8, shape).rounds);
        assert!(plan(7, shape).to_string().starts_with("POSTROOM_SEED=7: 3 nodes on Redis"));
    }

    #[test]
    fn even_a_short_plan_has_faults_of_all_kinds_and_long_ones_go_on() {
        for seed in 0..200 {
            let kinds = |shape: Shape| {
                let plan = plan(seed, shape);
                let names =
                    plan.rounds.iter().flat_map(|round| &round.events).map(|event| match event.fault {
                        Fault::Road(_, trouble) => format!("{trouble:?}"),
                        other => format!("{other:?}"),
                    });
                let word = |name: String| name.split('(').next().unwrap_or_default().to_owned();
                names.map(word).collect::<std::collections::BTreeSet<_>>()
            };
            let embedded = kinds(Shape::lasting(1, false, 12));
            for kind in ["Kill", "Stop", "FullDisk", "Cut", "Stall", "Delay", "Throttle", "Refuse"] {
                assert!(embedded.contains(kind), "seed {seed} has no {kind}: {embedded:?}");
            }
            let redis = kinds(Shape::lasting(2, true, 12));
            assert!(["Kill", "Wire", "Redis"].iter().all(|kind| redis.contains(*kind)), "{redis:?}");
        }
    }
}
