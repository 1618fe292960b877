//! Lines to one server: shared, lost, found again.

use std::time::{Duration, Instant};

use postroom::backplane::{Slot, Trouble};
use redis::Value;

use super::plane::{Plane, once, single};
use crate::support::redis::{Proxy, RedisServer};

fn words(command: &[&str]) -> Vec<String> {
    command.iter().map(|part| (*part).to_owned()).collect()
}

#[test]
fn after_a_power_cut_of_the_server_the_line_is_found_again_with_its_scripts() {
    let mut server = RedisServer::start();
    let mut options = single(&server.url());
    let script = "return 'from the script'";
    options.load = vec![script.into()];
    let plane = Plane::start(options);
    let sha = server.cli(&["SCRIPT", "LOAD", script]);
    let call = ["EVALSHA", sha.as_str(), "0"];
    let answer = Value::BulkString(b"from the script".to_vec());
    server.cli(&["SCRIPT", "FLUSH"]);
    assert_eq!(plane.until_done(&call), answer);

    server.kill9();
    assert!(matches!(plane.once(&call), Err(Trouble::Broken(_))));
    assert!(matches!(plane.once(&call), Err(Trouble::Broken(_))));
    server.restart();
    let up = Instant::now();
    assert_eq!(plane.until_done(&call), answer);
    assert!(up.elapsed() < Duration::from_secs(2), "{:?}", up.elapsed());
}

#[test]
fn scripts_that_the_server_forgot_are_loaded_again() {
    let server = RedisServer::start();
    let mut options = single(&server.url());
    options.load = vec!["return 1".into()];
    let plane = Plane::start(options);
    plane.until_done(&["PING"]);
    let sha = server.cli(&["SCRIPT", "LOAD", "return 1"]);
    server.cli(&["SCRIPT", "FLUSH"]);
    assert!(
        matches!(plane.once(&["EVALSHA", &sha, "0"]), Err(Trouble::NotNow(text)) if text.starts_with("NOSCRIPT"))
    );
    assert_eq!(plane.once(&["EVALSHA", &sha, "0"]), Ok(Value::Int(1)));
}

#[test]
fn a_cut_breaks_what_is_under_way_and_the_next_line_is_made_at_once() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let plane = Plane::to(&server.url_at(proxy.port()));
    plane.until_done(&["SET", "a", "1"]);
    proxy.cut();
    let cut = Instant::now();
    plane.until_done(&["SET", "a", "2"]);
    assert!(cut.elapsed() < Duration::from_millis(500), "{:?}", cut.elapsed());
}

#[test]
fn no_answer_in_time_means_that_the_line_is_given_up() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let plane = Plane::to(&server.url_at(proxy.port()));
    plane.until_done(&["PING"]);
    proxy.stall();
    let start = Instant::now();
    assert_eq!(plane.once(&["PING"]), Err(Trouble::Broken("no answer in time".into())));
    assert!((900..1500).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    assert!(matches!(plane.once(&["PING"]), Err(Trouble::Broken(_))));
    proxy.resume();
    plane.until_done(&["PING"]);
}

#[test]
fn what_was_cut_off_reaches_the_server_late() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let plane = Plane::to(&server.url_at(proxy.port()));
    plane.until_done(&["SET", "a", "0"]);
    proxy.stall();
    let answer = std::thread::scope(|scope| {
        let sending = scope.spawn(|| plane.once(&["SET", "a", "late"]));
        std::thread::park_timeout(Duration::from_millis(200));
        proxy.cut_late(Duration::from_millis(100));
        sending.join().unwrap()
    });
    assert!(matches!(answer, Err(Trouble::Broken(_))), "{answer:?}");
    crate::support::redis::until("it arrives", 5, || server.cli(&["GET", "a"]) == "late");
}

