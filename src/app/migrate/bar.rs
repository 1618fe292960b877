//! How far a move is: a line that changes on a terminal, else a line every few seconds.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _, stderr};
use std::time::{Duration, Instant};

use crate::store::moving::{Progress, Stage};

/// Pieces of the bar.
const WIDTH: u64 = 30;

/// Shows the progress on standard error.
pub(super) struct Bar {
    on_terminal: bool,
    begin: Instant,
    /// When, of which stage, and whether that was at its end.
    shown: Option<(Instant, Stage, bool)>,
}

impl Bar {
    pub(super) fn new() -> Self {
        Self { on_terminal: stderr().is_terminal(), begin: Instant::now(), shown: None }
    }

    pub(super) fn show(&mut self, progress: &Progress) {
        let now = Instant::now();
        let pause = if self.on_terminal { Duration::from_millis(100) } else { Duration::from_secs(5) };
        let is_full = full(progress);
        let is_new = |(at, stage, was_full): (Instant, Stage, bool)| {
            stage != progress.stage || now - at >= pause || (is_full && !was_full)
        };
        if !self.shown.is_none_or(is_new) {
            return;
        }
        if self.shown.is_none_or(|(_, stage, _)| stage != progress.stage) {
            self.begin = now;
        }
        self.shown = Some((now, progress.stage, is_full));
        let text = line(progress, now - self.begin);
        // Whoever closed standard error does not want to know.
        let _ =
            if self.on_terminal { write!(stderr(), "\r{text}\x1b[K") } else { writeln!(stderr(), "{text}") };
    }

    /// The line is finished.
    pub(super) fn end(&self) {
        if self.on_terminal && self.shown.is_some() {
            let _ = writeln!(stderr());
        }
    }
}

/// Whether a stage that is counted has come to its end: that is shown, however short it was.
fn full(progress: &Progress) -> bool {
    let Progress { stage, done, all } = progress;
    match stage {
        Stage::Devices => done.devices >= all.devices,
        Stage::Messages => done.entries >= all.entries,
        Stage::Counting | Stage::Verifying => false,
    }
}

fn line(progress: &Progress, passed: Duration) -> String {
    let Progress { stage, done, all } = progress;
    match stage {
        Stage::Counting => "counting what there is".to_owned(),
        Stage::Devices => of("devices", done.devices, all.devices, passed),
        Stage::Messages => of("entries", done.entries, all.entries, passed),
        Stage::Verifying => "counting what has arrived".to_owned(),
    }
}

fn of(what: &str, done: u64, all: u64, passed: Duration) -> String {
    let full = (done * WIDTH).checked_div(all).unwrap_or(WIDTH).min(WIDTH);
    let bar: String = (0..WIDTH).map(|piece| if piece < full { '#' } else { '.' }).collect();
    let mut text = format!("[{bar}] {} of {} {what}", grouped(done), grouped(all));
    if done > 0 && done < all && passed >= Duration::from_secs(2) {
        let left = passed.mul_f64((all - done) as f64 / done as f64).as_secs();
        let _ = write!(text, ", {}:{:02} left", left / 60, left % 60);
    }
    text
}

/// `1234567` as `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::moving::Census;

    #[test]
    fn a_line_says_how_far_it_is_and_how_long_it_takes() {
        let all = Census { devices: 2_000, entries: 40_000, ..Census::default() };
        let at = |stage, devices, entries, seconds| {
            let done = Census { devices, entries, ..Census::default() };
            line(&Progress { stage, done, all }, Duration::from_secs(seconds))
        };
        assert_eq!(
            at(Stage::Devices, 1_000, 0, 0),
            "[###############...............] 1,000 of 2,000 devices"
        );
        assert_eq!(
            at(Stage::Messages, 2_000, 10_000, 65),
            "[#######.......................] 10,000 of 40,000 entries, 3:15 left"
        );
        assert_eq!(
            at(Stage::Messages, 2_000, 40_000, 65),
            "[##############################] 40,000 of 40,000 entries"
        );
        assert_eq!(at(Stage::Verifying, 2_000, 40_000, 65), "counting what has arrived");
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
