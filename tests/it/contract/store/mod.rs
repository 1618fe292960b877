//! What every store must do. Each promise is a function that takes a [`rig::Backend`]; `contract!` makes a test of
//! each for one store.

mod away;
mod bounds;
mod delivery;
mod dying;
mod inbox;
mod life;
mod model;
mod redis;
mod restart;
mod resync;
mod rig;
mod sessions;
mod sqlite;
mod together;
mod turns;

/// One test for each promise, on the backend that `$make` gives.
macro_rules! contract {
    ($make:expr) => {
        contract!(@suite $make, delivery: [
            entries_come_in_order_and_carry_the_message, a_message_for_several_rooms_goes_in_once,
            rooms_of_another_site_are_other_rooms, nobody_in_the_room_is_no_entry,
            messages_for_one_room_share_their_list, threads_do_not_lose_or_double]);
        contract!(@suite $make, inbox: [
            acks_leave_holes, acks_may_come_twice_or_for_nothing, through_takes_all_up_to_it,
            pages_keep_their_limits_and_go_on_where_they_stopped, a_long_inbox_is_read_from_its_beginning,
            a_page_holds_one_entry_however_large, reading_for_an_unknown_device_is_an_empty_page]);
        contract!(@suite $make, sessions: [
            rooms_are_replaced_by_each_connect, sessions_on_several_workers_all_get_it, the_first_ack_settles_it,
            a_session_that_connects_twice_is_one, connect_and_disconnect_keep_their_order]);
        contract!(@suite $make, resync: [
            an_ack_before_an_older_one_clears, without_the_option_it_does_not, in_order_it_does_not,
            a_batch_under_way_is_not_older, through_never_does, acks_for_what_was_cleared_are_ignored,
            it_is_owed_until_confirmed, a_later_one_is_owed_although_the_first_is_confirmed]);
        contract!(@suite $make, away: [
            within_the_ttl_nothing_is_lost, after_the_ttl_all_is_gone, never_means_never,
            only_the_last_session_counts]);
        contract!(@suite $make, bounds: [
            too_many_entries_become_a_resync, too_many_bytes_become_a_resync, the_oldest_are_dropped,
            what_cannot_fit_is_dropped_itself, one_full_inbox_does_not_hold_up_others]);
        contract!(@suite $make, restart: [
            what_was_answered_is_there_again, acks_survive_a_close, partial_acks_survive_a_crash_after_a_second,
            numbers_are_never_used_twice, the_ttl_goes_on_across_a_restart, a_cleared_inbox_stays_cleared,
            after_close_nothing_is_taken]);
        contract!(@suite $make, together: [
            they_come_to_what_they_would_one_by_one, what_was_answered_together_is_there_again,
            after_close_all_are_refused]);
        contract!(@suite $make, model: [it_agrees_with_a_model]);
        contract!(@suite $make, life: [inboxes_live_as_on_paper]);
    };
    (@suite $make:expr, $group:ident: [$($promise:ident),*]) => {
        mod $group {
            $(#[test] fn $promise() { crate::contract::store::$group::$promise(&($make)()); })*
        }
    };
}
use contract;
