//! `GET /metrics`, on a listener of its own: numbers of the whole process are nobody's business but the operator's.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use super::health;
use crate::telemetry::{METRICS_TYPE, Metrics};

/// Adds the route to the application of that listener.
pub fn configure_metrics(config: &mut ServiceConfig, metrics: &Arc<Metrics>) {
    config.app_data(web::Data::from(Arc::clone(metrics)));
    config.service(health::resource("/metrics").to(scrape));
}

async fn scrape(request: HttpRequest) -> HttpResponse {
    let metrics = request.app_data::<web::Data<Metrics>>();
    match metrics.and_then(|metrics| metrics.text().ok()) {
        Some(text) => HttpResponse::Ok()
            .content_type(METRICS_TYPE)
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(text),
        None => HttpResponse::InternalServerError().finish(),
    }
}
