//! Whether a run is whole: everybody took part, and all that was sent arrived and was acknowledged.

use crate::raw::{Measured, Record};

/// What can be said of a whole run, or everything that is wrong with it.
pub(crate) fn complete(record: &Record) -> Result<String, String> {
    let missing = record.missing.iter().map(|m| format!("{} is missing: {}", m.peer, m.reason));
    let broken = record.broken.iter().map(|b| format!("{}, {}: {}", b.workload, b.peer, b.reason));
    let amiss = record.measured.iter().flat_map(amiss);
    let mut faults: Vec<String> = missing.chain(broken).chain(amiss).collect();
    if record.measured.len() < record.planned || record.measured.is_empty() {
        faults.push(format!("{} of {} measurements were made", record.measured.len(), record.planned));
    }
    if faults.is_empty() {
        return Ok(format!("{} measurements, everything delivered", record.measured.len()));
    }
    Err(faults.join("; "))
}

/// What is wrong with one measurement.
fn amiss(measured: &Measured) -> Vec<String> {
    let number = |field: &str| measured.number(field).unwrap_or(0.0);
    let (expected, delivered, acked) = (number("expected"), number("delivered"), number("acked"));
    let mut faults = Vec::new();
    if expected <= 0.0 || (delivered - expected).abs() > 0.5 {
        faults.push(format!("{delivered} of {expected} delivered"));
    }
    if acks(measured) && acked < delivered {
        faults.push(format!("{acked} of {delivered} acknowledged"));
    }
    for field in ["refused", "closed", "busy", "failed"] {
        if number(field) > 0.0 {
            faults.push(format!("{} {field}", number(field)));
        }
    }
    faults.into_iter().map(|fault| format!("{}, {}: {fault}", measured.workload, measured.peer)).collect()
}

/// Whether the clients acknowledged.
fn acks(measured: &Measured) -> bool {
    measured.number("acked").is_some_and(|acked| acked > 0.0) || measured.workload.starts_with("unicast")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(result: &str) -> Record {
        let line = |result: &str| {
            format!(
                "{{\"kind\":\"measured\",\"peer\":\"node\",\"workload\":\"unicast-16\",\"round\":1,\"result\":{result}}}"
            )
        };
        Record::parse(&format!("{{\"kind\":\"plan\",\"measurements\":\"1\"}}\n{}", line(result))).unwrap()
    }

    #[test]
    fn a_whole_run_passes() {
        assert_eq!(
            complete(&one("{\"expected\":5,\"delivered\":5,\"acked\":5,\"failed\":0}")),
            Ok("1 measurements, everything delivered".into())
        );
    }

    #[test]
    fn whatever_is_lost_doubled_unacknowledged_or_refused_fails() {
        for result in [
            "{\"expected\":5,\"delivered\":4,\"acked\":4}",
            "{\"expected\":5,\"delivered\":6,\"acked\":6}",
            "{\"expected\":5,\"delivered\":5,\"acked\":4}",
            "{\"expected\":5,\"delivered\":5,\"acked\":0}",
            "{\"expected\":5,\"delivered\":5,\"acked\":5,\"closed\":1}",
            "{\"expected\":5,\"delivered\":5,\"acked\":5,\"failed\":1}",
            "{\"expected\":0,\"delivered\":0,\"acked\":0}",
            "{}",
        ] {
            assert!(complete(&one(result)).is_err(), "{result}");
        }
    }

    #[test]
    fn nothing_measured_is_no_success() {
        assert!(complete(&Record::default()).is_err());
        let error = complete(&crate::sample::record()).unwrap_err();
        assert!(error.contains("pushpin is missing"), "{error}");
        assert!(error.contains("it did not start"), "{error}");
    }
}
