//! From text to values. Each function answers with what is wanted when it is given something else, as the end of
//! the sentence "must be ...".

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use url::{Host, Url};

/// A value, or what is wanted.
pub(super) type Wanted<T> = Result<T, String>;

/// A whole number within `range`.
pub(super) fn whole(text: &str, range: RangeInclusive<u64>) -> Wanted<u64> {
    let wanted = || format!("a whole number from {} to {}", range.start(), range.end());
    digits(text).filter(|number| range.contains(number)).ok_or_else(wanted)
}

fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// `true` or `false`.
pub(super) fn boolean(text: &str) -> Wanted<bool> {
    one_of(text, &[("true", true), ("false", false)])
}

/// One of some words.
pub(super) fn one_of<T: Copy>(text: &str, words: &[(&str, T)]) -> Wanted<T> {
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        words.join(" or ")
    })
}

/// What a time without a unit is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
}

/// A time within `range`: a number, or a number with one of `ms`, `s`, `m`, `h`, `d`.
pub(super) fn duration(text: &str, unit: Unit, range: &RangeInclusive<Duration>) -> Wanted<Duration> {
    parse_duration(text, unit).filter(|time| range.contains(time)).ok_or_else(|| {
        let (unit, example) = match unit {
            Unit::Seconds => ("seconds", "10 or 10s or 1m"),
            Unit::Milliseconds => ("milliseconds", "25000 or 25s"),
        };
        let (low, high) = (show_duration(*range.start()), show_duration(*range.end()));
        format!("a time from {low} to {high}, in {unit} or with a unit, such as {example}")
    })
}

fn parse_duration(text: &str, unit: Unit) -> Option<Duration> {
    let (number, suffix) = split_unit(text)?;
    let millis = match (suffix, unit) {
        ("ms", _) | ("", Unit::Milliseconds) => 1,
        ("s", _) | ("", Unit::Seconds) => 1000,
        ("m", _) => 60_000,
        ("h", _) => 3_600_000,
        ("d", _) => 86_400_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

/// A number and what stands behind it.
fn split_unit(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(end)?;
    Some((digits(number)?, suffix.trim_start()))
}

/// A time as one would write it.
pub(super) fn show_duration(time: Duration) -> String {
    let millis = time.as_millis();
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)] {
        if millis >= size && millis.is_multiple_of(size) {
            return format!("{}{unit}", millis / size);
        }
    }
    format!("{millis}ms")
}

/// A number of bytes within `range`: a number, or a number with one of `KiB`, `MiB`, `GiB`, `kB`, `MB`, `GB`.
pub(super) fn bytes(text: &str, range: &RangeInclusive<u64>) -> Wanted<u64> {
    parse_bytes(text).filter(|bytes| range.contains(bytes)).ok_or_else(|| {
        let (low, high) = (show_bytes(*range.start()), show_bytes(*range.end()));
        format!("a size from {low} to {high}, in bytes or with a unit, such as 1048576 or 1MiB or 500kB")
    })
}

fn parse_bytes(text: &str) -> Option<u64> {
    let (number, suffix) = split_unit(text)?;
    let size = match suffix {
        "" | "B" => 1,
        "kB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(size)
}

/// A size as one would write it.
pub(super) fn show_bytes(bytes: u64) -> String {
    for (unit, size) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
        if bytes >= size && bytes.is_multiple_of(size) {
            return format!("{}{unit}", bytes / size);
        }
    }
    format!("{bytes}B")
}

/// An address to listen on.
pub(super) fn address(text: &str) -> Wanted<IpAddr> {
    let text = if text == "localhost" { "127.0.0.1" } else { text };
    text.trim_start_matches('[').trim_end_matches(']').parse().map_err(|_| {
        "an IP address of this machine, such as 0.0.0.0 (all), 127.0.0.1 (only this machine) or ::".to_owned()
    })
}

/// Where to listen: an IP address and a port.
pub(super) fn socket(text: &str) -> Wanted<SocketAddr> {
    let text =
        text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    text.parse().map_err(|_| {
        "an IP address of this machine and a port, such as 127.0.0.1:9464 (only this machine) or 0.0.0.0:9464".to_owned()
    })
}

/// A word for a header: the scheme of `Authorization`, the name of a cookie (a token of RFC 9110, 5.6.2).
pub(super) fn token(text: &str) -> Wanted<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("one word of letters, digits, `-`, `_` or `.`".to_owned())
    }
}

/// Any text without control characters and without blanks around it.
pub(super) fn text(text: &str) -> Wanted<String> {
    if !text.is_empty() && text.trim() == text && !text.contains(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err("a text without blanks around it and without control characters".to_owned())
    }
}

/// An absolute URL that can be called.
pub(super) fn http_url(text: &str) -> Wanted<Url> {
    let wanted = "an absolute http or https URL, such as https://shop.example/auth";
    let url = Url::parse(text).map_err(|error| format!("{wanted} ({error})"))?;
    let called = matches!(url.scheme(), "http" | "https");
    // `http:host` and `http:/host` parse, as a browser would mend them; here they are more likely an accident.
    if !called || !text.to_ascii_lowercase().starts_with(&format!("{}://", url.scheme())) {
        return Err(wanted.to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!(
            "{wanted}, without a user name or password in it: `Authorization` carries the token"
        ));
    }
    Ok(url)
}

/// The address of a web server, to which paths are added: without a slash at the end.
pub(super) fn base_url(text: &str) -> Wanted<String> {
    let wanted = || {
        "the address of a web server, such as http://127.0.0.1:8000 or https://erp.example.com \
         (without user name and password, and nothing behind `?` or `#`)"
            .to_owned()
    };
    let url = http_url(text).map_err(|_| wanted())?;
    let bare = url.query().is_none() && url.fragment().is_none();
    if bare { Ok(text.trim_end_matches('/').to_owned()) } else { Err(wanted()) }
}

