//! Who was at the end of its strength. The rule is written in the README.

use serde::Serialize;

/// A thread that is busier than this has nothing left.
const FULL_THREAD: f64 = 0.85;
/// Cores that are busier than this, taken together, have nothing left.
const FULL_MACHINE: f64 = 0.95;
/// Timers that are later than this, in milliseconds, although there was room, are held up by the generator itself. A
/// fan-out to thousands holds them up for a few dozen: that is the time it takes to read it.
const LATE: f64 = 100.0;

/// How busy everybody was.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shares {
    /// The generator's busiest thread, as a share of a core.
    pub generator: f64,
    /// The server's.
    pub server: f64,
    /// All cores together.
    pub machine: f64,
    /// How late the generator's timers fired, in milliseconds.
    pub lag: f64,
}

/// Who was the bottleneck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The measuring side: rates and latencies say nothing about the server.
    Generator,
    /// Both together, since they share the cores.
    Machine,
    /// The server.
    Server,
}

/// Nobody, when the work was paced or waited for something else.
pub fn verdict(shares: Shares) -> Option<Verdict> {
    if shares.generator > FULL_THREAD {
        Some(Verdict::Generator)
    } else if shares.machine > FULL_MACHINE {
        Some(Verdict::Machine)
    } else if shares.lag > LATE {
        Some(Verdict::Generator)
    } else if shares.server > FULL_THREAD {
        Some(Verdict::Server)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{Shares, Verdict, verdict};

    #[test]
    fn the_rule_in_its_order() {
        let calm = Shares { generator: 0.5, server: 0.5, machine: 0.5, lag: 1.0 };
        assert_eq!(verdict(calm), None);
        assert_eq!(verdict(Shares { server: 0.9, ..calm }), Some(Verdict::Server));
        assert_eq!(verdict(Shares { server: 0.9, lag: 130.0, ..calm }), Some(Verdict::Generator));
        assert_eq!(verdict(Shares { machine: 0.97, lag: 130.0, ..calm }), Some(Verdict::Machine));
        assert_eq!(verdict(Shares { machine: 0.97, generator: 0.9, ..calm }), Some(Verdict::Generator));
    }
}
