//! `updateUserUrl`: the site is told who came and who went.

use serde_json::Value;

use crate::support::backend::{self, updates};
use crate::support::client::Client;
use crate::support::gateway::{Gateway, Setup};
use crate::support::site_server::SiteServer;

async fn told(more: &str) -> (SiteServer, Gateway) {
    let site = backend::start().await;
    let lines = format!("updateUserUrl: {}\n{more}", site.url("/users/:id"));
    let gateway = Setup::new().broadcast_site("demo", &site, &lines).start().await;
    (site, gateway)
}

/// The path and the one field of each update, of which there must be as many as this.
async fn changes(site: &SiteServer, auth_calls: usize, count: usize) -> Vec<(String, String)> {
    site.wait_for(auth_calls + count).await;
    let change = |(path, body): (String, Value)| {
        let user = body["user"].as_object().unwrap();
        assert_eq!((user.len(), path.rsplit('/').next()), (1, body["id"].as_str()));
        let (field, time) = user.iter().next().unwrap();
        let time = time.as_str().unwrap();
        assert!(time.len() == 24 && time.ends_with('Z') && time.starts_with("20"), "{time}");
        (path, field.clone())
    };
    let mut all: Vec<(String, String)> = updates(site).into_iter().map(change).collect();
    assert_eq!(all.len(), count, "{all:?}");
    all.sort();
    all
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(path, field)| ((*path).to_owned(), (*field).to_owned())).collect()
}

#[tokio::test]
async fn coming_and_going_is_told_with_the_token_of_the_session() {
    let (site, gateway) = told("userRoomPrefix: user_").await;
    let client = Client::v3(&gateway, "demo", "user_7+staff", "d").await;
    assert_eq!(changes(&site, 1, 1).await, pairs(&[("/users/7", "last_connected")]));
    client.close().await;
    let expected = [("/users/7", "last_connected"), ("/users/7", "last_disconnected")];
    assert_eq!(changes(&site, 1, 2).await, pairs(&expected));
    for put in site.seen().iter().filter(|seen| seen.method == "PUT") {
        assert_eq!(put.header("authorization").as_deref(), Some("Bearer user_7+staff"));
        assert_eq!(put.header("content-type").as_deref(), Some("application/json"));
        assert_eq!(put.header("x-meta"), None);
    }
}

#[tokio::test]
async fn the_id_is_what_follows_the_prefix_of_the_site() {
    let (site, gateway) = told("userRoomPrefix: user-\npublicChannel: browse").await;
    let _client = Client::v4(&gateway, "demo", "user-3_admin+user-4+browse", "d").await;
    let expected = [("/users/3", "last_connected"), ("/users/4", "last_connected")];
    assert_eq!(changes(&site, 1, 2).await, pairs(&expected));
    let anonymous = Client::v4(&gateway, "demo", "browse", "d").await;
    anonymous.close().await;
    // One that is told behind the anonymous one, of whom nothing was.
    let _last = Client::v4(&gateway, "demo", "user-5", "d").await;
    let expected =
        [("/users/3", "last_connected"), ("/users/4", "last_connected"), ("/users/5", "last_connected")];
    assert_eq!(changes(&site, 3, 3).await, pairs(&expected));
}

#[tokio::test]
async fn a_stop_tells_who_went() {
    let (site, mut gateway) = told("userRoomPrefix: user_").await;
    let _one = Client::v3(&gateway, "demo", "user_1", "d").await;
    let _two = Client::v4(&gateway, "demo", "user_2", "d").await;
    changes(&site, 2, 2).await;
    assert!(gateway.terminate().await.success());
    let expected = [
        ("/users/1", "last_connected"),
        ("/users/1", "last_disconnected"),
        ("/users/2", "last_connected"),
        ("/users/2", "last_disconnected"),
    ];
    assert_eq!(changes(&site, 2, 4).await, pairs(&expected));
}

#[tokio::test]
async fn who_was_not_let_in_is_not_told() {
    let (site, gateway) = told("userRoomPrefix: user_").await;
    let dial = crate::support::client::Dial::v4().who(backend::WRONG, "d");
    let mut refused = Client::dial(&gateway, &dial).await;
    refused.connect("demo", None).await;
    refused.refused("demo").await;
    refused.close().await;
    let _client = Client::v4(&gateway, "demo", "user_1", "d").await;
    assert_eq!(changes(&site, 2, 1).await, pairs(&[("/users/1", "last_connected")]));
}
