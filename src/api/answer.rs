//! Answers: the plain text of the original, or JSON for callers that accept it. One table of errors for all.

use std::fmt::Write;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

use crate::domain::{EventError, Receipt};
use crate::gateway::SendError;

/// The type of most answers, ready made.
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Seconds after which a refused message should be sent again.
const RETRY_AFTER: &str = "1";

/// Everything that `/send` and its batch form can answer but success, for all or for one message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("Missing query param 'site' or 'apiKey'.")]
    MissingParam,
    #[error("ApiKey invalid.")]
    ApiKey,
    #[error("The body is larger than {0} bytes. Send less, or raise sendLimit in config.yml.")]
    TooLarge(usize),
    #[error("The body cannot be read: {0}.")]
    Unreadable(&'static str),
    #[error("The body must be application/json or application/x-www-form-urlencoded, in UTF-8, not {0}.")]
    MediaType(String),
    #[error("The body may be compressed by gzip or deflate, not by '{0}'.")]
    Encoding(String),
    #[error("The body is not valid JSON: {0}.")]
    Json(String),
    #[error("The body must be a JSON object with 'rooms', 'event' and 'args'.")]
    NotAnObject,
    #[error("'rooms' is missing or empty: name at least one room.")]
    NoRooms,
    #[error("'rooms' must be a string or an array of strings.")]
    RoomType,
    #[error("The 'args' of a form must be args=x, args[]=x or args[name]=x; send anything deeper as JSON.")]
    FormArgs,
    #[error("'event' is missing.")]
    NoEvent,
    #[error("{0}.")]
    Event(#[from] EventError),
    #[error(
        "There is no API key: send it as 'Authorization: Bearer <apiKey>', as 'X-Api-Key: <apiKey>' or as '?apiKey='."
    )]
    NoKey,
    #[error("There is no such site, or the API key is not the one that sites.yml gives it.")]
    WrongKey,
    #[error(
        "The body is larger than {0} bytes. Send fewer messages at once, or raise batchLimit in config.yml."
    )]
    BatchTooLarge(usize),
    #[error("There are more than {0} messages. Send fewer at once, or raise batchItems in config.yml.")]
    TooManyItems(usize),
    #[error(
        "The body must be a JSON array of messages, or application/x-ndjson with one message in each line."
    )]
    NotAnArray,
    #[error(
        "The body must be application/json, or one message in each line as application/x-ndjson, in UTF-8, not {0}."
    )]
    BatchMediaType(String),
    #[error("The message is larger than {0} bytes. Send less, or raise sendLimit in config.yml.")]
    ItemTooLarge(usize),
    #[error("The message is not valid JSON: {0}.")]
    ItemJson(String),
    #[error("The message must be a JSON object with 'rooms', 'event' and 'args'.")]
    ItemNotAnObject,
    #[error("'resync' must be true or false.")]
    ItemResync,
    #[error(
        "None of the messages was accepted, some of them for now: see 'results', and send those with status 503 again \
             later."
    )]
    NoneTaken,
    #[error("{}", not_taken(.0))]
    Send(#[from] SendError),
}

/// What failed inside is for the log and `/readyz`; a backend is told what it can do.
fn not_taken(error: &SendError) -> String {
    if error.is_unsure() {
        return "The message was perhaps not accepted: the store does not answer at the moment. Send it again later; \
                some of its recipients may then get it twice."
            .to_owned();
    }
    format!("The message was not accepted: {error}. Nothing of it was kept; send it again later.")
}

impl Refusal {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::ApiKey | Self::NoKey | Self::WrongKey => StatusCode::UNAUTHORIZED,
            Self::TooLarge(_) | Self::BatchTooLarge(_) | Self::TooManyItems(_) | Self::ItemTooLarge(_) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::MediaType(_) | Self::BatchMediaType(_) | Self::Encoding(_) => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            Self::Send(_) | Self::NoneTaken => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The answer.
    pub(super) fn respond(&self, request: &HttpRequest) -> HttpResponse {
        if accepts_json(request) {
            return self.respond_problem(self.problem());
        }
        let mut response = self.begin();
        // The two texts of the original came as text/html.
        let kind = match self {
            Self::MissingParam | Self::ApiKey => "text/html; charset=utf-8",
            _ => "text/plain; charset=utf-8",
        };
        response.content_type(kind).body(self.to_string())
    }

    /// The answer with this problem as its body.
    pub(super) fn respond_problem(&self, problem: String) -> HttpResponse {
        self.begin().content_type("application/problem+json").body(problem)
    }

    fn begin(&self) -> HttpResponseBuilder {
        let status = self.status();
        let mut response = HttpResponse::build(status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((header::RETRY_AFTER, RETRY_AFTER));
        }
        response
    }

    /// As of RFC 9457.
    pub(super) fn problem(&self) -> String {
        let status = self.status();
        let title = status.canonical_reason().unwrap_or_default();
        serde_json::json!({
            "type": "about:blank", "title": title, "status": status.as_u16(), "detail": self.to_string(),
        })
        .to_string()
    }
}

/// The answer to an accepted message.
pub(super) fn accepted(request: &HttpRequest, receipt: &Receipt) -> HttpResponse {
    if !accepts_json(request) {
        return HttpResponse::Ok().insert_header((header::CONTENT_TYPE, PLAIN)).body("OK");
    }
    let mut json = String::new();
    write_receipt(&mut json, receipt);
    HttpResponse::Ok().content_type("application/json").body(json)
}

pub(super) fn write_receipt(json: &mut String, receipt: &Receipt) {
    let Receipt { id, devices, online, queued } = receipt;
    // Writing into a string does not fail.
    let _ = write!(json, r#"{{"id":"{id}","devices":{devices},"online":{online},"queued":{queued}}}"#);
}

/// Whether the caller names JSON in `Accept`; `*/*` is what the callers of the original send.
fn accepts_json(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| {
        let mut kinds = accept.split(',').map(|kind| kind.split(';').next().unwrap_or_default().trim());
        kinds.any(|kind| matches!(kind, "application/json" | "application/problem+json"))
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::broker::BrokerError;
    use crate::store::StoreError;

    fn answer(error: SendError) -> (u16, bool, String) {
        let refusal = Refusal::Send(error);
        let response = refusal.respond(&TestRequest::default().to_http_request());
        let again = response.headers().contains_key(header::RETRY_AFTER);
        (response.status().as_u16(), again, refusal.to_string())
    }

    #[test]
    fn what_may_have_been_accepted_is_not_said_to_be_refused_and_what_failed_inside_is_not_told() {
        for error in [
            SendError::Store(StoreError::Unavailable("10.0.0.7:6379 refused".to_owned())),
            SendError::Broker(BrokerError::Unavailable("10.0.0.7:6379 refused".to_owned())),
        ] {
            let (status, again, text) = answer(error);
            assert_eq!((status, again), (503, true));
            assert!(text.starts_with("The message was perhaps not accepted: "), "{text}");
            assert!(text.contains("twice") && !text.contains("10.0.0.7"), "{text}");
        }
    }

    #[test]
    fn what_was_not_accepted_for_sure_is_said_to_be_refused() {
        for error in [
            SendError::Congested,
            SendError::Store(StoreError::Overloaded),
            SendError::Broker(BrokerError::Overloaded),
        ] {
            let (status, again, text) = answer(error);
            assert_eq!((status, again), (503, true));
            assert!(text.ends_with("Nothing of it was kept; send it again later."), "{text}");
        }
    }
}
