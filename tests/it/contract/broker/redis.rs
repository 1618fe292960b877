//! The broker on Redis: the contract, and what only several nodes can show.

use std::sync::Arc;
use std::time::{Duration, Instant};

use postroom::backplane::{Backplane, Options, ServerUrl, Servers};
use postroom::broker::redis::{RedisBroker, RedisBrokerOptions};
use postroom::broker::*;
use postroom::domain::*;

use super::contract;
use super::rig::*;
use crate::support::redis::{Proxy, RedisServer, until};

/// One server.
struct Single {
    server: RedisServer,
    proxy: Proxy,
}

impl Single {
    fn start() -> Self {
        let server = RedisServer::start();
        let proxy = Proxy::start(server.port());
        Self { server, proxy }
    }

    /// A node that reaches the server through the proxy.
    fn behind_proxy(&self) -> Node {
        struct Behind<'a>(&'a Single);

        impl Backend for Behind<'_> {
            fn node(&self, reception: Arc<Heard>) -> Box<dyn Broker> {
                let url = self.0.server.url_at(self.0.proxy.port());
                start(Servers::Single(ServerUrl::parse(&url).unwrap()), reception)
            }
        }

        Node::new(&Behind(self))
    }

    /// How many channels somebody listens to.
    fn channels(&self) -> usize {
        self.server.cli(&["PUBSUB", "CHANNELS"]).lines().filter(|line| !line.is_empty()).count()
    }
}

impl Backend for Single {
    fn node(&self, reception: Arc<Heard>) -> Box<dyn Broker> {
        start(Servers::Single(ServerUrl::parse(&self.server.url()).unwrap()), reception)
    }
}