/// Several, with blanks or commas between them.
pub(super) fn several<T>(text: &str, one: impl Fn(&str) -> Wanted<T>) -> Wanted<Vec<T>> {
    text.split([' ', ',']).filter(|item| !item.is_empty()).map(one).collect()
}

/// The name of a host, as it stands in the header `Host`, without a port.
pub(super) fn host_name(text: &str) -> Wanted<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    if (1..=253).contains(&text.len()) && text.bytes().all(plain) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("names of hosts without scheme and port, such as erp.example.com".to_owned())
    }
}

/// An origin as browsers state it: `https://shop.example`, `http://localhost:8080`.
pub(super) fn origin(text: &str) -> Wanted<String> {
    let wanted = || {
        "`*`, or origins as browsers state them, such as https://shop.example or http://localhost:8080 \
         (scheme and host, a port if it is not the usual one, nothing behind)"
            .to_owned()
    };
    let url = http_url(text).map_err(|_| wanted())?;
    let stated = url.origin().ascii_serialization();
    let wildcard = matches!(url.host(), Some(Host::Domain(name)) if name.contains('*'));
    if wildcard || url.as_str().trim_end_matches('/') != stated { Err(wanted()) } else { Ok(stated) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers() {
        assert_eq!(whole("65535", 0..=65535), Ok(65535));
        assert_eq!(whole("007", 0..=65535), Ok(7));
        for bad in ["", "-1", "65536", "1.5", "1e3", "0x10", "1_000", " 1", "99999999999999999999999"] {
            assert_eq!(whole(bad, 0..=65535), Err("a whole number from 0 to 65535".to_owned()), "{bad}");
        }
    }

    #[test]
    fn times() {
        let range = Duration::from_millis(100)..=Duration::from_hours(24);
        for (text, unit, millis) in [
            ("10", Unit::Seconds, 10_000),
            ("10s", Unit::Milliseconds, 10_000),
            ("10 s", Unit::Seconds, 10_000),
            ("500ms", Unit::Seconds, 500),
            ("500", Unit::Milliseconds, 500),
            ("2m", Unit::Seconds, 120_000),
            ("24h", Unit::Seconds, 86_400_000),
            ("1d", Unit::Seconds, 86_400_000),
        ] {
            assert_eq!(duration(text, unit, &range), Ok(Duration::from_millis(millis)), "{text}");
        }
        for bad in ["", "s", "1.5s", "-1", "10 sec", "99ms", "2d", "18446744073709551615d"] {
            let wanted =
                "a time from 100ms to 1d, in seconds or with a unit, such as 10 or 10s or 1m".to_owned();
            assert_eq!(duration(bad, Unit::Seconds, &range), Err(wanted), "{bad}");
        }
    }

    #[test]
    fn sizes() {
        let range = 1024..=1 << 30;
        for (text, size) in [("1024", 1024), ("1MiB", 1 << 20), ("500 kB", 500_000), ("1GiB", 1 << 30)] {
            assert_eq!(bytes(text, &range), Ok(size), "{text}");
        }
        for bad in ["", "1", "1mb", "1M", "2GiB", "1.5MiB", "-1"] {
            assert!(bytes(bad, &range).unwrap_err().starts_with("a size from 1KiB to 1GiB"), "{bad}");
        }
    }

    #[test]
    fn addresses() {
        for (text, ip) in [("0.0.0.0", "0.0.0.0"), ("::", "::"), ("[::1]", "::1"), ("localhost", "127.0.0.1")]
        {
            assert_eq!(address(text).unwrap().to_string(), ip);
        }
        assert!(address("shop.example").is_err() && address("").is_err());
    }

    #[test]
    fn urls() {
        for good in ["http://127.0.0.1:3000/auth", "https://shop.example/a?b=c", "HTTP://x"] {
            assert!(http_url(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "shop.example/auth",
            "/auth",
            "ftp://x/",
            "http://",
            "http:x",
            "http:/x",
            "//x/",
            "http://u:p@x/",
            "http://u@x/",
            "http://x:99999/",
            "localhost:3000/auth",
        ] {
            let wanted = http_url(bad).unwrap_err();
            assert!(wanted.starts_with("an absolute http or https URL"), "{bad}: {wanted}");
        }
    }

    #[test]
    fn origins() {
        for (text, stated) in [
            ("https://shop.example", "https://shop.example"),
            ("https://Shop.Example/", "https://shop.example"),
            ("https://shop.example:443", "https://shop.example"),
            ("http://localhost:8080", "http://localhost:8080"),
        ] {
            assert_eq!(origin(text).as_deref(), Ok(stated));
        }
        for bad in ["shop.example", "shop.example:*", "https://*.shop.example", "https://x/y", "*:80", "null"]
        {
            assert!(origin(bad).unwrap_err().starts_with("`*`, or origins"), "{bad}");
        }
    }

    #[test]
    fn words_and_texts() {
        assert_eq!(token("Bearer").as_deref(), Ok("Bearer"));
        assert!(token("Bearer x").is_err() && token("").is_err() && token("a:b").is_err());
        assert!(text("user_").is_ok() && text("a b").is_ok() && text("ä").is_ok());
        assert!(text(" a").is_err() && text("a\n").is_err() && text("").is_err());
        assert_eq!(boolean("true"), Ok(true));
        assert_eq!(boolean("yes"), Err("`true` or `false`".to_owned()));
    }
}
