//! The Redis of a bench, and the web server of a site.

use serde_json::json;

use super::{assert_found, doctor, doctor_at};
use crate::support::frappe::{Bench, CAN_SUBSCRIBE_DOCTYPE, Channel, SITE, USER_INFO};
use crate::support::process::free_port;
use crate::support::redis::{Certificates, RedisServer};
use crate::support::site_server::{Reply, SiteServer};

#[tokio::test]
async fn a_redis_that_is_away_is_named_with_its_setting() {
    let mut bench = Bench::new().await;
    bench.redis.stop();
    let said = doctor(&bench, &[]).await;
    assert_found(&said, "FAIL", "it cannot be used: nobody answers there", "`redis_queue`");
    assert_found(&said, "FAIL", "its secret could not be read from Redis", "Redis first");
}

#[tokio::test]
async fn an_address_of_redis_that_cannot_be_is_explained() {
    let bench = Bench::new().await;
    let port = bench.redis.port();
    // No label of a name is that long: the resolver fails without asking anybody.
    let name = "x".repeat(64);
    let bench = bench.common("redis_queue", json!(format!("redis://{name}:{port}")));
    let said = doctor(&bench, &["--site", SITE]).await;
    assert_found(&said, "FAIL", "the name of its host is not known", "the name of the service of Redis");
    let bench = bench.common("redis_queue", json!(format!("rediss://127.0.0.1:{port}")));
    let said = doctor(&bench, &["--site", SITE]).await;
    assert_found(&said, "FAIL", "no TLS connection", "else redis://");
    let stranger = RedisServer::with_tls(&Certificates::make(), &[]);
    let bench = bench.common("redis_queue", json!(stranger.url()));
    let said = doctor(&bench, &["--site", SITE]).await;
    assert_found(&said, "FAIL", "no TLS connection", "that this machine trusts");
    let web = bench.web.port();
    let bench = bench.common("redis_queue", json!(format!("redis://127.0.0.1:{web}")));
    let said = doctor(&bench, &["--site", SITE]).await;
    assert_found(&said, "FAIL", "it cannot be used", "`redis_queue`");
}

#[tokio::test]
async fn nobody_is_waited_for_for_ever() {
    let bench = Bench::new().await;
    bench.redis.freeze();
    bench.web.arrange(USER_INFO, Reply::Never);
    let silent = SiteServer::start(|_, _| Reply::Never).await;
    let said = doctor_at(&bench, silent.port, &["--site", SITE]).await;
    assert_found(&said, "FAIL", "it cannot be used: no answer in time", "`redis_queue`");
    assert_found(&said, "FAIL", "the web server did not answer in time", "gunicorn_workers");
    assert_found(&said, "FAIL", "something that is no Socket.IO server", "ss -ltnp");
}

#[tokio::test]
async fn a_login_that_is_missing_or_too_weak_is_told_and_never_shown() {
    let bench = Bench::on(RedisServer::with(&[("requirepass", "hunter2")])).await;
    let address = format!("redis://127.0.0.1:{}", bench.redis.port());
    let said = doctor(&bench.common("redis_queue", json!(address)), &[]).await;
    assert_found(&said, "FAIL", "it does not accept the login", "redis://user:password@host:port");
    let bench = Bench::on(RedisServer::with(&[("requirepass", "hunter2")])).await;
    let said = doctor(&bench, &[]).await;
    assert!(!said.contains("FAIL") && !said.contains("hunter2"), "{said}");
    let rule = ["ACL", "SETUSER", "weak", "on", ">hunter3", "+ping", "+get", "~*", "+subscribe", "&events"];
    assert_eq!(bench.redis.cli(&rule), "OK");
    let address = format!("redis://weak:hunter3@127.0.0.1:{}", bench.redis.port());
    let said = doctor(&bench.common("redis_queue", json!(address)), &[]).await;
    assert_found(&said, "FAIL", "(postroom:frappe:1) does not come back", "&postroom:frappe:1");
    assert!(said.contains("the channel `events` can be heard") && !said.contains("hunter"), "{said}");
}

#[tokio::test]
async fn nothing_is_published_where_the_bench_publishes() {
    let bench = Bench::new().await;
    let mut events = Channel::listen(&bench.redis, "events").await;
    let mut letters = Channel::listen(&bench.redis, "postroom:frappe:1").await;
    let said = doctor(&bench, &[]).await;
    assert!(said.contains("a letter to the channel of the Postrooms"), "{said}");
    letters.until("doctor").await;
    bench.publish_text("the-end");
    assert!(!events.until("the-end").await.contains("doctor"));
}

