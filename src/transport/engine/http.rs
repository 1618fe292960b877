//! The HTTP face of polling: ordinary requests, handed to the worker that carries the connection.

use std::rc::Rc;

use actix_web::http::{Method, StatusCode, header};
use actix_web::web;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use tokio::sync::oneshot;

use super::core::Engine;
use super::entrance::Entrance;
use super::exchange::Job;
use super::handshake::{Handshake, Query};
use super::polling::{Payload, Polled, Posted};
use super::sid::Sid;
use super::upgrade::Refused;

/// The error codes of the official servers
/// (<https://socket.io/docs/v4/server-api/#event-connection_error>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ErrorCode {
    TransportUnknown,
    UnknownSid,
    BadHandshakeMethod,
    BadRequest,
    Forbidden,
    UnsupportedProtocol,
    Jsonp,
    Draining,
}

impl From<ErrorCode> for Refused {
    fn from(code: ErrorCode) -> Self {
        let body = match code {
            ErrorCode::TransportUnknown => r#"{"code":0,"message":"Transport unknown"}"#,
            ErrorCode::UnknownSid => r#"{"code":1,"message":"Session ID unknown"}"#,
            ErrorCode::BadHandshakeMethod => r#"{"code":2,"message":"Bad handshake method"}"#,
            ErrorCode::BadRequest => r#"{"code":3,"message":"Bad request"}"#,
            ErrorCode::Forbidden => r#"{"code":4,"message":"Forbidden"}"#,
            ErrorCode::UnsupportedProtocol => r#"{"code":5,"message":"Unsupported protocol version"}"#,
            ErrorCode::Draining => r#"{"code":3,"message":"This server is about to stop"}"#,
            ErrorCode::Jsonp => r#"{"code":3,"message":"JSONP polling is not supported"}"#,
        };
        let status = match code {
            ErrorCode::Forbidden => 403,
            ErrorCode::Draining => 503,
            _ => 400,
        };
        Self { status, body }
    }
}

/// Adds the endpoint to the actix application behind a door. The application must hold the `Rc<Engine>` of its worker.
pub fn configure(config: &mut web::ServiceConfig, engine: &Engine, door: Entrance) {
    let body = web::PayloadConfig::new(engine.options.max_payload);
    for (path, entrance) in engine.options.paths(door) {
        for path in [format!("{path}/"), path.to_owned()] {
            let resource = web::resource(path).app_data(body.clone()).app_data(entrance);
            config.service(resource.route(web::route().to(endpoint)));
        }
    }
}

async fn endpoint(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let Some(engine) = request.app_data::<Rc<Engine>>().cloned() else {
        return HttpResponse::InternalServerError().finish();
    };
    let origin = header_of(&request, header::ORIGIN);
    if !engine.options.origins.allows(origin) {
        return refuse(&request, ErrorCode::Forbidden);
    }
    if request.method() == Method::OPTIONS {
        return preflight(&request);
    }
    let query = Query::parse(request.query_string());
    match query.transport.as_deref() {
        Some("polling") if query.jsonp => refuse(&request, ErrorCode::Jsonp),
        Some("polling") => polling(&engine, &request, &query, payload).await,
        Some("websocket") => refuse(&request, ErrorCode::BadRequest),
        _ => refuse(&request, ErrorCode::TransportUnknown),
    }
}

async fn polling(
    engine: &Rc<Engine>,
    request: &HttpRequest,
    query: &Query,
    payload: web::Payload,
) -> HttpResponse {
    let Some(protocol) = engine.options.speaks(query) else {
        return refuse(request, ErrorCode::UnsupportedProtocol);
    };
    match (&query.sid, request.method().as_str()) {
        (None, "GET") if engine.is_draining() => refuse(request, ErrorCode::Draining),
        (None, "GET") => open(
            engine,
            request,
            Handshake::new(request.query_string(), query.b64, protocol, authorization(request))
                .with_headers(engine.options.kept(&|name| request.headers().get(name)?.to_str().ok()))
                .by(request.app_data().copied().unwrap_or_default()),
        ),
        (None, _) => refuse(request, ErrorCode::BadHandshakeMethod),
        (Some(sid), method) => match (Sid::parse(sid), method) {
            (None, _) => refuse(request, ErrorCode::UnknownSid),
            (Some(sid), "GET") => poll(engine, request, sid).await,
            (Some(sid), "POST") => post(engine, request, sid, payload).await,
            (Some(_), _) => refuse(request, ErrorCode::BadRequest),
        },
    }
}

fn open(engine: &Rc<Engine>, request: &HttpRequest, handshake: Handshake) -> HttpResponse {
    let (payload, sid) = engine.open_polling(handshake);
    let mut response = begin(request, StatusCode::OK);
    if let Some(name) = &engine.options.cookie {
        let cookie = format!("{name}={}; Path=/; HttpOnly; SameSite=Lax", sid.as_str());
        response.insert_header((header::SET_COOKIE, cookie));
    }
    answer(response, payload)
}

