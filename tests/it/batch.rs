//! Many messages in one request: what is taken and answered, and that it comes to what single sends would.

mod answers;
mod body;
mod delivery;

use serde_json::Value;

use crate::support::gateway::Gateway;
use crate::support::http::{Answer, ask};

const JSON: &str = "Content-Type: application/json";
const LINES: &str = "Content-Type: application/x-ndjson";

fn path(site: &str) -> String {
    format!("/v1/sites/{site}/messages")
}

fn bearer(site: &str) -> String {
    format!("Authorization: Bearer {}", Gateway::key(site))
}

/// A batch for a site with its right key.
async fn post(gateway: &Gateway, site: &str, kind: &str, body: impl AsRef<[u8]>) -> Answer {
    ask(gateway.port, "POST", &path(site), &[kind, &bearer(site)], body.as_ref()).await
}

/// A batch of which each message must be accepted: the results.
async fn accepted(gateway: &Gateway, site: &str, messages: &Value) -> Vec<Value> {
    let answer = post(gateway, site, JSON, messages.to_string()).await;
    assert_eq!((answer.status, answer.content_type()), (200, "application/json"), "{}", answer.text());
    let results = results(&answer);
    assert_eq!(results.len(), messages.as_array().unwrap().len());
    for result in &results {
        assert!(result["id"].is_string(), "{result}");
    }
    results
}

fn results(answer: &Answer) -> Vec<Value> {
    answer.json()["results"].as_array().unwrap_or_else(|| panic!("{}", answer.text())).clone()
}

/// What a problem says, after looking at its form.
fn problem(answer: &Answer) -> String {
    let problem = answer.json();
    assert_eq!(answer.content_type(), "application/problem+json");
    assert_eq!(problem["status"], answer.status);
    assert_eq!(problem["type"], "about:blank");
    assert!(problem["title"].is_string());
    problem["detail"].as_str().unwrap().to_owned()
}
