//! Threads have the same thing to say.

use std::sync::Arc;

use shuttle::thread;

#[path = "../../../../src/telemetry/seldom.rs"]
mod seldom;
use seldom::Seldom;

/// It is said once.
pub fn one_of_them_says_it() {
    let seldom = Arc::new(Seldom::new());
    let say = |seldom: Arc<Seldom>| move || seldom.due();
    let others = [(); 2].map(|()| thread::spawn(say(Arc::clone(&seldom))));
    let mine = seldom.due();
    let said: Vec<u64> = others.into_iter().filter_map(|other| other.join().unwrap()).chain(mine).collect();
    assert_eq!(said, [0]);
}
