//! Telling a site that a user came or went: `PUT updateUserUrl`, tried again while that may help.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request, StatusCode};
use serde::Serialize;
use tokio::time::{Instant, sleep, timeout};

use super::UpdateOptions;
use super::ask;
use super::headers;
use super::timestamp::rfc3339;
use super::user_id::user_url;
use crate::domain::Site;
use crate::protocol::UserChange;
use crate::protocol::outgoing::{CallError, Outgoing, address, read};

/// No wait between two tries is longer.
const LONGEST_DELAY: Duration = Duration::from_secs(10);
/// How much of an answer is read, so that its connection can be used again; longer ones are closed.
const DRAINED: usize = 64 << 10;

/// A change that a site is to be told.
pub(super) struct Tiding {
    pub(super) site: Arc<Site>,
    pub(super) change: UserChange,
}

#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    user: Stamp,
}

#[derive(Serialize)]
enum Stamp {
    #[serde(rename = "last_connected")]
    Connected(String),
    #[serde(rename = "last_disconnected")]
    Disconnected(String),
}

/// Why one try failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the site answered {0}")]
    Status(StatusCode),
    #[error("no answer in time")]
    Late,
    #[error("{0}")]
    Call(#[from] CallError),
    #[error("the token cannot be sent in a header")]
    BadToken,
    #[error("the body could not be written: {0}")]
    Body(#[from] serde_json::Error),
}

impl Failure {
    fn may_pass(&self) -> bool {
        match self {
            Self::Status(status) => status.is_server_error() || matches!(status.as_u16(), 408 | 429),
            Self::Call(error) => matches!(error, CallError::Unreachable(_) | CallError::Broken(_)),
            Self::Late => true,
            Self::BadToken | Self::Body(_) => false,
        }
    }

    fn status(&self) -> u16 {
        if let Self::Status(status) = self { status.as_u16() } else { 0 }
    }
}

/// Tells the site, with as many tries as `options` allows. What cannot be told is logged and gone.
pub(super) async fn tell(outgoing: &Outgoing, options: &UpdateOptions, id: &str, tiding: &Tiding) {
    let begun = Instant::now();
    let (site, room) = (tiding.site.name.as_str(), &tiding.change.user_room);
    let mut tries = 1;
    while let Err(failure) = once(outgoing, options, id, tiding).await {
        let (status, delay) = (failure.status(), delay(options.first_delay, tries));
        let in_time = begun.elapsed() + delay <= options.give_up_after;
        if !failure.may_pass() || tries >= options.tries || !in_time {
            tracing::warn!(site, %room, status, tries, reason = %failure, "the site was not told about a user");
            return;
        }
        tracing::debug!(site, %room, status, tries, reason = %failure, "telling the site again in a moment");
        sleep(delay).await;
        tries += 1;
    }
}

async fn once(
    outgoing: &Outgoing,
    options: &UpdateOptions,
    id: &str,
    tiding: &Tiding,
) -> Result<(), Failure> {
    let request = request(id, tiding)?;
    let call = async {
        let response = outgoing.send(request).await?;
        let status = response.status();
        // What it says is of no interest.
        let _ = read(response, DRAINED).await;
        if status.is_success() { Ok(()) } else { Err(Failure::Status(status)) }
    };
    timeout(options.call_timeout, call).await.unwrap_or(Err(Failure::Late))
}

fn request(id: &str, tiding: &Tiding) -> Result<Request, Failure> {
    let Tiding { site, change } = tiding;
    let service = ask::service(site)?;
    let template = service.update_user_url.as_deref().unwrap_or_default();
    let token = change.token.as_ref();
    let authorization = headers::authorization(&service.auth_scheme, token).map_err(|_| Failure::BadToken)?;
    let mut request = Request::new(Method::PUT, address(&user_url(template, id))?);
    request.headers_mut().insert(AUTHORIZATION, authorization);
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *request.body_mut() = Some(body(id, change)?.into());
    Ok(request)
}

fn body(id: &str, change: &UserChange) -> serde_json::Result<Vec<u8>> {
    let at = rfc3339(change.at);
    let user = if change.connected { Stamp::Connected(at) } else { Stamp::Disconnected(at) };
    serde_json::to_vec(&Body { id, user })
}

/// Doubles with each try, and is between half and the whole of that: sites that come back are not met by all
/// at once.
fn delay(first: Duration, tries: u32) -> Duration {
    let whole = first.saturating_mul(1 << (tries - 1).min(16)).min(LONGEST_DELAY);
    let chance = RandomState::new().build_hasher().finish() % 1_000;
    whole.mul_f64(0.5 + chance as f64 / 2_000.0)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn the_body_is_that_of_the_original() {
        let at = UNIX_EPOCH + Duration::from_millis(1_795_155_193_497);
        let mut change = UserChange { user_room: "user_1".into(), connected: true, at, token: None };
        let came = r#"{"id":"1","user":{"last_connected":"2026-11-20T06:13:13.497Z"}}"#;
        assert_eq!(body("1", &change).unwrap(), came.as_bytes());
        change.connected = false;
        let went = r#"{"id":"1","user":{"last_disconnected":"2026-11-20T06:13:13.497Z"}}"#;
        assert_eq!(body("1", &change).unwrap(), went.as_bytes());
    }

    #[test]
    fn delays_double_up_to_a_bound_and_vary() {
        let first = Duration::from_millis(500);
        for tries in 1..40 {
            let whole = first.saturating_mul(1 << (tries - 1).min(16)).min(LONGEST_DELAY);
            let delay = delay(first, tries);
            assert!(delay >= whole / 2 && delay <= whole, "try {tries}: {delay:?}");
        }
        let some: std::collections::HashSet<Duration> = (0..32).map(|_| delay(first, 3)).collect();
        assert!(some.len() > 1);
    }
}
