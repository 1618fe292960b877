//! Behind Sentinel.

use postroom::backplane::{Login, News, Options, Servers, Trouble};
use postroom::domain::Secret;
use redis::Value;

use super::plane::{Plane, next, payload, url};
use crate::support::redis::{Sentinels, until};

fn options(all: &Sentinels, password: Option<&str>) -> Options {
    let sentinels = all.urls().iter().map(|text| url(text)).collect();
    let login = Login { password: password.map(Secret::new), ..Login::default() };
    Options::new(Servers::Sentinel { sentinels, master: Sentinels::NAME.into(), login })
}

#[test]
fn when_the_master_dies_the_new_one_is_found() {
    let mut all = Sentinels::with(&[("requirepass", "hunter2")]);
    let plane = Plane::start(options(&all, Some("hunter2")));
    let log = plane.log();
    plane.until_done(&["SET", "a", "x"]);
    let news = plane.listen("c");
    assert_eq!(next(&news), News::Ready);
    until("the replica has it", 5, || all.servers[1].cli(&["GET", "a"]) == "x");
    // One of the sentinels may be gone, too.
    all.kill_sentinel(0);
    all.servers[0].kill9();
    assert_eq!(next(&news), News::Ready);
    assert_eq!(plane.until_done(&["GET", "a"]), Value::BulkString(b"x".to_vec()));
    plane.until_done(&["SET", "a", "y"]);
    assert_eq!(all.servers[1].cli(&["GET", "a"]), "y");
    all.servers[1].cli(&["PUBLISH", "c", "from the new one"]);
    assert_eq!(next(&news), payload("from the new one"));
    let text = log.text();
    assert_eq!(log.count("other Redis servers are in charge now"), 1, "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_master_that_steps_down_is_left() {
    let all = Sentinels::start();
    let plane = Plane::start(options(&all, None));
    plane.until_done(&["SET", "a", "x"]);
    let news = plane.listen("c");
    assert_eq!(next(&news), News::Ready);
    all.fail_over();
    until("the other one is master", 20, || all.servers[1].field("role").as_deref() == Some("master"));
    until("a write reaches it", 20, || {
        plane.once(&["SET", "a", "y"]).is_ok() && all.servers[1].cli(&["GET", "a"]) == "y"
    });
    until("what is published there arrives", 20, || {
        all.servers[1].cli(&["PUBLISH", "c", "there"]);
        next(&news) == payload("there")
    });
}

#[test]
fn a_name_that_no_sentinel_knows_is_refused() {
    let all = Sentinels::start();
    let mut options = options(&all, None);
    if let Servers::Sentinel { master, .. } = &mut options.servers {
        *master = "another".into();
    }
    let plane = Plane::start(options);
    assert!(matches!(plane.try_all().as_slice(), [Err(Trouble::Refused(why))] if why.contains("another")));
}
