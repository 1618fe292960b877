//! Messages that are not kept, across gateways that share a Redis.

use serde_json::json;

use crate::support::backend;
use crate::support::client::{Client, Dial};
use crate::support::gateway::{Gateway, Setup};
use crate::support::redis::{RedisServer, until};
use crate::support::send::Send;
use crate::support::site_server::SiteServer;

async fn gateways(redis: &RedisServer, site: &SiteServer) -> [Gateway; 2] {
    let start = || {
        let setup = Setup::new().broadcast_site("news", site, "").site("demo", site, "publicChannel: browse");
        setup.env("REDIS_URL", &redis.url()).start()
    };
    [start().await, start().await]
}

#[tokio::test]
async fn who_is_connected_anywhere_hears_what_is_sent_to_any_gateway() {
    let (redis, site) = (RedisServer::start(), backend::start().await);
    let [one, two] = gateways(&redis, &site).await;
    let mut here = Client::v4(&one, "news", "Staff", "").await;
    let mut there = Client::v4(&two, "news", "Staff+other", "").await;
    for (n, gateway) in [&one, &two, &one, &two].into_iter().enumerate() {
        let name = format!("event{n}");
        gateway.send("news", &["Staff", "other", "third"], &name, json!(n)).await;
        here.event(&name).await;
        there.event(&name).await;
    }
    here.settled().await;
    there.settled().await;
}

#[tokio::test]
async fn visitors_without_a_device_id_hear_what_is_kept_for_the_others() {
    let (redis, site) = (RedisServer::start(), backend::start().await);
    let [one, two] = gateways(&redis, &site).await;
    let mut visitor = Client::v4(&one, "demo", "browse", "").await;
    let mut user = Client::v4(&one, "demo", "user_1+browse", "d").await;
    two.send("demo", &["browse"], "news", json!(1)).await;
    visitor.event("news").await;
    user.acked("news").await;
    visitor.settled().await;
    user.settled().await;
}

#[tokio::test]
async fn while_redis_is_away_clients_stay_and_are_let_in_and_sending_is_503() {
    let (mut redis, site) = (RedisServer::start(), backend::start().await);
    let [one, two] = gateways(&redis, &site).await;
    let mut before = Client::v4(&one, "news", "staff", "").await;
    redis.kill9();
    let answer = Send::to(&two, "news").event(&["staff"], "lost", json!(1)).post().await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{}", answer.text());
    assert!(answer.text().starts_with("The message was perhaps not accepted: "), "{}", answer.text());
    let mut meanwhile = Client::dial(&one, &Dial::v4().who("staff+new", "")).await;
    meanwhile.connect("news", None).await;
    meanwhile.joined("news").await;
    redis.restart();
    let listened = |room| !redis.cli(&["PUBSUB", "CHANNELS", room]).is_empty();
    until("the subscriptions are there again", 20, || listened("*staff") && listened("*new"));
    two.send("news", &["staff"], "after", json!(1)).await;
    before.event("after").await;
    meanwhile.event("after").await;
    two.send("news", &["new"], "new", json!(1)).await;
    meanwhile.event("new").await;
    before.settled().await;
}
