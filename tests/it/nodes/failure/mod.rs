//! What fails at Redis, one thing after another: what clients, backends and the operator see of it, and that it ends by
//! itself.

mod disk;
mod down;
mod failover;
mod foreign;
mod memory;
mod refusals;
mod replicas;

use std::time::{Duration, Instant};

use super::town::ANSWERED;
use super::{post, until};
use crate::support::gateway::Gateway;
use crate::support::http::Answer;

/// The answer to a message that is not taken: in time, and with the advice to come again.
async fn refused(gateway: &Gateway, room: &str) -> Answer {
    let began = Instant::now();
    let answer = post(gateway, room, "refused").await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.header("retry-after").is_some());
    assert!(began.elapsed() < ANSWERED, "{:?}", began.elapsed());
    answer
}

/// `/readyz` says 503 and this; what else it says.
async fn not_ready(gateway: &Gateway, reason: &str) -> String {
    until(&format!("/readyz says {reason}"), async || {
        let answer = gateway.get("/readyz").await;
        (answer.status == 503 && answer.text().contains(reason)).then(|| answer.text())
    })
    .await
}

async fn ready(gateway: &Gateway) {
    until("/readyz says 200", async || (gateway.get("/readyz").await.status == 200).then_some(())).await;
}

/// Sends until it is accepted; how long that took.
async fn accepted(gateway: &Gateway, room: &str, event: &str) -> Duration {
    let began = Instant::now();
    until("a message is accepted", async || (post(gateway, room, event).await.status == 200).then_some(()))
        .await;
    began.elapsed()
}

/// Lines of the log from warnings on.
fn complaints(gateway: &Gateway) -> Vec<String> {
    let loud = |line: &String| line.contains("\"WARN\"") || line.contains("\"ERROR\"");
    gateway.logs().into_iter().filter(loud).collect()
}
