//! What every broker must do. Each promise is a function that takes a [`rig::Backend`]; `contract!` makes a test of each
//! for one broker.

mod cluster;
mod delivery;
mod local;
mod redis;
mod rig;

/// One test for each promise, on the backend that `$make` gives.
macro_rules! contract {
    ($make:expr) => {
        contract!(@suite $make, delivery: [
            what_is_published_is_heard, a_message_for_several_rooms_is_heard_once,
            one_for_very_many_rooms_too, messages_for_a_room_come_in_order, it_comes_as_it_was_published,
            who_listens_again_hears_again]);
    };
    (@suite $make:expr, $group:ident: [$($promise:ident),*]) => {
        mod $group {
            $(#[test] fn $promise() { super::super::$group::$promise(&($make)()); })*
        }
    };
}
use contract;
