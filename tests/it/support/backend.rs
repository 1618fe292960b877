//! A site's backend whose tokens say which rooms they open: `user_1+staff` opens these two.

use super::site_server::{Reply, Seen, SiteServer};

/// A token that is refused by 401.
pub const WRONG: &str = "wrong";

/// Starts a backend that answers `/auth` from the token alone, and takes every `PUT`.
pub async fn start() -> SiteServer {
    SiteServer::start(|seen, _| answer(seen)).await
}

/// What such a backend answers.
pub fn answer(seen: &Seen) -> Reply {
    if seen.method == "PUT" {
        return Reply::json(200, "{}");
    }
    match token(seen).as_str() {
        WRONG => Reply::json(401, "{}"),
        token => {
            let rooms: Vec<&str> = token.split('+').filter(|room| !room.is_empty()).collect();
            Reply::json(200, &serde_json::json!(rooms).to_string())
        }
    }
}

/// The token of a request, without its scheme; empty where there is none.
pub fn token(seen: &Seen) -> String {
    let header = seen.header("authorization").unwrap_or_default();
    header.split_once(' ').map(|(_, token)| token.to_owned()).unwrap_or_default()
}

/// The bodies of the `PUT`s so far, with their paths.
pub fn updates(server: &SiteServer) -> Vec<(String, serde_json::Value)> {
    let puts = server.seen().into_iter().filter(|seen| seen.method == "PUT");
    puts.map(|seen| (seen.path, serde_json::from_slice(&seen.body).unwrap())).collect()
}
