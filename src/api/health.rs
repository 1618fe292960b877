//! Is it alive, is it ready.

use std::rc::Rc;
use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, Resource, guard, web};

use crate::gateway::Gateway;

/// A resource that knows GET and HEAD, and nothing else.
pub(super) fn resource(path: &str) -> Resource {
    web::resource(path).guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// As the original answers: it checks nothing but that the process runs.
pub(super) async fn healthcheck() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::ETAG, r#"W/"2-eoX0dku9ba8cNUXvu/DyeabcC+s""#))
        .body("ok")
}

/// The process runs.
pub(super) async fn live() -> HttpResponse {
    plain(HttpResponse::Ok(), "ok")
}

/// Whether the benches of Frappe sites are heard; what is wrong, if they are not.
#[derive(Clone)]
pub struct BenchHealth(pub Arc<dyn Fn() -> Result<(), &'static str> + Send + Sync>);

/// As the realtime server of Frappe answers. A bench that is not heard is no reason to start this process anew, so that
/// the status stays.
pub(super) async fn benches(request: HttpRequest) -> HttpResponse {
    let health = request.app_data::<BenchHealth>().map_or(Ok(()), |health| health.0());
    match health {
        Ok(()) => plain(HttpResponse::Ok(), "ok"),
        Err(why) => plain(HttpResponse::Ok(), &format!("degraded: {why}")),
    }
}

/// The process takes connections and messages.
pub(super) async fn ready(request: HttpRequest) -> HttpResponse {
    let Some(gateway) = request.app_data::<Rc<Gateway>>() else {
        return plain(HttpResponse::ServiceUnavailable(), "incomplete");
    };
    if gateway.shared().is_draining() {
        return plain(HttpResponse::ServiceUnavailable(), "draining");
    }
    match gateway.shared().store().health() {
        Ok(()) => plain(HttpResponse::Ok(), "ready"),
        Err(error) => plain(HttpResponse::ServiceUnavailable(), &error.to_string()),
    }
}

fn plain(mut response: actix_web::HttpResponseBuilder, text: &str) -> HttpResponse {
    response.content_type("text/plain; charset=utf-8").body(text.to_owned())
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use actix_web::test::TestRequest;

    use super::*;
    use crate::gateway::tests::Rig;
    use crate::store::StoreError;

    #[actix_web::test]
    async fn a_store_that_cannot_be_reached_makes_it_not_ready_and_the_reason_is_told() {
        let rig = Rig::new();
        *rig.asked.trouble.lock().unwrap() = Some(StoreError::Unavailable("connection refused".to_owned()));
        let request = TestRequest::default().app_data(Rc::clone(&rig.gateway)).to_http_request();
        let response = ready(request).await;
        assert_eq!(response.status().as_u16(), 503);
        let body = to_bytes(response.into_body()).await.unwrap();
        assert_eq!(&body[..], b"the store is unavailable: connection refused");
    }
}
