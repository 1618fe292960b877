//! HTTP for backends and operators: `/send` and the health endpoints.
//!
//! Thin: a handler reads a request, calls the gateway, and writes the answer. What must not live here: rules about
//! messages or sites.

mod answer;
mod body;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod health;
mod key;
mod send;

use actix_web::web::{self, ServiceConfig};

/// Settings of the HTTP face.
#[derive(Debug, Clone, Copy)]
pub struct ApiOptions {
    /// Longest body of `/send`, in bytes, after decompression.
    pub send_limit: usize,
}

/// Adds the routes to an actix application. The application must hold the `Rc<Gateway>` of its worker.
pub fn configure(config: &mut ServiceConfig, options: ApiOptions) {
    for path in ["/send", "/send/"] {
        config.service(
            web::resource(path)
                .app_data(web::PayloadConfig::new(options.send_limit))
                .route(web::post().to(send::send))
                .route(web::method(actix_web::http::Method::OPTIONS).to(send::options)),
        );
    }
    for path in ["/healthcheck", "/healthcheck/"] {
        config.service(health::resource(path).to(health::healthcheck));
    }
    config.service(health::resource("/livez").to(health::live));
    config.service(health::resource("/readyz").to(health::ready));
}
