//! What the design aims at: a figure, or its ratio to Node in the same run.

/// One aim. It is reached when either of the two is.
pub(crate) struct Aim {
    pub(crate) workload: &'static str,
    pub(crate) field: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) most: f64,
    pub(crate) most_to_node: f64,
}

const CPU: &str = "cpu_per_million";
const PER_MILLION: &str = "CPU s per million";

/// All of them, in the order of the report.
pub(crate) const AIMS: [Aim; 10] = [
    aim("fan-out-paced", CPU, PER_MILLION, 7.0, 0.5),
    aim("fan-out-serial", CPU, PER_MILLION, 4.5, 0.4),
    aim("burst", CPU, PER_MILLION, 0.35, 0.03),
    aim("acked-paced", CPU, PER_MILLION, 12.0, 0.4),
    aim("acked-full", CPU, PER_MILLION, 6.0, 0.3),
    aim("unicast-1", CPU, PER_MILLION, 120.0, 1.0),
    aim("unicast-16", CPU, PER_MILLION, 36.0, 0.45),
    aim("unicast-64", CPU, PER_MILLION, 26.0, 0.3),
    aim("idle", "kib_per_connection", "KiB per connection", 4.0, 0.25),
    aim("idle", "idle_cpu_s_per_min", "CPU s a minute", 0.3, 0.2),
];

/// How much a noisy site may move the p99 of a quiet one.
pub(crate) const NOISE: f64 = 1.1;

const fn aim(
    workload: &'static str,
    field: &'static str,
    unit: &'static str,
    most: f64,
    most_to_node: f64,
) -> Aim {
    Aim { workload, field, unit, most, most_to_node }
}

impl Aim {
    /// What is to be said of a figure and its ratio to Node.
    pub(crate) fn verdict(&self, figure: f64, to_node: Option<f64>) -> &'static str {
        match (figure <= self.most, to_node.is_some_and(|ratio| ratio <= self.most_to_node)) {
            (true, true) => "reached",
            (true, false) => "reached (absolute)",
            (false, true) => "reached (ratio)",
            (false, false) => "not reached",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_of_the_two_is_enough() {
        let aim = &AIMS[0];
        assert_eq!(aim.verdict(7.0, Some(0.5)), "reached");
        assert_eq!(aim.verdict(8.0, Some(0.4)), "reached (ratio)");
        assert_eq!(aim.verdict(6.0, None), "reached (absolute)");
        assert_eq!(aim.verdict(7.1, Some(0.51)), "not reached");
        assert_eq!(aim.verdict(7.1, None), "not reached");
    }
}
