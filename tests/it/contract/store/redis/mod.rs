//! The store on Redis: the contract on one server, on a cluster, and behind sentinels.

mod bench;
mod counts;
mod documented;
mod loss;
mod refused;

/// On one server.
mod single {
    use crate::contract::store::contract;
    contract!(crate::contract::store::redis::bench::single);
}

/// On a cluster of three.
mod cluster {
    use crate::contract::store::contract;
    contract!(crate::contract::store::redis::bench::cluster);
}

/// Behind sentinels, with a change of the master in the middle of each promise.
mod failover {
    use crate::contract::store::redis::bench::failover;
    use crate::contract::store::{delivery, inbox, restart, resync, sessions};

    macro_rules! promises {
        ($($group:ident::$promise:ident),* $(,)?) => {
            $(#[test] fn $promise() {
                let place = failover();
                $group::$promise(&place);
                assert!(place.has_failed_over());
            })*
        };
    }

    promises![
        delivery::entries_come_in_order_and_carry_the_message,
        delivery::threads_do_not_lose_or_double,
        inbox::acks_leave_holes,
        sessions::rooms_are_replaced_by_each_connect,
        resync::it_is_owed_until_confirmed,
        restart::what_was_answered_is_there_again,
    ];
}
