//! A histogram of times.

use hdrhistogram::Histogram;

/// Ten minutes: what takes longer counts as that.
const LONGEST_US: u64 = 600_000_000;

/// Times in microseconds, kept with three significant digits and read as milliseconds.
#[derive(Debug, Clone)]
pub struct Latency(Histogram<u64>);

impl Default for Latency {
    fn default() -> Self {
        #[expect(clippy::expect_used, reason = "fails for impossible bounds only, and these are constants")]
        Self(Histogram::new_with_bounds(1, LONGEST_US, 3).expect("valid bounds"))
    }
}

impl Latency {
    /// Adds a time in microseconds.
    pub fn add(&mut self, us: u64) {
        self.0.saturating_record(us.max(1));
    }

    /// Adds all times of another one.
    pub fn merge(&mut self, other: &Self) {
        // Fails only where the other one's bounds are wider; they are all the same.
        let _ = self.0.add(&other.0);
    }

    /// Gives away what was gathered so far, and begins anew.
    #[must_use]
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// Milliseconds below which this share of all times lies.
    pub fn at(&self, share: f64) -> Option<f64> {
        (!self.0.is_empty()).then(|| millis(self.0.value_at_quantile(share)))
    }

    /// The median.
    pub fn p50(&self) -> Option<f64> {
        self.at(0.5)
    }

    /// What 99 of 100 stay below.
    pub fn p99(&self) -> Option<f64> {
        self.at(0.99)
    }

    /// The longest.
    pub fn max(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| millis(self.0.max()))
    }
}

fn millis(us: u64) -> f64 {
    us as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::Latency;

    #[test]
    fn quantiles_are_of_three_digits() {
        let mut latency = Latency::default();
        (1..=1000).for_each(|n| latency.add(n * 1000));
        let near = |value: Option<f64>, wanted: f64| (value.unwrap() / wanted - 1.0).abs() < 0.002;
        assert!(near(latency.p50(), 500.0), "{:?}", latency.p50());
        assert!(near(latency.p99(), 990.0), "{:?}", latency.p99());
        assert!(near(latency.max(), 1000.0), "{:?}", latency.max());
    }

    #[test]
    fn nothing_has_no_median_and_much_too_long_is_the_longest() {
        let mut latency = Latency::default();
        assert_eq!(latency.p50(), None);
        latency.add(u64::MAX);
        assert!(latency.max().unwrap() >= 600_000.0);
    }

    #[test]
    fn taking_begins_anew_and_merging_adds_up() {
        let mut latency = Latency::default();
        latency.add(10);
        let mut taken = latency.take();
        assert_eq!(latency.max(), None);
        latency.add(30);
        taken.merge(&latency);
        assert_eq!((taken.at(0.0), taken.max()), (Some(0.01), Some(0.03)));
    }
}
