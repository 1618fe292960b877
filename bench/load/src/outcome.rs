//! The line that is printed.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::crowd::Counts;
use crate::latency::Latency;
use crate::meter::{Shares, ThreadCpu, Usage, Verdict, verdict};
use crate::work::{Measured, Share};

/// The result of a run. Fields that a workload does not have are `null`; further ones stand in `besides`.
#[derive(Debug, Default, Serialize)]
pub struct Outcome {
    label: String,
    workload: &'static str,
    clients: u32,
    seconds: Option<f64>,
    posts: u64,
    messages: u64,
    expected: u64,
    delivered: u64,
    acked: u64,
    refused: u64,
    closed: u64,
    busy: u64,
    failed: u64,
    deliveries_per_s: Option<f64>,
    posts_per_s: Option<f64>,
    cpu_user: Option<f64>,
    cpu_sys: Option<f64>,
    cpu_per_million: Option<f64>,
    user_per_million: Option<f64>,
    redis_cpu_per_million: Option<f64>,
    rss_kib: Option<u64>,
    kib_per_connection: Option<f64>,
    slope_kib: Option<f64>,
    projected_100k_mib: Option<f64>,
    idle_cpu_s_per_min: Option<f64>,
    send_p50_ms: Option<f64>,
    send_p99_ms: Option<f64>,
    send_max_ms: Option<f64>,
    delivery_p50_ms: Option<f64>,
    delivery_p99_ms: Option<f64>,
    delivery_max_ms: Option<f64>,
    connect_us_cpu: Option<f64>,
    generator_busy: Option<f64>,
    generator_lag_p99_ms: Option<f64>,
    machine_busy: Option<f64>,
    others_busy: Option<f64>,
    server_busy: Option<f64>,
    bottleneck: Option<Verdict>,
    threads: Vec<ThreadCpu>,
    generator_threads: Vec<ThreadCpu>,
    #[serde(flatten)]
    besides: Map<String, Value>,
}

/// Three digits behind the point are plenty.
pub fn round(number: f64) -> Option<f64> {
    number.is_finite().then(|| (number * 1000.0).round() / 1000.0)
}

/// Memory of `clients` clients, read after it had settled.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// Before the first client.
    pub before_kib: u64,
    /// Now.
    pub now_kib: u64,
    /// How many clients there are.
    pub clients: u32,
}

impl Memory {
    /// Growth per client.
    pub fn per_connection(self) -> f64 {
        (self.now_kib as f64 - self.before_kib as f64) / f64::from(self.clients.max(1))
    }
}

impl Outcome {
    /// A run of that workload.
    pub fn new(label: &str, workload: &'static str, clients: u32) -> Self {
        Self { label: label.to_owned(), workload, clients, ..Self::default() }
    }

    /// Puts in everything that was measured.
    #[must_use]
    pub fn measured(self, measured: &Measured) -> Self {
        self.beside(measured).per_million(&measured.usage, measured.share.counts.delivered)
    }

    /// The same where the server had other work at the time, so that its cost is not that of these deliveries.
    #[must_use]
    pub fn beside(self, measured: &Measured) -> Self {
        self.share(&measured.share, measured.usage.seconds).usage(&measured.usage, &measured.lag)
    }

    /// Puts in counts and latencies.
    #[must_use]
    pub fn share(mut self, share: &Share, seconds: f64) -> Self {
        let (posted, counts) = (&share.posted, &share.counts);
        self.posts = posted.posts;
        self.messages = posted.messages;
        self.expected = posted.expected;
        self.busy = posted.busy;
        self.failed = posted.failed;
        self.delivered = counts.delivered;
        self.acked = counts.acked;
        self.refused = counts.refused;
        self.closed = counts.closed;
        self.seconds = round(seconds);
        self.deliveries_per_s = round(counts.delivered as f64 / seconds);
        self.posts_per_s = round(posted.posts as f64 / seconds);
        self.send_p50_ms = share.send.p50();
        self.send_p99_ms = share.send.p99();
        self.send_max_ms = share.send.max();
        self.delivery_p50_ms = share.times.delivery.p50();
        self.delivery_p99_ms = share.times.delivery.p99();
        self.delivery_max_ms = share.times.delivery.max();
        self
    }

    /// Puts in processor time, and who was the bottleneck.
    #[must_use]
    pub fn usage(mut self, usage: &Usage, lag: &Latency) -> Self {
        let shares = shares(usage, lag);
        self.seconds = round(usage.seconds);
        self.cpu_user = round(usage.user);
        self.cpu_sys = round(usage.sys);
        self.generator_busy = round(shares.generator);
        self.generator_lag_p99_ms = lag.p99();
        self.machine_busy = round(shares.machine);
        self.others_busy = round(usage.others_busy);
        self.server_busy = round(shares.server);
        self.bottleneck = verdict(shares);
        self.threads.clone_from(&usage.threads);
        self.generator_threads.clone_from(&usage.own_threads);
        self
    }

