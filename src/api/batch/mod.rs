//! `POST /v1/sites/{site}/messages`: many messages at once, one result for each.

mod items;
mod results;

use std::rc::Rc;

use actix_web::{HttpRequest, HttpResponse, web};

use self::results::Results;
use super::ApiOptions;
use super::answer::Refusal;
use super::body::parse_item;
use super::key::Authorized;
use super::send::{media_type, whole_body};
use crate::gateway::Gateway;

/// Messages that are read before other work of this thread gets its turn.
const SLICE: usize = 256;

/// Sends messages into rooms.
pub(super) async fn send(
    request: HttpRequest,
    site: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    match try_send(&request, &site, payload).await {
        Ok(results) => results.respond(),
        Err(refusal) => {
            tracing::debug!(reason = %refusal, "messages refused");
            refusal.respond_problem(refusal.problem())
        }
    }
}

async fn try_send(request: &HttpRequest, site: &str, payload: web::Payload) -> Result<Results, Refusal> {
    let (Some(gateway), Some(options)) =
        (request.app_data::<Rc<Gateway>>(), request.app_data::<ApiOptions>())
    else {
        return Err(Refusal::Unreadable("this server is not complete"));
    };
    let Authorized { site, resync } = Authorized::check_path(request, site, gateway.shared())?;
    let form = items::form(media_type(request))?;
    let limit = options.batch_limit;
    let bytes = whole_body(request, payload, limit, Refusal::BatchTooLarge(limit)).await?;
    // Before the work of reading it: who is told to come later comes again with the same.
    gateway.admits(&site)?;
    let items = items::split(&bytes, form, options.batch_items)?;
    let (mut orders, mut faults) = (Vec::with_capacity(items.len()), Vec::new());
    for (place, item) in items.into_iter().enumerate() {
        if item.len() > options.send_limit {
            faults.push((place, Refusal::ItemTooLarge(options.send_limit)));
            continue;
        }
        match parse_item(item, resync) {
            Ok(order) => orders.push(order),
            Err(fault) => faults.push((place, fault)),
        }
        if place % SLICE == SLICE - 1 {
            actix_web::rt::task::yield_now().await;
        }
    }
    let outcomes = gateway.send_all(&site, orders).await;
    let results = Results::new(outcomes, faults);
    tracing::debug!(site = %site.name, messages = results.len(), accepted = results.accepted(), "messages answered");
    Ok(results)
}
