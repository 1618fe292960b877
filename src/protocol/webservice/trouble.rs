//! Why an auth call let nobody in: what the client is told, and what the log is told.
//!
//! Clients of the original send their user to the log-in page on a text that begins with `Auth`. So only those
//! texts begin so where the site itself said no; whatever may be over in a minute begins otherwise. What went
//! wrong inside (addresses, errors of the system) is for the log only.

use reqwest::StatusCode;

use crate::protocol::Refusal;
use crate::protocol::outgoing::CallError;

/// What went wrong with an auth call. The `Display` text is for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    /// The site says that this is nobody: any status but 200 that is not `Down`.
    #[error("the site refused")]
    Denied(StatusCode),
    /// The site cannot say at the moment: 5xx, 408, 429.
    #[error("the site cannot answer at the moment")]
    Down(StatusCode),
    /// 200 with something else than a JSON array of strings.
    #[error("the answer is not a JSON array of strings: {0}")]
    Malformed(String),
    /// The call itself failed.
    #[error("{0}")]
    Call(#[from] CallError),
    /// The site did not answer within `authTimeout`.
    #[error("no answer in time")]
    Late,
    /// All of the site's places were taken for the whole of `authTimeout`.
    #[error("no place for the call in time")]
    Busy,
    /// Too many calls wait for a place already.
    #[error("too many calls are waiting")]
    Crowded,
    /// The token is too long for a header, or has characters that none can carry.
    #[error("the token cannot be sent in a header")]
    BadToken,
    /// The meta is too long for a header, or has characters that none can carry.
    #[error("the meta cannot be sent in a header")]
    BadMeta,
    /// The gateway is stopping.
    #[error("the gateway is stopping")]
    Stopping,
}

impl Trouble {
    /// Reads a status that is not 200.
    pub(super) fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            408 | 429 | 500.. => Self::Down(status),
            _ => Self::Denied(status),
        }
    }

    /// The status that the site answered with, where that is the trouble; 0 otherwise.
    pub(super) fn status(&self) -> u16 {
        match self {
            Self::Denied(status) | Self::Down(status) => status.as_u16(),
            _ => 0,
        }
    }

    /// Whether the operator should know: everything but a site that does its work and says no.
    pub(super) fn is_a_fault(&self) -> bool {
        !matches!(self, Self::Denied(_) | Self::BadToken | Self::BadMeta | Self::Stopping)
    }

    /// What the client is told.
    pub(super) fn refusal(&self) -> Refusal {
        let final_word = |text: String| Refusal { text, transient: false };
        match self {
            Self::Denied(StatusCode::UNAUTHORIZED) => final_word("Authentication failed".to_owned()),
            Self::Denied(status) => final_word(format!("Auth {} error", status.as_u16())),
            Self::BadToken => {
                final_word("Auth error: the token is too long or has control characters".to_owned())
            }
            Self::BadMeta => final_word("Bad request: meta is too long or has control characters".to_owned()),
            passing => Refusal { text: format!("Service unavailable: {}", passing.what()), transient: true },
        }
    }

    /// What is the matter with a trouble that may pass, without internals.
    fn what(&self) -> String {
        match self {
            Self::Down(status) => return format!("the site's auth server answered {}", status.as_u16()),
            Self::Call(CallError::TooLong(_)) => "the site's auth server gave an answer that is too long",
            Self::Call(CallError::Redirects(_) | CallError::RedirectTarget) => {
                "the site's auth server redirects to nowhere"
            }
            Self::Call(CallError::Broken(_) | CallError::CutShort(_)) => {
                "the site's auth server broke off its answer"
            }
            Self::Call(CallError::Address(_) | CallError::Unreachable(_)) => {
                "the site's auth server cannot be reached"
            }
            Self::Late => "the site's auth server did not answer in time",
            Self::Busy | Self::Crowded => "too many log-ins at once",
            Self::Stopping => "the gateway is stopping",
            Self::Malformed(_) | Self::Denied(_) | Self::BadToken | Self::BadMeta => {
                "the site's auth server gave an answer that is not a list of rooms"
            }
        }
        .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16) -> Refusal {
        Trouble::of_status(StatusCode::from_u16(status).unwrap()).refusal()
    }

    #[test]
    fn a_no_of_the_site_begins_with_auth_and_is_final() {
        assert_eq!(refusal(401), Refusal { text: "Authentication failed".to_owned(), transient: false });
        for status in [201, 204, 304, 400, 403, 404, 410, 499] {
            let text = format!("Auth {status} error");
            assert_eq!(refusal(status), Refusal { text, transient: false });
        }
    }

    #[test]
    fn what_may_pass_never_begins_with_auth() {
        let call = |error| Trouble::Call(error);
        let inside = || "10.0.0.7:99 refused".to_owned();
        let mut all: Vec<Refusal> = [408, 429, 500, 502, 503, 504, 599].map(refusal).into();
        all.extend(
            [
                call(CallError::Address(inside())),
                call(CallError::Unreachable(inside())),
                call(CallError::Broken(inside())),
                call(CallError::CutShort(inside())),
                call(CallError::Redirects(5)),
                call(CallError::RedirectTarget),
                call(CallError::TooLong(9)),
                Trouble::Malformed(inside()),
                Trouble::Late,
                Trouble::Busy,
                Trouble::Crowded,
                Trouble::Stopping,
            ]
            .map(|trouble| trouble.refusal()),
        );
        for refusal in all {
            assert!(refusal.transient && refusal.text.starts_with("Service unavailable: "), "{refusal:?}");
            assert!(!refusal.text.contains("10.0.0.7"), "internals in {refusal:?}");
        }
    }
}
