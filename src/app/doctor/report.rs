//! The report, line by line, as it comes to be.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _, stderr, stdout};

use super::finding::{Finding, Mark};

/// What was said so far.
#[derive(Default)]
pub(super) struct Report {
    failures: usize,
    warnings: usize,
    /// Something is shown on the terminal that goes away.
    waiting: bool,
}

impl Report {
    /// What the next findings are about.
    pub(super) fn about(&mut self, what: &str) {
        self.say(&format!("{what}\n"));
    }

    pub(super) fn add(&mut self, finding: &Finding) {
        match finding.mark {
            Mark::Ok => {}
            Mark::Warn => self.warnings += 1,
            Mark::Fail => self.failures += 1,
        }
        self.say(&lines(finding));
    }

    pub(super) fn add_all(&mut self, findings: &[Finding]) {
        for finding in findings {
            self.add(finding);
        }
    }

    /// What is waited for now; on a terminal, until something is found.
    pub(super) fn wait_for(&mut self, what: &str) {
        if stderr().is_terminal() {
            self.waiting = true;
            // Whoever closed standard error does not want to know.
            let _ = write!(stderr(), "\r  ...   {what}\x1b[K");
        }
    }

    /// The last line. Whether nothing fails.
    pub(super) fn end(mut self) -> bool {
        let (failures, warnings) = (self.failures, self.warnings);
        self.say(&format!("{}\n", sum(failures, warnings)));
        failures == 0
    }

    fn say(&mut self, text: &str) {
        if std::mem::take(&mut self.waiting) {
            let _ = write!(stderr(), "\r\x1b[K");
        }
        // A reader who has gone (`| head`) has read what it wanted.
        let _ = stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush());
    }
}

fn lines(finding: &Finding) -> String {
    let mark = match finding.mark {
        Mark::Ok => "ok  ",
        Mark::Warn => "warn",
        Mark::Fail => "FAIL",
    };
    let mut text = format!("  {mark}  {}\n", plain(&finding.text));
    for mend in &finding.mends {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "        mend: {}", plain(mend));
    }
    text
}

/// Some of it was said by servers: nothing of theirs commands the terminal.
fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}

fn sum(failures: usize, warnings: usize) -> String {
    let looks = match warnings {
        0 => String::new(),
        1 => "; 1 warning".to_owned(),
        n => format!("; {n} warnings"),
    };
    match failures {
        0 => format!("nothing fails{looks}"),
        1 => format!("1 thing fails{looks}"),
        n => format!("{n} things fail{looks}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_a_line_and_each_mend_another() {
        let finding = Finding::fail("it is away").mend("start it").mend("or name another");
        assert_eq!(
            lines(&finding),
            "  FAIL  it is away\n        mend: start it\n        mend: or name another\n"
        );
        let sly = Finding::warn("it says: \u{1b}[2J\nok");
        assert_eq!(lines(&sly), "  warn  it says:  [2J ok\n");
        assert_eq!(lines(&Finding::ok("fine")), "  ok    fine\n");
    }

    #[test]
    fn the_sum_counts_what_fails_and_what_is_to_be_looked_at() {
        assert_eq!(sum(0, 0), "nothing fails");
        assert_eq!(sum(0, 1), "nothing fails; 1 warning");
        assert_eq!(sum(1, 2), "1 thing fails; 2 warnings");
        assert_eq!(sum(2, 0), "2 things fail");
    }

    #[test]
    fn only_what_fails_makes_it_fail() {
        let mut report = Report::default();
        report.add(&Finding::warn("look"));
        assert!(report.end());
        let mut report = Report::default();
        report.add_all(&[Finding::ok("fine"), Finding::fail("away")]);
        assert!(!report.end());
    }
}
