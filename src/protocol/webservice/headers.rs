//! The header values of calls to sites.

use reqwest::header::HeaderValue;

use crate::domain::Secret;

/// Longest value that is sent, in bytes: few servers take headers of more than 8 or 16 KiB in all, and a client
/// must not make Postroom keep more while it waits.
const LONGEST: usize = 16 << 10;

/// Why a value cannot be sent: it is too long, or has a line break or another control character within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unsendable;

/// `Authorization: <authScheme> <token>`. No token at all is the word `undefined`, an empty one is nothing: auth
/// endpoints tell the anonymous by it.
pub(super) fn authorization(scheme: &str, token: Option<&Secret>) -> Result<HeaderValue, Unsendable> {
    let token = token.map_or("undefined", Secret::expose);
    let mut value = value(&format!("{scheme} {token}"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// `X-META: <meta>`.
pub(super) fn meta(meta: &str) -> Result<HeaderValue, Unsendable> {
    value(meta)
}

/// White space at the ends goes, as with `fetch`; beyond ASCII it is UTF-8.
fn value(text: &str) -> Result<HeaderValue, Unsendable> {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    if text.len() > LONGEST {
        return Err(Unsendable);
    }
    HeaderValue::from_bytes(text.as_bytes()).map_err(|_| Unsendable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(scheme: &str, token: Option<&str>) -> Result<Vec<u8>, Unsendable> {
        let token = token.map(Secret::new);
        authorization(scheme, token.as_ref()).map(|value| value.as_bytes().to_vec())
    }

    #[test]
    fn the_anonymous_are_told_as_the_original_told_them() {
        assert_eq!(sent("Bearer", None).unwrap(), b"Bearer undefined");
        assert_eq!(sent("Bearer", Some("")).unwrap(), b"Bearer");
        assert_eq!(sent("Token", Some("abc")).unwrap(), b"Token abc");
        assert_eq!(sent("Bearer", Some("abc \n")).unwrap(), b"Bearer abc");
    }

    #[test]
    fn beyond_ascii_is_utf_8_and_control_characters_are_refused() {
        assert_eq!(sent("Bearer", Some("ä")).unwrap(), "Bearer ä".as_bytes());
        for bad in ["a\r\nX-Evil: 1", "a\nb", "a\0b", "a\u{7f}b", "\u{1}"] {
            assert_eq!(sent("Bearer", Some(bad)), Err(Unsendable), "{bad:?}");
            assert_eq!(meta(&format!("m{bad}m")), Err(Unsendable), "{bad:?}");
        }
    }

    #[test]
    fn what_no_server_would_take_is_refused() {
        assert!(meta(&"m".repeat(LONGEST)).is_ok());
        assert_eq!(meta(&"m".repeat(LONGEST + 1)), Err(Unsendable));
        assert_eq!(sent("Bearer", Some(&"t".repeat(LONGEST))), Err(Unsendable));
    }

    #[test]
    fn the_token_does_not_print() {
        let value = authorization("Bearer", Some(&Secret::new("hunter2"))).unwrap();
        assert_eq!(format!("{value:?}"), "Sensitive");
    }
}