#[test]
fn all_who_wait_share_one_attempt_and_one_line() {
    let server = RedisServer::start();
    let before = server.field("total_connections_received").unwrap();
    let plane = Plane::to(&server.url());
    plane.ask(|lines| async move {
        let calls: Vec<_> = (0..50)
            .map(|_| {
                let lines = std::rc::Rc::clone(&lines);
                tokio::task::spawn_local(async move { once(&lines, &words(&["INCR", "n"])).await.unwrap() })
            })
            .collect();
        for call in calls {
            call.await.unwrap();
        }
    });
    assert_eq!(server.cli(&["GET", "n"]), "50");
    let made = |text: &str| text.parse::<u32>().unwrap();
    // Each redis-cli is counted, too: GET, and INFO for the second figure.
    let after = server.field("total_connections_received").unwrap();
    assert_eq!(made(&after) - made(&before), 3, "one line");
}

#[test]
fn a_late_report_about_an_older_line_does_nothing() {
    let server = RedisServer::start();
    let plane = Plane::to(&server.url());
    let still_there = plane.ask(|lines| async move {
        let slot = Slot::of(b"a");
        let broken = Trouble::Broken("so it is said".into());
        let old = lines.line(slot).await.unwrap();
        lines.report(&old, &broken);
        let new = lines.line(slot).await.unwrap();
        lines.report(&old, &broken);
        new.send(redis::pipe().cmd("PING")).await.is_ok()
    });
    assert!(still_there);
}

#[test]
fn every_command_has_its_own_answer() {
    let server = RedisServer::start();
    let plane = Plane::to(&server.url());
    server.cli(&["SET", "text", "x"]);
    let answers = plane.ask(|lines| async move {
        let line = lines.line(Slot::of(b"a")).await.unwrap();
        let mut commands = redis::pipe();
        commands.cmd("LPUSH").arg("text").arg(1).cmd("INCR").arg("n");
        commands.cmd("EVAL").arg("return redis.error_reply('ORDER 5')").arg(0);
        commands.cmd("EVAL").arg("return redis.call('LPUSH', 'text', '1')").arg(0);
        commands.cmd("INCR").arg("n");
        line.send(&commands).await.unwrap()
    });
    assert!(matches!(&answers[0], Err(Trouble::Foreign(text)) if text.starts_with("WRONGTYPE")));
    assert_eq!(answers[1], Ok(Value::Int(1)));
    assert_eq!(answers[2], Err(Trouble::Script { code: "ORDER".into(), detail: "5".into() }));
    let inside = answers[3].as_ref().unwrap_err();
    assert!(
        matches!(inside, Trouble::Foreign(text) if text.starts_with("WRONGTYPE") && !text.contains("script"))
    );
    assert_eq!(answers[4], Ok(Value::Int(2)));
}

#[test]
fn a_loss_is_logged_once_and_so_is_its_end_without_the_password() {
    let mut server = RedisServer::with(&[("requirepass", "hunter2")]);
    let plane = Plane::to(&server.url());
    let log = plane.log();
    plane.until_done(&["PING"]);
    server.kill9();
    for _ in 0..4 {
        assert!(plane.once(&["PING"]).is_err());
    }
    server.restart();
    plane.until_done(&["PING"]);
    let text = log.text();
    assert_eq!((log.count("lost Redis"), log.count("Redis is back")), (1, 1), "{text}");
    assert!(log.count("appendonly no") == 1 && !text.contains("hunter2"), "{text}");
}

#[test]
fn stop_ends_the_thread_whatever_runs_on_it() {
    let plane = Plane::to("redis://127.0.0.1:1");
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    plane.ask(|lines| async move {
        tokio::task::spawn_local(async move {
            let _kept = sender;
            loop {
                let _ = lines.line(Slot::of(b"a")).await;
            }
        });
    });
    plane.stop();
    assert!(
        receiver
            .recv_timeout(Duration::ZERO)
            .is_err_and(|gone| gone == std::sync::mpsc::RecvTimeoutError::Disconnected)
    );
}