#[tokio::test]
async fn a_secret_of_another_redis_is_recognised() {
    let bench = Bench::new().await;
    bench.redis.cli(&["SET", "socketio_auth_secret", "hunter2-is-the-secret-of-another"]);
    let said = doctor(&bench, &["--site", SITE]).await;
    assert_found(&said, "FAIL", "its secret is not the socketio_auth_secret of our Redis", "`redis_queue`");
    assert!(!said.contains("hunter2") && !said.contains("secret-of-the-bench"), "{said}");
    bench.redis.cli(&["DEL", "socketio_auth_secret"]);
    let said = doctor(&bench, &["--site", SITE]).await;
    assert_found(&said, "FAIL", "it makes a secret, but not in our Redis", "`redis_queue`");
}

#[tokio::test]
async fn the_first_call_may_make_the_secret() {
    let bench = Bench::new().await;
    bench.redis.cli(&["DEL", "socketio_auth_secret"]);
    bench.web.rules(|rules| rules.redis = Some(bench.redis.socket()));
    let said = doctor(&bench, &["--site", SITE]).await;
    assert!(said.contains("socketio_auth_secret is not there") && !said.contains("FAIL"), "{said}");
}

#[tokio::test]
async fn a_web_server_that_is_down_or_something_else_is_told_apart() {
    let mut bench = Bench::new().await;
    let page = |status| {
        let html = b"<!DOCTYPE html><h1>Welcome</h1>".to_vec();
        Reply::Answer(status, "content-type: text/html\r\n".to_owned(), html)
    };
    for (reply, text, mend) in [
        (page(200), "a page for people came with status 200", "another application"),
        (page(404), "a page for people came with status 404", "it was asked for `site1.localhost`"),
        (Reply::json(500, "{}"), "status 500", "bench --site site1.localhost migrate"),
        (Reply::json(403, "{}"), "status 403", "wants a login"),
    ] {
        bench.web.arrange(USER_INFO, reply);
        let said = doctor(&bench, &["--site", SITE]).await;
        assert_found(&said, "FAIL", text, mend);
        assert_found(&said, "FAIL", text, "`webserver_host`");
    }
    bench.web.arrange(USER_INFO, Reply::Close);
    bench.web.down().await;
    let said = doctor(&bench, &["--site", SITE]).await;
    assert_found(
        &said,
        "FAIL",
        &format!("web server http://127.0.0.1:{}: ", bench.web.port()),
        "bench start",
    );
}

#[tokio::test]
async fn where_no_web_server_is_known_that_is_said() {
    let bench =
        Bench::new().await.common("webserver_host", json!(null)).common("webserver_port", json!(null));
    let said = doctor(&bench, &["--site", SITE]).await;
    assert_found(&said, "warn", "depends on the address of a client's page", "--url");
    let said = doctor(&bench, &["--site", SITE, "--url", "http://127.0.0.1:1"]).await;
    assert_found(&said, "FAIL", "no host of this site", "siteAliases: [127.0.0.1=site1.localhost]");
}

#[tokio::test]
async fn older_versions_are_known_by_their_answers() {
    let bench = Bench::new().await.version(15);
    let said = doctor(&bench, &["--site", SITE]).await;
    assert!(said.contains("no apps are named (Frappe 15 or earlier)") && !said.contains("FAIL"), "{said}");
    assert!(said.contains("asked for with can_subscribe\n"), "{said}");
    assert!(bench.web.calls_of(CAN_SUBSCRIBE_DOCTYPE).is_empty(), "one question is enough");
    let said = doctor(&bench.config("frappe: {permissionApi: has_permission}"), &["--site", SITE]).await;
    assert_found(&said, "FAIL", "this site knows can_subscribe alone", "permissionApi: auto");
}

#[tokio::test]
async fn who_a_cookie_or_a_token_is() {
    let bench = Bench::new().await;
    let of_site = |more: [&'static str; 2]| [&["--site", SITE], &more[..]].concat();
    for (flags, text) in [
        (["--sid", "sid-alice"], "--sid is alice@example.com, a user of the desk"),
        (["--token", "Bearer webuser"], "--token is webuser@example.com, a user of the website alone"),
    ] {
        let said = doctor(&bench, &of_site(flags)).await;
        assert!(said.contains(text) && !said.contains("FAIL"), "{said}");
    }
    let said = doctor(&bench, &of_site(["--sid", "hunter2"])).await;
    assert_found(&said, "warn", "not logged in (Guest)", "log in anew");
    assert!(!said.contains("hunter2"), "{said}");
    let said = doctor(&bench, &of_site(["--token", "Bearer nobody"])).await;
    assert_found(&said, "FAIL", "--token is refused", "token <api_key>:<api_secret>");
    let (status, said) = bench.doctor_at(free_port(), &["--sid", "sid-alice"]).await;
    assert!(!status.success() && said.contains("--site") && !said.contains("sid-alice"), "{said}");
}
