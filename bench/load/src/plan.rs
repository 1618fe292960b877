//! The command line. The README explains it.

use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::post::{Pace, Publish, Target};
use crate::wire::Carrier;

/// Opens clients, sends messages, and reads what it cost the server. One JSON line goes to stdout.
#[derive(Debug, Parser)]
#[command(name = "postroom-load")]
pub struct Plan {
    /// What to do.
    #[command(subcommand)]
    pub work: Work,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Work {
    /// Messages for everybody.
    FanOut(Steady),
    /// Each message for one client, in turn.
    Unicast(Steady),
    /// Many POSTs at once, again and again.
    Bursts(Bursts),
    /// Finds the full speed, then sends at half of it.
    HalfLoad(HalfLoad),
    /// Opens more and more clients that do nothing.
    Idle(Idle),
    /// All leave, and come back at once.
    Storm(Storm),
    /// Fast clients beside some that do not read.
    SlowReader(SlowReader),
    /// A quiet site, alone and beside a noisy one.
    Noisy(Noisy),
}

/// What every workload needs to know.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Where clients connect, on 127.0.0.1.
    #[arg(long)]
    pub port: u16,
    /// Where messages are posted, if elsewhere.
    #[arg(long)]
    pub publish_port: Option<u16>,
    /// The server's processes.
    #[arg(long, value_delimiter = ',')]
    pub pid: Vec<u32>,
    /// Processes that work for the server, such as Redis.
    #[arg(long, value_delimiter = ',')]
    pub pid2: Vec<u32>,
    /// Where to answer as the sites' own server.
    #[arg(long)]
    pub auth_port: Option<u16>,
    /// The site.
    #[arg(long, default_value = "plain")]
    pub site: String,
    /// Its key.
    #[arg(long, default_value = "bench-key-bench-key")]
    pub key: String,
    /// How many clients.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub clients: u32,
    /// Clients acknowledge.
    #[arg(long)]
    pub ack: bool,
    /// How messages are carried.
    #[arg(long, value_enum, default_value = "socketio")]
    pub carrier: Carrier,
    /// Where Socket.IO is.
    #[arg(long, default_value = "/socket.io/")]
    pub path: String,
    /// Where client {n} subscribes by a raw WebSocket.
    #[arg(long, default_value = "/sub/all/user_{n}")]
    pub subscribe: String,
    /// Whose interface is spoken to send.
    #[arg(long, value_enum, default_value = "send")]
    pub publish: Publish,
    /// Where to send, if not where it usually is.
    #[arg(long)]
    pub publish_path: Option<String>,
    /// Messages in a batch.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub items: u32,
    /// Letters in a message, besides its time.
    #[arg(long, default_value_t = 24)]
    pub pad: usize,
    /// Seconds before measuring.
    #[arg(long, default_value = "1", value_parser = span)]
    pub warm: Duration,
    /// Seconds of measuring.
    #[arg(long, default_value = "5", value_parser = span)]
    pub seconds: Duration,
    /// Seconds at most for what is still on its way after that.
    #[arg(long, default_value = "30", value_parser = span)]
    pub drain: Duration,
    /// Handshakes under way at once.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    pub opening: u32,
    /// Threads that the clients share.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: u16,
    /// Given back in the result.
    #[arg(long, default_value = "")]
    pub label: String,
}

impl Common {
    /// Where messages are posted.
    pub fn publish_port(&self) -> u16 {
        self.publish_port.unwrap_or(self.port)
    }
}

/// `fan-out` and `unicast`.
#[derive(Debug, Args)]
pub struct Steady {
    #[command(flatten)]
    pub common: Common,
    /// POSTs per second, whether or not those before were answered.
    #[arg(long, value_parser = positive)]
    pub rate: Option<f64>,
    /// POSTs under way at all times; with --rate, connections (16 unless given).
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub concurrency: Option<u32>,
}

impl Steady {
    /// The pace that was asked for.
    pub fn pace(&self) -> Pace {
        let lanes = self.concurrency.map(|lanes| lanes as usize);
        match self.rate {
            Some(rate) => Pace::rate(rate, lanes.unwrap_or(16)),
            None => Pace::Full { lanes: lanes.unwrap_or(1) },
        }
    }
}

/// `bursts`.
#[derive(Debug, Args)]
pub struct Bursts {
    #[command(flatten)]
    pub common: Common,
    /// Whom messages are for.
    #[arg(long, value_enum, default_value = "user")]
    pub target: Target,
    /// POSTs at once.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub burst: u32,
    /// Seconds from one burst to the next.
    #[arg(long, default_value = "1", value_parser = span)]
    pub every: Duration,
    /// Connections.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    pub concurrency: u32,
}