/// A broker that takes its backplane along.
struct WithBackplane(RedisBroker, #[allow(dead_code)] Backplane);

pub(super) fn start(servers: Servers, reception: Arc<Heard>) -> Box<dyn Broker> {
    let cluster = matches!(servers, Servers::Cluster(_));
    let backplane = Backplane::start(Options::new(servers)).unwrap();
    let options = RedisBrokerOptions { prefix: "p".to_owned(), shards: 16, cluster };
    let broker = RedisBroker::start(&backplane, &options, reception).unwrap();
    Box::new(WithBackplane(broker, backplane))
}

impl Broker for WithBackplane {
    fn publish(&self, message: Arc<Message>) -> Outcome {
        self.0.publish(message)
    }

    fn listen(&self, site: &SiteName, rooms: &[Room]) {
        self.0.listen(site, rooms);
    }

    fn unlisten(&self, site: &SiteName, rooms: &[Room]) {
        self.0.unlisten(site, rooms);
    }

    fn in_force(&self, site: &SiteName, rooms: &[Room]) -> Outcome {
        self.0.in_force(site, rooms)
    }
}

contract!(super::Single::start);

#[test]
fn every_node_hears_its_own_rooms_and_no_others() {
    let backend = Single::start();
    let (one, two) = (Node::new(&backend), Node::new(&backend));
    one.listen(&["a", "b"]);
    two.listen(&["b"]);
    one.publish(1, &["a"]).unwrap();
    two.publish(2, &["b", "c"]).unwrap();
    two.publish(3, &["a", "b"]).unwrap();
    one.publish(4, &["a", "b"]).unwrap();
    assert_eq!(one.heard_until(4), [1, 2, 3, 4]);
    assert_eq!(two.heard_until(4), [2, 3, 4]);
}

#[test]
fn a_room_that_all_have_left_is_let_go_after_a_while_and_not_before_the_last() {
    let backend = Single::start();
    let node = Node::new(&backend);
    node.listen(&["a", "b"]);
    node.listen(&["a"]);
    node.unlisten(&["a", "b"]);
    // Two rooms, and what is for everybody.
    assert_eq!(backend.channels(), 3);
    until("the empty room is let go", 20, || backend.channels() == 2);
    node.publish(1, &["a"]).unwrap();
    assert_eq!(node.heard_until(1), [1]);
    node.unlisten(&["a"]);
    until("the other one is, too", 20, || backend.channels() == 1);
}

#[test]
fn while_redis_is_away_publishing_fails_in_time_and_afterwards_it_goes_on_by_itself() {
    let mut backend = Single::start();
    let node = Node::new(&backend);
    node.listen(&["a"]);
    backend.server.kill9();
    let began = Instant::now();
    let error = node.publish(1, &["a"]).unwrap_err();
    let took = began.elapsed();
    assert!(matches!(&error, BrokerError::Unavailable(why) if !why.is_empty()), "{error:?}");
    assert!(took < Duration::from_millis(2_900), "{took:?}");
    backend.server.restart();
    // Heard again once the subscription is there again; until then messages may be lost.
    let mut id = 1;
    until("it hears again", 20, || {
        id += 1;
        node.publish(id, &["a"]).is_ok() && backend.channels() == 2
    });
    node.publish(9_999, &["a"]).unwrap();
    node.heard_until(9_999);
}

#[test]
fn a_server_that_does_not_answer_is_an_error_in_time() {
    let backend = Single::start();
    let node = backend.behind_proxy();
    node.listen(&["a"]);
    backend.proxy.stall();
    let began = Instant::now();
    let outcomes: Vec<_> = (0..100).map(|id| node.broker.publish(message(id, &["a"]))).collect();
    for outcome in outcomes {
        assert!(matches!(wait(outcome), Err(BrokerError::Unavailable(_))));
    }
    assert!(began.elapsed() < Duration::from_millis(2_900), "{:?}", began.elapsed());
    backend.proxy.resume();
}

#[test]
fn what_is_sent_again_after_a_cut_is_heard_once() {
    let backend = Single::start();
    let (hearing, sending) = (Node::new(&backend), backend.behind_proxy());
    hearing.listen(&["a"]);
    sending.publish(0, &["a"]).unwrap();
    backend.proxy.delay(Duration::from_millis(30));
    for round in 1..=5 {
        let outcomes: Vec<_> =
            (0..20).map(|n| sending.broker.publish(message(round * 100 + n, &["a"]))).collect();
        // Somewhere between the commands and their answers.
        std::thread::park_timeout(Duration::from_millis(40));
        backend.proxy.cut_late(Duration::from_millis(50));
        for outcome in outcomes {
            assert_eq!(wait(outcome), Ok(()));
        }
    }
    // Whatever comes late has come by then.
    std::thread::park_timeout(Duration::from_millis(200));
    sending.publish(9_999, &["a"]).unwrap();
    let mut heard = hearing.heard_until(9_999);
    let count = heard.len();
    heard.sort_unstable();
    heard.dedup();
    assert_eq!((heard.len(), count), (102, 102));
}

#[test]
fn a_node_that_lost_its_subscriptions_takes_them_up_again() {
    let backend = Single::start();
    let (node, other) = (backend.behind_proxy(), Node::new(&backend));
    node.listen(&["a"]);
    backend.proxy.refuse();
    until("they are lost", 20, || backend.channels() == 1);
    backend.proxy.accept();
    until("they are there again", 20, || backend.channels() == 2);
    other.publish(1, &["a"]).unwrap();
    assert_eq!(node.heard_until(1), [1]);
}

#[test]
fn nothing_is_in_force_before_the_server_says_so() {
    let backend = Single::start();
    backend.proxy.stall();
    let node = backend.behind_proxy();
    node.broker.listen(&shop(), &named(&["a"]));
    let in_force = node.broker.in_force(&shop(), &named(&["a"]));
    let Outcome::Later(mut later) = in_force else { panic!("in force") };
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(later.as_mut().poll(&mut context).is_pending());
    backend.proxy.resume();
    assert_eq!(wait(Outcome::Later(later)), Ok(()));
    assert!(matches!(node.broker.in_force(&shop(), &named(&["a"])), Outcome::Done));
}

#[test]
fn one_publication_for_each_room_and_one_for_very_many() {
    let backend = Single::start();
    let node = Node::new(&backend);
    node.publish(0, &["a"]).unwrap();
    let calls = || {
        let stats = backend.server.field("cmdstat_publish").unwrap();
        stats.strip_prefix("calls=").unwrap().split(',').next().unwrap().parse::<u64>().unwrap()
    };
    let before = calls();
    node.publish(1, &["a", "b", "c"]).unwrap();
    assert_eq!(calls() - before, 3);
    let rooms: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    node.publish(2, &rooms.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    assert_eq!(calls() - before, 4);
}

/// Messages come one by one while a new node connects, so that each waits for the connection by itself; and still come when
/// it is there.
#[test]
fn what_waited_for_the_connection_is_not_overtaken() {
    let backend = Single::start();
    let listener = Node::new(&backend);
    listener.listen(&["a"]);
    for round in 0..20 {
        let node = Node::new(&backend);
        let ids = round * 2_000..(round + 1) * 2_000;
        let publish = |id| {
            for _ in 0..200 {
                std::hint::spin_loop();
            }
            node.broker.publish(message(id, &["a"]))
        };
        let outcomes: Vec<_> = ids.clone().map(publish).collect();
        for outcome in outcomes {
            assert_eq!(wait(outcome), Ok(()));
        }
        assert_eq!(listener.heard_until(ids.end - 1), ids.collect::<Vec<_>>());
    }
}

#[test]
fn who_has_no_right_to_publish_is_told_so_at_once() {
    let backend = Single::start();
    let node = Node::new(&backend);
    backend.server.cli(&["ACL", "SETUSER", "default", "-publish"]);
    let began = Instant::now();
    let error = node.publish(1, &["a"]).unwrap_err();
    assert!(matches!(&error, BrokerError::Unavailable(why) if why.contains("publish")), "{error:?}");
    assert!(began.elapsed() < Duration::from_millis(1_500));
}

#[test]
fn when_the_backplane_ends_so_does_the_broker() {
    let backend = Single::start();
    let url = ServerUrl::parse(&backend.server.url()).unwrap();
    let backplane = Backplane::start(Options::new(Servers::Single(url))).unwrap();
    let options = RedisBrokerOptions { prefix: "p".to_owned(), shards: 16, cluster: false };
    let heard = Arc::new(Heard::default());
    let broker = RedisBroker::start(&backplane, &options, heard).unwrap();
    assert_eq!(wait(broker.publish(message(1, &["a"]))), Ok(()));
    backplane.stop();
    assert_eq!(wait(broker.publish(message(2, &["a"]))), Err(BrokerError::Closed));
}
