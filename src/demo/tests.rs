use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::{Method, StatusCode};
use actix_web::{App, test as http, web};
use serde_json::{Value, json};

use super::{API_KEY, Backend, banner, configure, site};

const BASE: &str = "http://127.0.0.1:1337";

/// The demo as an actix app, with three entries waiting.
macro_rules! demo {
    () => {{
        let backend = Arc::new(Backend::new(Arc::new(|| 3)));
        http::init_service(App::new().app_data(web::Data::from(backend)).configure(configure)).await
    }};
}

/// Asks the demo, with a token and a JSON body where given; answers with the status and the JSON, if it is one.
async fn ask<S, B>(
    app: &S,
    method: Method,
    path: &str,
    token: Option<&str>,
    body: Value,
) -> (StatusCode, Value)
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    let mut request = http::TestRequest::default().method(method).uri(path);
    if let Some(token) = token {
        request = request.insert_header(("Authorization", format!("Bearer {token}")));
    }
    if !body.is_null() {
        request = request.set_json(body);
    }
    let response = http::call_service(app, request.to_request()).await;
    let status = response.status();
    let bytes = http::read_body(response).await;
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

async fn get<S, B>(app: &S, path: &str, token: Option<&str>) -> (StatusCode, Value)
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    ask(app, Method::GET, path, token, Value::Null).await
}

#[actix_web::test]
async fn two_users_can_log_in_and_nobody_else() {
    let app = demo!();
    let rooms = |user: &str| (StatusCode::OK, json!([format!("user_{user}"), "staff"]));
    assert_eq!(get(&app, "/demo/auth", Some("ada")).await, rooms("ada"));
    assert_eq!(get(&app, "/demo/auth", Some("bob")).await, rooms("bob"));
    for stranger in [Some("eve"), Some(""), Some("ada,bob"), None] {
        assert_eq!(get(&app, "/demo/auth", stranger).await.0, StatusCode::UNAUTHORIZED, "{stranger:?}");
    }
}

#[actix_web::test]
async fn the_backend_remembers_when_a_user_came_and_went() {
    let app = demo!();
    for (what, when) in
        [("last_connected", "2026-11-20T06:13:13.497Z"), ("last_disconnected", "2026-11-20T07:00:00.000Z")]
    {
        let body = json!({ "id": "ada", "user": { what: when } });
        assert_eq!(ask(&app, Method::PUT, "/demo/users/ada", Some("ada"), body).await.0, StatusCode::OK);
    }
    let seen = json!({
        "last_connected": "2026-11-20T06:13:13.497Z",
        "last_disconnected": "2026-11-20T07:00:00.000Z",
    });
    let (_, state) = get(&app, "/demo/state", None).await;
    assert_eq!(state["users"], json!({ "ada": seen, "bob": {} }));
}

#[actix_web::test]
async fn nobody_is_seen_without_their_own_token() {
    let app = demo!();
    let body = json!({ "id": "ada", "user": { "last_connected": "2026-11-20T06:13:13.497Z" } });
    for token in [Some("bob"), Some("eve"), None] {
        let (status, _) = ask(&app, Method::PUT, "/demo/users/ada", token, body.clone()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{token:?}");
    }
    let (_, state) = get(&app, "/demo/state", None).await;
    assert_eq!(state["users"], json!({ "ada": {}, "bob": {} }));
}

#[actix_web::test]
async fn the_state_counts_what_waits_at_this_moment() {
    let waiting = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&waiting);
    let backend = Arc::new(Backend::new(Arc::new(move || counter.load(Ordering::Relaxed))));
    let app = http::init_service(App::new().app_data(web::Data::from(backend)).configure(configure)).await;
    for n in [0, 7] {
        waiting.store(n, Ordering::Relaxed);
        assert_eq!(get(&app, "/demo/state", None).await.1["waiting"], n);
    }
}

#[actix_web::test]
async fn the_page_is_complete_in_itself() {
    let app = demo!();
    let response = http::call_service(&app, http::TestRequest::get().uri("/").to_request()).await;
    assert_eq!(response.status(), StatusCode::OK);
    let policy = response.headers().get("content-security-policy").unwrap().to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    let page = String::from_utf8(http::read_body(response).await.to_vec()).unwrap();
    assert!(page.contains(API_KEY));
    for outside in [" src=", "@import", "url(", "https://"] {
        assert!(!page.contains(outside), "the page asks for something else: {outside}");
    }
}

#[test]
fn the_site_points_at_the_demo_itself() {
    let site = site(BASE);
    assert_eq!(site.name.as_str(), "demo");
    assert_eq!(site.webservice().unwrap().auth_url, "http://127.0.0.1:1337/demo/auth");
    assert_eq!(
        site.webservice().unwrap().update_user_url.as_deref(),
        Some("http://127.0.0.1:1337/demo/users/:id")
    );
    assert!(site.is_user_room("user_ada") && !site.is_user_room("staff"));
    assert_eq!(site.api_key.as_ref().unwrap().expose(), "demo-key");
}

#[test]
fn the_banner_shows_the_address_and_a_curl_that_can_be_pasted() {
    let banner = banner(BASE);
    assert!(banner.contains("Open   http://127.0.0.1:1337/\n"));
    assert!(banner.contains("curl 'http://127.0.0.1:1337/send?site=demo' \\\n"));
    assert!(
        banner.contains(r#"-d '{"rooms":["user_ada"],"event":"note","args":{"text":"Hello from curl"}}'"#)
    );
    assert!(banner.lines().all(|line| line.len() <= 90), "fits a terminal");
}
