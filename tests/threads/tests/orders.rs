//! Each story in every order in which its threads may come, where these are few enough, and in a great many otherwise.

use postroom_threads::meeting::{flake, gateway, redis, sqlite, telemetry};

/// The greatest number of orders that are played one after the other.
const ORDERS: usize = 4_000;
/// And of those that are drawn, with so many changes of the thread where they hurt.
const DRAWN: usize = 1_000;
const CHANGES: usize = 3;

macro_rules! stories {
    ($($place:ident::$story:ident),* $(,)?) => {
        $(#[test] fn $story() {
            shuttle::check_dfs($place::$story, Some(ORDERS));
            shuttle::check_pct($place::$story, DRAWN, CHANGES);
        })*
    };
}

stories![
    flake::ids_are_never_equal,
    telemetry::one_of_them_says_it,
    gateway::what_waits_is_never_taken_for_much,
    sqlite::whatever_comes_wakes_the_writer,
    sqlite::the_end_comes_last,
    sqlite::the_bound_holds,
    sqlite::nothing_is_lost_when_the_writer_ends,
    sqlite::an_abort_is_heard,
    redis::no_more_departs_than_may,
    redis::the_start_is_noticed,
    redis::a_hopeless_start_is_noticed,
];
