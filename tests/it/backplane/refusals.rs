//! Who is let in, and what servers say no to.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use postroom::backplane::{Backplane, Login, Servers, Slot, Trouble};
use redis::Value;

use super::plane::{Plane, single, url};
use crate::support::redis::{Certificates, RedisServer};

fn refused(outcome: Result<Value, Trouble>) -> String {
    match outcome {
        Err(Trouble::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_password_a_user_and_a_database() {
    let server = RedisServer::with(&[("requirepass", "p@ss")]);
    let at = format!("127.0.0.1:{}", server.port());
    let plane = Plane::to(&format!("redis://:p%40ss@{at}/3"));
    plane.until_done(&["SET", "a", "in three"]);
    assert_eq!(server.cli(&["-n", "3", "GET", "a"]), "in three");

    server.cli(&["ACL", "SETUSER", "me", "on", ">pw", "~*", "&*", "+@all", "-set"]);
    let me = Plane::to(&format!("redis://me:pw@{at}"));
    assert_eq!(me.until_done(&["GET", "a"]), Value::Nil);
    assert!(refused(me.once(&["SET", "a", "1"])).starts_with("NOPERM"));

    assert!(
        refused(Plane::to(&format!("redis://:wrong@{at}")).once(&["PING"]))
            .contains("check user and password")
    );
    assert!(refused(Plane::to(&format!("redis://{at}")).once(&["PING"])).contains("NOAUTH"));
    assert!(refused(Plane::to(&format!("redis://:p%40ss@{at}/99")).once(&["PING"])).contains("DB index"));
}

#[test]
fn a_server_of_another_kind_is_told_how_to_name_it() {
    let server = RedisServer::start();
    let mut options = single(&server.url());
    options.servers = Servers::Cluster(vec![url(&server.url())]);
    let why = refused(Plane::start(options.clone()).once(&["PING"]));
    assert!(why.contains("name it alone, as a single server"), "{why}");

    let (sentinels, login) = (vec![url(&server.url())], Login::default());
    options.servers = Servers::Sentinel { sentinels, master: "mymaster".to_owned(), login };
    let plane = Plane::start(options);
    let log = plane.log();
    let why = refused(plane.once(&["PING"]));
    assert!(why.contains("not a sentinel") && why.contains("redis.sentinelMaster"), "{why}");
    assert_eq!(log.count("trying again until it works"), 0, "{}", log.text());
}

#[test]
fn what_does_not_speak_as_was_said_is_asked_about() {
    let broken = |outcome: Result<Value, Trouble>| match outcome {
        Err(Trouble::Broken(why)) => why,
        other => panic!("{other:?}"),
    };
    let server = RedisServer::start();
    let why = broken(Plane::to(&server.url().replace("redis://", "rediss://")).once(&["PING"]));
    assert!(why.contains("does the server speak TLS"), "{why}");

    let web = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = web.local_addr().unwrap().port();
    let answering = std::thread::spawn(move || {
        let (mut connection, _) = web.accept().unwrap();
        let mut asked = [0; 16];
        let _ = connection.read(&mut asked);
        let _ = connection.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let why = broken(Plane::to(&format!("redis://:x@127.0.0.1:{port}")).once(&["PING"]));
    answering.join().unwrap();
    assert!(why.contains("is it Redis") && !why.contains('\n'), "{why}");
}

#[test]
fn a_user_who_may_not_ask_config_is_let_in() {
    let server = RedisServer::with(&[("appendonly", "yes")]);
    server.cli(&["ACL", "SETUSER", "me", "on", ">pw", "~*", "&*", "+@all", "-config"]);
    let plane = Plane::to(&format!("redis://me:pw@127.0.0.1:{}", server.port()));
    let log = plane.log();
    plane.until_done(&["PING"]);
    assert_eq!(log.count("CONFIG is forbidden"), 1, "{}", log.text());
}

#[test]
fn a_unix_socket() {
    let server = RedisServer::start();
    let plane = Plane::to(&format!("unix://{}?db=2", server.socket().display()));
    plane.until_done(&["SET", "a", "1"]);
    assert_eq!(server.cli(&["-n", "2", "GET", "a"]), "1");
}

#[test]
fn tls_with_a_certificate_authority_of_ones_own() {
    let certificates = Certificates::make();
    let server = RedisServer::with_tls(&certificates, &[("requirepass", "x")]);
    let mut options = single(&server.url());
    assert!(options.ca.is_none());
    let why = refused(Plane::start(options.clone()).once(&["PING"]));
    assert!(why.contains("certificate is not trusted"), "{why}");

    options.ca = Some(Certificates::make().authority());
    assert!(Backplane::start(options.clone()).is_err(), "its folder is gone");
    let others = Certificates::make();
    options.ca = Some(others.authority());
    assert!(refused(Plane::start(options.clone()).once(&["PING"])).contains("certificate is not trusted"));

    options.ca = Some(certificates.authority());
    let plane = Plane::start(options.clone());
    plane.until_done(&["SET", "a", "1"]);
    let news = plane.listen("c");
    assert_eq!(super::plane::next(&news), postroom::backplane::News::Ready);
    // By another name than that in the certificate.
    let Servers::Single(at) = &options.servers else { panic!() };
    let port = at.to_string().rsplit(':').next().unwrap().to_owned();
    options.servers = Servers::Single(url(&format!("rediss://:x@127.0.0.2:{port}")));
    assert!(Plane::start(options).once(&["PING"]).is_err());
}

#[test]
fn a_server_that_would_delete_messages_is_refused() {
    let server = RedisServer::with(&[("maxmemory", "100mb"), ("maxmemory-policy", "allkeys-lru")]);
    let plane = Plane::to(&server.url());
    assert!(matches!(plane.try_all().as_slice(), [Err(Trouble::Refused(why))] if why.contains("noeviction")));
    server.cli(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    assert_eq!(plane.try_all(), [Ok(server.url())]);
}

#[test]
fn a_server_that_is_not_there_is_not_refused() {
    let plane = Plane::to("redis://127.0.0.1:1");
    assert!(matches!(plane.try_all().as_slice(), [Err(Trouble::Broken(_))]));
}

#[test]
fn a_full_server_refuses_what_needs_memory_and_the_line_stays() {
    let server = RedisServer::start();
    let plane = Plane::to(&server.url());
    plane.until_done(&["PING"]);
    // Less than an empty server needs, whatever that is.
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    let script = "return redis.call('SET', KEYS[1], 'x')";
    assert!(refused(plane.once(&["EVAL", script, "1", "a"])).starts_with("OOM"));
    assert_eq!(plane.once(&["DEL", "a"]), Ok(Value::Int(0)));
}

#[test]
fn a_server_that_reads_its_data_is_waited_for() {
    let mut server =
        RedisServer::with(&[("key-load-delay", "1000"), ("loading-process-events-interval-bytes", "1024")]);
    server.cli(&["DEBUG", "POPULATE", "2000"]);
    server.cli(&["SAVE"]);
    server.restart_loading();
    let plane = Plane::to(&server.url());
    let loading = plane.once(&["PING"]);
    assert!(matches!(&loading, Err(Trouble::NotNow(why)) if why.starts_with("LOADING")), "{loading:?}");
    plane.until_done(&["PING"]);
}

#[test]
fn a_replica_is_not_in_charge() {
    let (master, replica) = (RedisServer::start(), RedisServer::start());
    let plane = Plane::to(&replica.url());
    plane.until_done(&["SET", "a", "1"]);
    replica.cli(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
    assert!(
        matches!(plane.once(&["SET", "a", "1"]), Err(Trouble::Elsewhere(why)) if why.starts_with("READONLY"))
    );
    assert!(
        matches!(plane.once(&["SET", "a", "1"]), Err(Trouble::Elsewhere(why)) if why.contains("is a replica"))
    );
    replica.cli(&["REPLICAOF", "NO", "ONE"]);
    plane.until_done(&["SET", "a", "1"]);
}

#[test]
fn what_was_found_is_told() {
    let server = RedisServer::with(&[("appendonly", "yes"), ("appendfsync", "always")]);
    let plane = Plane::to(&server.url());
    let findings =
        plane.ask(|lines| async move { lines.line(Slot::of(b"a")).await.unwrap().findings().clone() });
    assert_eq!(findings.version, server.field("redis_version").unwrap());
    assert!(findings.appendonly);
    assert_eq!(findings.appendfsync.as_deref(), Some("always"));
}
