//! Answers: the plain text of the original, or JSON for callers that accept it. One table of errors for all.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};

use crate::domain::{EventError, Receipt};
use crate::gateway::SendError;

/// The type of most answers, ready made.
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Seconds after which a refused message should be sent again.
const RETRY_AFTER: &str = "1";

/// Everything that `/send` can answer but success.
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
    fn status(&self) -> StatusCode {
        match self {
            Self::ApiKey => StatusCode::UNAUTHORIZED,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MediaType(_) | Self::Encoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Send(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The answer.
    pub(super) fn respond(&self, request: &HttpRequest) -> HttpResponse {
        let status = self.status();
        let mut response = HttpResponse::build(status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((header::RETRY_AFTER, RETRY_AFTER));
        }
        if accepts_json(request) {
            return response.content_type("application/problem+json").body(self.problem(status));
        }
        // The two texts of the original came as text/html.
        let kind = match self {
            Self::MissingParam | Self::ApiKey => "text/html; charset=utf-8",
            _ => "text/plain; charset=utf-8",
        };
        response.content_type(kind).body(self.to_string())
    }

    /// As of RFC 9457.
    fn problem(&self, status: StatusCode) -> String {
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
    let Receipt { id, devices, online, queued } = receipt;
    let json = format!(r#"{{"id":"{id}","devices":{devices},"online":{online},"queued":{queued}}}"#);
    HttpResponse::Ok().content_type("application/json").body(json)
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
