//! HTTP for backends and operators: `/send`, its batch form, the health endpoints, `/metrics`.
//!
//! Thin: a handler reads a request, calls the gateway, and writes the answer. What must not live here: rules about
//! messages or sites.

mod answer;
mod batch;
mod body;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod health;
mod key;
mod metrics;
mod payload;
mod send;

use actix_web::guard;
use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};

pub use health::BenchHealth;
pub use metrics::configure_metrics;

/// Settings of the HTTP face.
#[derive(Debug, Clone, Copy)]
pub struct ApiOptions {
    /// Longest body of `/send`, in bytes, after decompression.
    pub send_limit: usize,
    /// Longest body of a batch, in bytes, after decompression.
    pub batch_limit: usize,
    /// Most messages in a batch.
    pub batch_items: usize,
}

/// Adds the routes to an actix application. The application must hold the `Rc<Gateway>` of its worker.
pub fn configure(config: &mut ServiceConfig, options: ApiOptions) {
    for path in ["/send", "/send/"] {
        config.service(
            web::resource(path)
                .app_data(web::PayloadConfig::new(options.send_limit))
                // The guard of `web::post` writes down what it asks, for the `Allow` of a 405: at a price for each request.
                .route(
                    web::route()
                        .guard(guard::fn_guard(|ask| ask.head().method == Method::POST))
                        .to(send::send),
                )
                .route(web::post().to(send::send))
                .route(web::method(Method::OPTIONS).to(send::options)),
        );
    }
    config.service(
        web::resource("/v1/sites/{site}/messages")
            .app_data(web::PayloadConfig::new(options.batch_limit))
            .route(web::post().to(batch::send))
            .route(web::method(Method::OPTIONS).to(send::options)),
    );
    for path in ["/healthcheck", "/healthcheck/"] {
        config.service(health::resource(path).to(health::healthcheck));
    }
    config.service(health::resource("/health").to(health::benches));
    config.service(health::resource("/livez").to(health::live));
    config.service(health::resource("/readyz").to(health::ready));
}
