//! Workers and the thread of the backplane share what is under way on Redis, and in which state it is.

use std::sync::Arc;
use std::time::Duration;

use shuttle::thread;

#[path = "../../../../src/store/redis/shared.rs"]
mod shared;
#[path = "../../../../src/store/redis/words.rs"]
mod words;
use shared::Shared;
use words::{ShardNo, Tally};

/// As the store's own of that name.
#[derive(Debug, Clone, Copy, Default)]
pub struct MaxWaiting {
    pub messages: usize,
    pub bytes: usize,
}

/// What is under way never counts as more than it is, and no more is under way than may be.
pub fn no_more_departs_than_may() {
    let shared = Arc::new(Shared::new(1, MaxWaiting { messages: 1, bytes: 100 }));
    let under_way = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let travel = |shared: Arc<Shared>, under_way: Arc<std::sync::atomic::AtomicUsize>| {
        move || {
            let departs = shared.depart(1, 10).is_ok();
            if departs {
                let others = under_way.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                assert_eq!(others, 0, "two at once");
                thread::yield_now();
                under_way.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                shared.landed(10);
            }
            departs
        }
    };
    let other = thread::spawn(travel(Arc::clone(&shared), Arc::clone(&under_way)));
    let mine = travel(Arc::clone(&shared), Arc::clone(&under_way))();
    let theirs = other.join().unwrap();
    assert!(mine || theirs, "both were refused");
    assert_eq!(shared.depart(1, 10), Ok(()));
}

/// Whoever waits for the start is woken when the last shard is in force, whichever comes first of what that takes.
pub fn the_start_is_noticed() {
    let shared = Arc::new(Shared::new(2, MaxWaiting { messages: 1, bytes: 100 }));
    let shards = [(0, true), (1, false)].map(|(shard, tick_first)| {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            let shard = ShardNo(shard);
            if tick_first {
                shared.count(shard, Tally::default(), 0);
                shared.up(shard);
            } else {
                shared.up(shard);
                shared.count(shard, Tally::default(), 0);
            }
        })
    });
    assert_eq!(shared.await_start(Duration::from_secs(3)), Ok(true));
    assert_eq!(shared.health(), Ok(()));
    shards.map(|shard| shard.join().unwrap());
}

/// What waiting does not mend ends the wait.
pub fn a_hopeless_start_is_noticed() {
    let shared = Arc::new(Shared::new(2, MaxWaiting { messages: 1, bytes: 100 }));
    let other = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            shared.count(ShardNo(0), Tally::default(), 0);
            shared.up(ShardNo(0));
            shared.down(ShardNo(1), "another model", true);
        })
    };
    assert_eq!(shared.await_start(Duration::from_secs(3)), Err("another model".to_owned()));
    other.join().unwrap();
}