/// Tells the engine when the client of a waiting GET has gone.
struct Waiting<'a> {
    engine: &'a Engine,
    sid: Sid,
    answered: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.answered {
            let _ = self.engine.exchange.give(&self.sid, Job::Abandoned(self.sid));
        }
    }
}

async fn poll(engine: &Rc<Engine>, request: &HttpRequest, sid: Sid) -> HttpResponse {
    let mut waiting = Waiting { engine, sid, answered: false };
    // Made after the guard, the receiver is dropped before it: the engine then sees that nobody waits.
    let (reply, receiver) = oneshot::channel();
    let given = engine.exchange.give(&sid, Job::Poll(sid, reply));
    let polled = if given { receiver.await } else { Ok(Polled::Unknown) };
    waiting.answered = true;
    match polled {
        Ok(Polled::Payload(payload)) => answer(begin(request, StatusCode::OK), payload),
        Ok(Polled::Unknown) => refuse(request, ErrorCode::UnknownSid),
        Ok(Polled::Refused) | Err(_) => refuse(request, ErrorCode::BadRequest),
    }
}

async fn post(engine: &Rc<Engine>, request: &HttpRequest, sid: Sid, payload: web::Payload) -> HttpResponse {
    if content_length(request).is_some_and(|length| length > engine.options.max_payload as u64) {
        return begin(request, StatusCode::PAYLOAD_TOO_LARGE).force_close().finish();
    }
    // A client that needs longer than that has missed its heartbeat meanwhile.
    let patience = engine.options.ping_interval + engine.options.ping_timeout;
    let body = payload.to_bytes_limited(engine.options.max_payload);
    let bytes = match tokio::time::timeout(patience, body).await {
        Ok(Ok(Ok(bytes))) => bytes,
        Ok(Ok(Err(_))) => return refuse(request, ErrorCode::BadRequest),
        Ok(Err(_)) => return begin(request, StatusCode::PAYLOAD_TOO_LARGE).force_close().finish(),
        Err(_) => return begin(request, StatusCode::REQUEST_TIMEOUT).force_close().finish(),
    };
    let (reply, receiver) = oneshot::channel();
    if !engine.exchange.give(&sid, Job::Post(sid, bytes, reply)) {
        return refuse(request, ErrorCode::UnknownSid);
    }
    match receiver.await {
        Ok(Posted::Ok) => begin(request, StatusCode::OK).content_type("text/html").body("ok"),
        Ok(Posted::Unknown) => refuse(request, ErrorCode::UnknownSid),
        Ok(Posted::Refused) | Err(_) => refuse(request, ErrorCode::BadRequest),
    }
}

fn answer(mut response: HttpResponseBuilder, payload: Payload) -> HttpResponse {
    response
        .content_type(payload.content_type)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(payload.bytes)
}

fn refuse(request: &HttpRequest, code: ErrorCode) -> HttpResponse {
    let refused = Refused::from(code);
    let status = StatusCode::from_u16(refused.status).unwrap_or(StatusCode::BAD_REQUEST);
    begin(request, status).content_type("application/json").body(refused.body)
}

/// A response with the CORS headers that pages need: those of the original service, for the origins let in.
fn begin(request: &HttpRequest, status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    match header_of(request, header::ORIGIN) {
        Some(origin) => response
            .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, origin))
            .insert_header((header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"))
            .insert_header((header::VARY, "Origin")),
        None => response.insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")),
    };
    response
}

fn preflight(request: &HttpRequest) -> HttpResponse {
    let headers = match header_of(request, header::ACCESS_CONTROL_REQUEST_HEADERS) {
        Some(asked) => permitted(asked),
        None => "Content-Type, Authorization".to_owned(),
    };
    begin(request, StatusCode::NO_CONTENT)
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, headers))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"))
        .finish()
}

/// What a page may send: all that it asks for, but for what proxies say about the host that was asked. A page of another
/// host could vouch for itself with that.
fn permitted(asked: &str) -> String {
    let of_proxies = |name: &&str| {
        let name = name.trim().to_ascii_lowercase();
        name == "forwarded" || name.starts_with("x-forwarded-")
    };
    asked.split(',').filter(|name| !of_proxies(name)).collect::<Vec<_>>().join(",")
}

fn content_length(request: &HttpRequest) -> Option<u64> {
    header_of(request, header::CONTENT_LENGTH)?.parse().ok()
}

fn authorization(request: &HttpRequest) -> Option<&str> {
    header_of(request, header::AUTHORIZATION)
}

fn header_of(request: &HttpRequest, name: header::HeaderName) -> Option<&str> {
    request.headers().get(name)?.to_str().ok()
}