    /// Puts in who was not let in or was closed, where nothing was sent.
    #[must_use]
    pub fn gone(mut self, counts: &Counts) -> Self {
        self.refused = counts.refused;
        self.closed = counts.closed;
        self
    }

    /// Takes out what has no meaning where messages were sent before the measured time.
    #[must_use]
    pub fn without_rates(mut self) -> Self {
        (self.posts_per_s, self.deliveries_per_s) = (None, None);
        (self.delivery_p50_ms, self.delivery_p99_ms, self.delivery_max_ms) = (None, None, None);
        self
    }

    fn per_million(mut self, usage: &Usage, delivered: u64) -> Self {
        if delivered > 0 {
            let millions = delivered as f64 / 1e6;
            self.cpu_per_million = round(usage.cpu() / millions);
            self.user_per_million = round(usage.user / millions);
            self.redis_cpu_per_million = round(usage.second / millions);
        }
        self
    }

    /// Puts in what memory there is for so many clients.
    #[must_use]
    pub fn memory(mut self, memory: Memory) -> Self {
        self.rss_kib = Some(memory.now_kib);
        self.kib_per_connection = round(memory.per_connection());
        self
    }

    /// Puts in the growth through several steps, and where it leads.
    #[must_use]
    pub fn projected(mut self, slope_kib: f64, at_100k_mib: f64) -> Self {
        self.slope_kib = round(slope_kib);
        self.projected_100k_mib = round(at_100k_mib);
        self
    }

    /// Puts in processor seconds per minute of clients that do nothing.
    #[must_use]
    pub fn idle(mut self, cpu_s_per_min: f64) -> Self {
        self.idle_cpu_s_per_min = round(cpu_s_per_min);
        self
    }

    /// Puts in what a connect costs, in microseconds.
    #[must_use]
    pub fn connect(mut self, us: f64) -> Self {
        self.connect_us_cpu = round(us);
        self
    }

    /// Puts in a field of this workload.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.besides.insert(name.to_owned(), value.into());
        self
    }

    /// Puts in median and p99 of `/send` and of delivery, below names that begin with `name`.
    #[must_use]
    pub fn latencies(self, name: &str, share: &Share) -> Self {
        self.with(&format!("{name}_send_p50_ms"), share.send.p50())
            .with(&format!("{name}_send_p99_ms"), share.send.p99())
            .with(&format!("{name}_delivery_p50_ms"), share.times.delivery.p50())
            .with(&format!("{name}_delivery_p99_ms"), share.times.delivery.p99())
    }
}

/// How busy everybody was.
pub fn shares(usage: &Usage, lag: &Latency) -> Shares {
    Shares {
        generator: usage.share(&usage.own_threads),
        server: usage.share(&usage.threads),
        machine: usage.machine_busy,
        lag: lag.p99().unwrap_or(0.0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Memory, Outcome, round};
    use crate::work::Measured;

    #[test]
    fn all_fields_are_there_even_when_empty() {
        let line = serde_json::to_value(Outcome::new("x", "idle", 5).with("steps", json!([]))).unwrap();
        for field in ["cpu_per_million", "bottleneck", "slope_kib", "send_p99_ms", "connect_us_cpu"] {
            assert!(line.get(field).is_some_and(serde_json::Value::is_null), "{field}");
        }
        assert_eq!((&line["label"], &line["clients"], &line["steps"]), (&json!("x"), &json!(5), &json!([])));
    }

    #[test]
    fn what_is_missing_is_seen() {
        let mut measured = Measured::default();
        measured.usage.seconds = 2.0;
        measured.usage.user = 1.0;
        measured.usage.sys = 3.0;
        measured.share.posted.expected = 1_000_000;
        measured.share.counts.delivered = 500_000;
        let line = serde_json::to_value(Outcome::new("", "fan-out", 1).measured(&measured)).unwrap();
        assert_eq!((&line["expected"], &line["delivered"]), (&json!(1_000_000), &json!(500_000)));
        assert_eq!((&line["cpu_per_million"], &line["user_per_million"]), (&json!(8.0), &json!(2.0)));
        assert_eq!(line["deliveries_per_s"], json!(250_000.0));
    }

    #[test]
    fn numbers_are_rounded_and_never_infinite() {
        assert_eq!((round(1.23456), round(f64::NAN)), (Some(1.235), None));
        assert!((Memory { before_kib: 100, now_kib: 400, clients: 100 }.per_connection() - 3.0).abs() < 1e-9);
    }
}
