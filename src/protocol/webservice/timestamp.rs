//! Points in time as JavaScript's `Date.prototype.toISOString` writes them (RFC 3339, UTC, milliseconds).

use std::time::{SystemTime, UNIX_EPOCH};

/// `at` as `2026-11-20T06:13:13.497Z`. A time before 1970 is written as its beginning.
pub(super) fn rfc3339(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let milli = since.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Year, month and day of a number of days since 1970-01-01: Howard Hinnant's `civil_from_days`
/// (<https://howardhinnant.github.io/date_algorithms.html>), for days that are not negative. Its years begin
/// in March, so that a leap day comes last.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at_ms(ms: u64) -> String {
        rfc3339(UNIX_EPOCH + Duration::from_millis(ms))
    }

    #[test]
    fn as_to_iso_string_writes_it() {
        // Each pair from `new Date(ms).toISOString()`.
        assert_eq!(at_ms(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at_ms(951_782_399_999), "2000-02-28T23:59:59.999Z");
        assert_eq!(at_ms(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(at_ms(1_709_251_199_007), "2024-02-29T23:59:59.007Z");
        assert_eq!(at_ms(1_735_689_600_000), "2025-01-01T00:00:00.000Z");
        assert_eq!(at_ms(1_795_155_193_497), "2026-11-20T06:13:13.497Z");
        assert_eq!(at_ms(4_107_542_400_000), "2100-03-01T00:00:00.000Z");
    }

    #[test]
    fn before_1970_is_its_beginning() {
        assert_eq!(rfc3339(UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before() {
        let mut last = civil(0);
        for days in 1..146_097 {
            let next = civil(days);
            let (year, month, day) = last;
            let ok =
                next == (year, month, day + 1) || next == (year, month + 1, 1) || next == (year + 1, 1, 1);
            assert!(ok && next.2 <= 31 && next.1 <= 12, "{last:?} then {next:?}");
            last = next;
        }
        assert_eq!(last, (2369, 12, 31));
    }
}