/// `half-load`.
#[derive(Debug, Args)]
pub struct HalfLoad {
    #[command(flatten)]
    pub common: Common,
    /// Whom messages are for.
    #[arg(long, value_enum, default_value = "user")]
    pub target: Target,
    /// POSTs under way to find the full speed; connections after that.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    pub concurrency: u32,
}

/// `idle`.
#[derive(Debug, Args)]
pub struct Idle {
    #[command(flatten)]
    pub common: Common,
    /// How many clients there are at each step.
    #[arg(long, value_delimiter = ',', default_value = "5000,10000,15000")]
    pub steps: Vec<u32>,
    /// The step at which processor time is measured.
    #[arg(long, default_value_t = 10_000)]
    pub at: u32,
    /// Seconds before memory is read.
    #[arg(long, default_value = "3", value_parser = span)]
    pub settle: Duration,
    /// Seconds of heartbeats; a multiple of the server's ping interval.
    #[arg(long, default_value = "25", value_parser = span)]
    pub hold: Duration,
}

/// `storm`.
#[derive(Debug, Args)]
pub struct Storm {
    #[command(flatten)]
    pub common: Common,
    /// Messages that wait for each.
    #[arg(long, default_value_t = 10)]
    pub queue: u32,
    /// By messages for everybody, or one by one.
    #[arg(long, value_enum, default_value = "all")]
    pub fill: Target,
    /// Seconds within which all come back.
    #[arg(long, default_value = "5", value_parser = span)]
    pub within: Duration,
}

/// `slow-reader`.
#[derive(Debug, Args)]
pub struct SlowReader {
    #[command(flatten)]
    pub common: Common,
    /// How many do not read.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub slow: u32,
    /// Messages per second for everybody.
    #[arg(long, default_value = "20", value_parser = positive)]
    pub rate: f64,
    /// Messages per second for the slow ones.
    #[arg(long, default_value = "20", value_parser = positive)]
    pub stuffing: f64,
    /// Letters in each of these.
    #[arg(long, default_value_t = 65_536)]
    pub stuffing_pad: usize,
    /// Seconds at most to see the slow ones closed.
    #[arg(long, default_value = "60", value_parser = span)]
    pub patience: Duration,
}

/// `noisy`.
#[derive(Debug, Args)]
#[expect(clippy::struct_field_names, reason = "they are named as their options are")]
pub struct Noisy {
    #[command(flatten)]
    pub common: Common,
    /// Messages per second of the quiet site.
    #[arg(long, default_value = "20", value_parser = positive)]
    pub rate: f64,
    /// Whom they are for.
    #[arg(long, value_enum, default_value = "user")]
    pub target: Target,
    /// How many times alone and beside.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    pub slices: u32,
    /// The noisy site; its key is the same.
    #[arg(long, default_value = "noisy")]
    pub noisy_site: String,
    /// Its clients.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub noisy_clients: u32,
    /// Whom its messages are for.
    #[arg(long, value_enum, default_value = "all")]
    pub noisy_target: Target,
    /// Its POSTs under way at all times.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    pub noisy_concurrency: u32,
    /// Its POSTs per second, in place of full speed.
    #[arg(long, value_parser = positive)]
    pub noisy_rate: Option<f64>,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        _ => Err("a number above 0".to_owned()),
    }
}

fn span(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map_err(|_| "a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::{CommandFactory as _, Parser as _};

    use super::{Pace, Plan, Work};

    fn steady(options: &str) -> super::Steady {
        let words = format!("postroom-load fan-out --port 1 {options}");
        match Plan::try_parse_from(words.split_whitespace()).unwrap().work {
            Work::FanOut(steady) => steady,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        Plan::command().debug_assert();
        assert!(Plan::try_parse_from(["postroom-load", "fan-out"]).is_err(), "the port is needed");
        assert!(Plan::try_parse_from(["postroom-load", "idle", "--port", "1", "--hold", "-1"]).is_err());
    }

    #[test]
    fn a_rate_wins_over_full_speed() {
        assert_eq!(steady("").pace(), Pace::Full { lanes: 1 });
        assert_eq!(steady("--concurrency 16").pace(), Pace::Full { lanes: 16 });
        let every = Duration::from_millis(100);
        assert_eq!(steady("--rate 10").pace(), Pace::Paced { size: 1, every, lanes: 16 });
    }

    #[test]
    fn lists_and_ports() {
        let common = steady("--pid 5,6 --seconds 0.5").common;
        assert_eq!((common.pid.clone(), common.publish_port()), (vec![5, 6], 1));
        assert_eq!(common.seconds, Duration::from_millis(500));
    }
}
