//! Medians, ranges and ratios, and how numbers are written.

use crate::raw::Record;

/// The median of some values, and how far they were apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) count: usize,
}

impl Spread {
    /// Of at least one value. Of an even number, the median is the mean of the two in the middle.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        let (low, high) = (*values.first()?, *values.last()?);
        let half = values.len() / 2;
        let upper = *values.get(half)?;
        let median = if values.len() % 2 == 1 { upper } else { f64::midpoint(upper, *values.get(half - 1)?) };
        Some(Self { median, low, high, count: values.len() })
    }

    /// The median; with the range where there is one.
    pub(crate) fn written(&self) -> String {
        if self.count < 2 {
            return short(self.median);
        }
        format!("{} [{} to {}]", short(self.median), short(self.low), short(self.high))
    }
}

/// A field of a peer's results in a workload, over the rounds.
pub(crate) fn spread(record: &Record, workload: &str, peer: &str, field: &str) -> Option<Spread> {
    Spread::of(record.of(workload, peer).filter_map(|m| m.number(field)))
}

/// A peer's value divided by another's: the median of the ratios of rounds in which both took part, since rounds are
/// minutes apart and only neighbours were measured on the same machine, so to say.
pub(crate) fn ratio(record: &Record, workload: &str, peer: &str, other: &str, field: &str) -> Option<f64> {
    let ratios = record.of(workload, peer).filter_map(|mine| {
        let theirs = record.of(workload, other).find(|m| m.round == mine.round)?;
        let below = theirs.number(field).filter(|v| *v > 0.0)?;
        Some(mine.number(field)? / below)
    });
    Spread::of(ratios).map(|spread| spread.median)
}

/// Three significant digits, no more; thousands are set apart.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        v if v >= 99.95 => whole(value),
        v if v >= 9.995 => format!("{value:.1}"),
        v if v >= 0.095 || v == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// A whole number.
pub(crate) fn whole(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < 0.0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn medians() {
        assert_eq!(Spread::of([]), None);
        assert_eq!(Spread::of([3.0, 1.0, 100.0]).map(|s| s.median), Some(3.0));
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 100.0]).map(|s| s.median), Some(3.0));
        assert_eq!(Spread::of([2.0]), Some(Spread { median: 2.0, low: 2.0, high: 2.0, count: 1 }));
        assert_eq!(Spread::of([f64::NAN, 5.0]).map(|s| s.count), Some(1));
    }

    #[test]
    fn a_ratio_is_taken_round_by_round() {
        // Rounds of 4/10, 8/10 and 9/30: the median ratio is 0.4, the ratio of the medians would be 0.8.
        let record = sample::record();
        assert_eq!(ratio(&record, "fan-out-paced", "postroom", "node", "cpu_per_million"), Some(0.4));
        // Of Bun there is round 1 only.
        assert_eq!(ratio(&record, "fan-out-paced", "bun", "node", "cpu_per_million"), Some(0.5));
        assert_eq!(ratio(&record, "fan-out-paced", "nobody", "node", "cpu_per_million"), None);
        assert_eq!(ratio(&record, "fan-out-paced", "bun", "nobody", "cpu_per_million"), None);
    }

    #[test]
    fn numbers_are_short() {
        let written = [0.0, 0.0123, 0.283, 7.206, 11.62, 99.96, 20712.4, 1_234_567.0, -1234.0].map(short);
        assert_eq!(
            written,
            ["0.00", "0.012", "0.28", "7.21", "11.6", "100", "20,712", "1,234,567", "-1,234"]
        );
    }

    #[test]
    fn a_range_is_stated_where_there_is_one() {
        assert_eq!(Spread::of([4.0, 8.0, 9.0]).unwrap().written(), "8.00 [4.00 to 9.00]");
        assert_eq!(Spread::of([4.0]).unwrap().written(), "4.00");
    }
}
