//! A Redis Cluster.

use std::collections::HashSet;

use postroom::backplane::{News, Options, Servers, Slot, Trouble};
use redis::Value;

use super::plane::{Plane, next, payload, single, url};
use crate::support::redis::{Cluster, until};

fn plane(cluster: &Cluster) -> Plane {
    // One is enough to find the others.
    Plane::start(Options::new(Servers::Cluster(vec![url(&cluster.nodes[0].url())])))
}

/// Keys of different slots, some in each third.
const KEYS: [&str; 6] = ["{0}a", "{1}a", "{2}a", "{3}a", "{4}a", "{5}a"];

#[test]
fn each_slot_has_its_line_and_its_channels() {
    let cluster = Cluster::start(3);
    let plane = plane(&cluster);
    let mut servers = HashSet::new();
    for key in KEYS {
        assert_eq!(plane.once(&["SET", key, key]), Ok(Value::Okay));
        let line = move |lines: std::rc::Rc<postroom::backplane::Lines>| async move {
            lines.line(Slot::of(key.as_bytes())).await.unwrap().server().to_owned()
        };
        servers.insert(plane.ask(line));
    }
    assert_eq!(servers.len(), 3);
    let all = plane.try_all().into_iter().collect::<Result<HashSet<_>, _>>().unwrap();
    assert_eq!(all, cluster.urls().into_iter().collect());

    let news: Vec<_> = KEYS.iter().map(|key| plane.listen(key)).collect();
    for (key, news) in KEYS.iter().zip(&news) {
        assert_eq!(next(news), News::Ready);
        assert_eq!(plane.once(&["SPUBLISH", key, key]), Ok(Value::Int(1)));
        assert_eq!(next(news), payload(key));
    }
}

#[test]
fn a_slot_that_moves_takes_line_and_channel_with_it() {
    let cluster = Cluster::start(3);
    let plane = plane(&cluster);
    let news = plane.listen("{1}a");
    assert_eq!(next(&news), News::Ready);
    plane.until_done(&["SET", "{1}a", "x"]);
    let without_subscription = self::plane(&cluster);
    without_subscription.until_done(&["GET", "{1}a"]);
    cluster.move_slot(Slot::of(b"{1}a").number(), 1, 2);
    let moved = without_subscription.once(&["GET", "{1}a"]);
    assert!(matches!(moved, Err(Trouble::Elsewhere(text)) if text.starts_with("MOVED")));
    assert_eq!(without_subscription.once(&["GET", "{1}a"]), Ok(Value::BulkString(b"x".to_vec())));
    assert_eq!(plane.until_done(&["GET", "{1}a"]), Value::BulkString(b"x".to_vec()));
    assert_eq!(next(&news), News::Ready);
    until("what is published at the new place arrives", 20, || {
        plane.until_done(&["SPUBLISH", "{1}a", "moved"]) == Value::Int(1) && next(&news) == payload("moved")
    });
}

#[test]
fn when_a_master_dies_its_heir_is_found() {
    let mut cluster = Cluster::with(3, 1, &[]);
    let plane = plane(&cluster);
    let (key, dead) = ("{1}a", 1);
    let news = plane.listen(key);
    assert_eq!(next(&news), News::Ready);
    plane.until_done(&["SET", key, "x"]);
    let offset = |node: usize, name| cluster.nodes[node].field(name);
    until("its replica has it", 5, || {
        offset(dead, "master_repl_offset") == offset(3 + dead, "slave_repl_offset")
    });
    cluster.nodes[dead].kill9();
    // Commands and subscriptions find it each by themselves.
    assert_eq!(next(&news), News::Ready);
    plane.until_done(&["SPUBLISH", key, "from the heir"]);
    assert_eq!(next(&news), payload("from the heir"));
    assert_eq!(plane.until_done(&["GET", key]), Value::BulkString(b"x".to_vec()));
    // All others are still served, and the first to be asked may be gone.
    cluster.nodes[0].kill9();
    until("its heir is in charge", 20, || plane.once(&["GET", "{2}a"]).is_ok());
}

#[test]
fn a_cluster_has_to_be_named_as_one() {
    let cluster = Cluster::start(3);
    let one = Plane::start(single(&cluster.nodes[0].url()));
    assert!(matches!(one.once(&["PING"]), Err(Trouble::Refused(why)) if why.contains("node of a Cluster")));
    let with_database = Servers::Cluster(vec![url(&format!("{}/1", cluster.nodes[0].url()))]);
    assert!(postroom::backplane::Backplane::start(Options::new(with_database)).is_err());
}
