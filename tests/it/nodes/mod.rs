//! Several real gateway processes on one Redis: the promises of one node, held by many, whatever dies or breaks.

mod across;
mod broken;
mod failure;
mod moving;
mod slots;
mod town;

use std::time::Duration;

use crate::support::client::Client;
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::Answer;
use crate::support::redis::{RedisServer, aside};
use crate::support::send::Send;
use crate::support::site_server::{PATIENCE, SiteServer};

/// Lines of config.yml: Redis at this URL.
pub fn redis(url: &str, more: &str) -> String {
    format!("redis:\n  url: '{url}'\n{more}")
}

/// As many gateways with the site `demo` on this Redis.
async fn nodes(count: usize, server: &RedisServer, site: &SiteServer, more: &str) -> Vec<Gateway> {
    let mut nodes = Vec::new();
    for _ in 0..count {
        nodes.push(Setup::demo(site).config(&redis(&server.url(), more)).start().await);
    }
    nodes
}

/// Takes what comes until this event, alone or in a batch; the names of those before it.
async fn named(client: &mut Client, name: &str) -> Vec<String> {
    let mut before = Vec::new();
    loop {
        let packet = client.packet().await;
        let names =
            if packet.name() == "_batch" { packet.batch_names() } else { vec![packet.name().to_owned()] };
        let is_there = names.iter().any(|found| found == name);
        before.extend(names.into_iter().take_while(|found| found != name));
        if is_there {
            return before;
        }
    }
}

/// One call of `/send`, whatever the answer.
async fn post(gateway: &Gateway, room: &str, event: &str) -> Answer {
    Send::to(gateway, "demo").wants_json().event(&[room], event, 1).post().await
}

/// Asks again and again, for as long as any test waits, until the answer is this.
async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("never: {what}"))
}
