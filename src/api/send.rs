//! `POST /send`.

use std::borrow::Cow;
use std::rc::Rc;

use actix_web::error::PayloadError;
use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};

use super::answer::{Refusal, accepted};
use super::key::Authorized;
use super::{ApiOptions, body, payload};
use crate::domain::Receipt;
use crate::gateway::Gateway;

/// Sends a message into rooms.
pub(super) async fn send(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    match try_send(&request, payload).await {
        Ok(receipt) => accepted(&request, &receipt),
        Err(refusal) => {
            tracing::debug!(reason = %refusal, "message refused");
            refusal.respond(&request)
        }
    }
}

/// What the original answers to `OPTIONS`.
pub(super) async fn options() -> HttpResponse {
    HttpResponse::Ok().insert_header((header::ALLOW, "POST")).body("POST")
}

async fn try_send(request: &HttpRequest, body: web::Payload) -> Result<Receipt, Refusal> {
    let Some(gateway) = request.app_data::<Rc<Gateway>>() else {
        return Err(Refusal::Unreadable("this server is not complete"));
    };
    let Authorized { site, resync } = Authorized::check(request, gateway.shared())?;
    let kind = media_type(request)?;
    let limit = request.app_data::<ApiOptions>().map_or(0, |options| options.send_limit);
    let bytes = whole_body(request, body, limit, Refusal::TooLarge(limit)).await?;
    let order = body::parse(&bytes, kind.as_deref(), resync)?;
    let receipt = gateway.send(&site, order).await?;
    tracing::debug!(site = %site.name, message_id = %receipt.id, devices = receipt.devices, "message accepted");
    Ok(receipt)
}

/// The body, decompressed; `too_large` where it is longer than `limit`, which is that of its resource.
pub(super) async fn whole_body(
    request: &HttpRequest,
    body: web::Payload,
    limit: usize,
    too_large: Refusal,
) -> Result<Bytes, Refusal> {
    known_encoding(request)?;
    let bytes = payload::read(request, body, limit).await;
    bytes.map_err(|error| unreadable(&error, too_large))
}

/// The media type without parameters, in lower case. Another charset than UTF-8 is refused.
pub(super) fn media_type(request: &HttpRequest) -> Result<Option<Cow<'_, str>>, Refusal> {
    let Some(header) = request.headers().get(header::CONTENT_TYPE) else { return Ok(None) };
    let header = header.to_str().map_err(|_| Refusal::MediaType("something unreadable".to_owned()))?;
    if header == "application/json" {
        return Ok(Some(Cow::Borrowed(header)));
    }
    let header = header.to_ascii_lowercase();
    let (kind, params) = header.split_once(';').unwrap_or((&header, ""));
    let charset = params.split(';').find_map(|param| param.trim().strip_prefix("charset="));
    if charset.is_some_and(|charset| !charset.trim_matches('"').starts_with("utf-")) {
        return Err(Refusal::MediaType(format!("'{header}'")));
    }
    Ok(Some(Cow::Owned(kind.trim().to_owned())))
}

/// A compression that is not known here must not be read as if it were none.
fn known_encoding(request: &HttpRequest) -> Result<(), Refusal> {
    let Some(header) = request.headers().get(header::CONTENT_ENCODING) else { return Ok(()) };
    let encoding = header.to_str().unwrap_or("something unreadable").trim();
    let known = ["gzip", "deflate", "identity"].iter().any(|known| encoding.eq_ignore_ascii_case(known));
    if known { Ok(()) } else { Err(Refusal::Encoding(encoding.to_owned())) }
}

fn unreadable(error: &actix_web::Error, too_large: Refusal) -> Refusal {
    match error.as_error::<PayloadError>() {
        Some(PayloadError::Overflow) => too_large,
        Some(PayloadError::EncodingCorrupted) => Refusal::Unreadable("its compression is corrupt"),
        Some(PayloadError::Incomplete(_)) => Refusal::Unreadable("it is shorter than announced"),
        _ if error.as_response_error().status_code() == StatusCode::PAYLOAD_TOO_LARGE => too_large,
        _ => Refusal::Unreadable("the connection broke or the encoding is unknown"),
    }
}
