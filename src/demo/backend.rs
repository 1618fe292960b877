//! The backend of the sample site: who a client is, who was seen when, how much is waiting.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL};
use actix_web::web::{self, Json, JsonConfig, Path};
use actix_web::{HttpRequest, HttpResponse, Scope};
use serde::{Deserialize, Serialize};

use super::USER_ROOM_PREFIX;

/// Says how many entries wait in the store's inboxes at this moment.
pub type Waiting = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Whom the demo knows. A token is simply the name: `Authorization: Bearer ada`.
const USERS: [&str; 2] = ["ada", "bob"];

/// The room that both users are in.
const SHARED_ROOM: &str = "staff";

/// Longest body of a PUT, in bytes; the gateway's are below 100.
const BODY_LIMIT: usize = 1024;

/// What the sample backend remembers. One for all worker threads.
pub struct Backend {
    waiting: Waiting,
    seen: Mutex<BTreeMap<&'static str, Seen>>,
}

/// When a user was seen, as the gateway told it (ISO 8601, UTC).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Seen {
    #[serde(skip_serializing_if = "Option::is_none")]
    last_connected: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_disconnected: Option<String>,
}

/// The body of the gateway's PUT to `updateUserUrl`: `{"id":"ada","user":{"last_connected":"..."}}`, with
/// `last_disconnected` when the user went.
#[derive(Deserialize)]
struct Update {
    user: Seen,
}

/// The answer of `GET /demo/state`.
#[derive(Serialize)]
struct State<'a> {
    waiting: u64,
    users: &'a BTreeMap<&'static str, Seen>,
}

impl Backend {
    /// A backend that has seen nobody yet; `waiting` tells its page how many entries the store holds.
    #[must_use]
    pub fn new(waiting: Waiting) -> Self {
        let nobody = USERS.map(|user| (user, Seen::default()));
        Self { waiting, seen: Mutex::new(nobody.into()) }
    }

    fn seen(&self) -> MutexGuard<'_, BTreeMap<&'static str, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend").finish_non_exhaustive()
    }
}

/// Everything below `/demo`.
pub(super) fn routes() -> Scope {
    web::scope("/demo")
        .app_data(JsonConfig::default().limit(BODY_LIMIT))
        .route("/auth", web::get().to(auth))
        .route("/users/{id}", web::put().to(update_user))
        .route("/state", web::get().to(state))
}

/// `GET /demo/auth`, the site's `authUrl`: the rooms of the user whose token it is.
async fn auth(request: HttpRequest) -> HttpResponse {
    match logged_in(&request) {
        Some(user) => HttpResponse::Ok().json([format!("{USER_ROOM_PREFIX}{user}"), SHARED_ROOM.to_owned()]),
        None => HttpResponse::Unauthorized().json(serde_json::json!({ "error": "unknown token" })),
    }
}

/// `PUT /demo/users/{id}`, the site's `updateUserUrl`. The gateway brings the user's own token along, so that a
/// backend can refuse what nobody logged in for.
async fn update_user(
    request: HttpRequest,
    id: Path<String>,
    update: Json<Update>,
    backend: web::Data<Backend>,
) -> HttpResponse {
    let Some(user) = logged_in(&request).filter(|user| *user == id.as_str()) else {
        return HttpResponse::Unauthorized().finish();
    };
    let Update { user: new } = update.into_inner();
    if let Some(seen) = backend.seen().get_mut(user) {
        seen.last_connected = new.last_connected.or(seen.last_connected.take());
        seen.last_disconnected = new.last_disconnected.or(seen.last_disconnected.take());
    }
    HttpResponse::Ok().json(serde_json::json!({}))
}

/// `GET /demo/state`: what the page shows beside the messages.
async fn state(backend: web::Data<Backend>) -> HttpResponse {
    let waiting = (backend.waiting)();
    let users = backend.seen();
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(State { waiting, users: &users })
}

fn logged_in(request: &HttpRequest) -> Option<&'static str> {
    let token = request.headers().get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
    USERS.into_iter().find(|user| *user == token)
}
