//! Workers make ids.

use std::sync::Arc;

use shuttle::thread;

use crate::domain::Flake;

/// No id is made twice, and those of one thread grow.
pub fn ids_are_never_equal() {
    let flake = Arc::new(Flake::new(1).unwrap());
    let make = |flake: &Flake| [flake.next(), flake.next()];
    let other = {
        let flake = Arc::clone(&flake);
        thread::spawn(move || make(&flake))
    };
    let mine = make(&flake);
    let theirs = other.join().unwrap();
    assert!(mine[0] < mine[1] && theirs[0] < theirs[1]);
    assert!(mine.iter().all(|id| !theirs.contains(id)), "{mine:?} {theirs:?}");
}
