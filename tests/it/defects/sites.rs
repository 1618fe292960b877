//! Several sites in one process: B13.

use serde_json::json;

use crate::support::backend::{self, WRONG};
use crate::support::client::{Client, Dial};
use crate::support::gateway::{Gateway, Setup};
use crate::support::send::Send;
use crate::support::site_server::SiteServer;

struct Town {
    a: SiteServer,
    b: SiteServer,
    gateway: Gateway,
}

/// Two sites on two backends, with different schemes, prefixes and public channels; and one that broadcasts.
async fn town() -> Town {
    let (a, b) = (backend::start().await, backend::start().await);
    let more_a = format!("authScheme: Token\nupdateUserUrl: {}", a.url("/users/:id"));
    let more_b = format!("userRoomPrefix: u-\npublicChannel: lobby\nupdateUserUrl: {}", b.url("/people/:id"));
    let setup = Setup::new().site("a", &a, &more_a).broadcast_site("b", &b, &more_b);
    let gateway = setup.broadcast_site("c", &b, "").start().await;
    Town { a, b, gateway }
}

#[tokio::test]
async fn b13_each_site_asks_its_own_backend_in_its_own_way() {
    let Town { a, b, gateway } = town().await;
    let _one = Client::v4(&gateway, "a", "user_1", "d").await;
    let _two = Client::v4(&gateway, "b", "u-1", "d").await;
    let auth = |server: &SiteServer| {
        let calls = server.seen().into_iter().filter(|seen| seen.method == "GET");
        calls.map(|seen| seen.header("authorization").unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(auth(&a), ["Token user_1"]);
    assert_eq!(auth(&b), ["Bearer u-1"]);
    let first =
        |server: &SiteServer| server.seen().into_iter().find(|seen| seen.method == "PUT").unwrap().path;
    a.wait_for(2).await;
    b.wait_for(2).await;
    assert_eq!((first(&a).as_str(), first(&b).as_str()), ("/users/1", "/people/1"));
}

#[tokio::test]
async fn b13_the_prefix_of_one_site_means_nothing_in_another() {
    let town = town().await;
    let gateway = &town.gateway;
    for (name, token, dial) in
        [("a", "u-1", Dial::v3()), ("b", "user_1", Dial::v4()), ("a", "lobby", Dial::v4())]
    {
        let mut client = Client::dial(gateway, &dial.who(token, "d")).await;
        client.connect(name, None).await;
        assert_eq!(client.refused(name).await, "User is missing a private room");
    }
    Client::v4(gateway, "b", "lobby", "d").await.settled().await;
    Client::v4(gateway, "c", "lobby", "d").await.settled().await;
}

#[tokio::test]
async fn b13_the_key_of_one_site_opens_no_other() {
    let town = town().await;
    let gateway = &town.gateway;
    for (name, key) in [("a", "b"), ("b", "a"), ("c", "b")] {
        let send = Send::bare(gateway)
            .query(&format!("site={name}"))
            .query(&format!("apiKey={}", Gateway::key(key)));
        assert_eq!(send.event(&["user_1"], "e", json!(1)).post().await.status, 401);
    }
}

#[tokio::test]
async fn b13_equal_rooms_and_devices_of_two_sites_are_not_the_same() {
    let town = town().await;
    let gateway = &town.gateway;
    let token = "user_1+u-1+shared+lobby";
    let mut a = Client::v4(gateway, "a", token, "d").await;
    let mut b = Client::v4(gateway, "b", token, "d").await;
    let mut c = Client::v4(gateway, "c", token, "d").await;
    for room in ["user_1", "u-1", "shared", "lobby"] {
        for name in ["a", "b", "c"] {
            gateway.send(name, &[room], &format!("{name} {room}"), json!(1)).await;
        }
    }
    for room in ["user_1", "u-1", "shared", "lobby"] {
        a.acked(&format!("a {room}")).await;
        b.event(&format!("b {room}")).await;
        c.event(&format!("c {room}")).await;
    }
    // What one acknowledged stays with the other.
    a.close().await;
    b.close().await;
    Client::v4(gateway, "a", token, "d").await.settled().await;
    let mut b = Client::v4(gateway, "b", token, "d").await;
    assert_eq!(b.acked("_batch").await.batch().len(), 4);
}

#[tokio::test]
async fn b13_one_connection_in_several_sites_is_a_client_of_each() {
    let town = town().await;
    let gateway = &town.gateway;
    let mut client = Client::dial(gateway, &Dial::v4().who("user_1+u-1", "d")).await;
    for name in ["a", "b", "c"] {
        client.connect(name, None).await;
        client.joined(name).await;
    }
    for name in ["a", "b"] {
        gateway.send(name, &["user_1", "u-1"], "e", json!(name)).await;
        let event = client.acked("e").await;
        assert_eq!((event.namespace, event.json[1].as_str()), (format!("/{name}"), Some(name)));
    }
    client.leave("a").await;
    client.settled().await;
    gateway.send("a", &["user_1"], "gone", json!(1)).await;
    gateway.send("b", &["u-1"], "here", json!(1)).await;
    assert_eq!(client.acked("here").await.namespace, "/b");
    client.connect("a", None).await;
    client.joined("a").await;
    assert_eq!(client.acked("_batch").await.batch_names(), ["gone"]);
}

#[tokio::test]
async fn b13_a_site_that_is_down_or_says_no_leaves_the_others_alone() {
    let up = backend::start().await;
    let down = SiteServer::start(|_, _| crate::support::site_server::Reply::Never).await;
    let setup = Setup::new().site("down", &down, "authTimeout: 1").site("up", &up, "");
    let gateway = setup.start().await;
    let mut waiting = Client::dial(&gateway, &Dial::v4().who("user_1", "d")).await;
    waiting.connect("down", None).await;
    Client::v4(&gateway, "up", "user_1", "d").await.settled().await;
    let text = waiting.refused("down").await;
    assert_eq!(text, "Service unavailable: the site's auth server did not answer in time");
    let mut refused = Client::dial(&gateway, &Dial::v3().who(WRONG, "d")).await;
    refused.connect("up", None).await;
    assert_eq!(refused.refused("up").await, "Authentication failed");
}
