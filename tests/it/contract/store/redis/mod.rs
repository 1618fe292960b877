//! The store on Redis: the contract on one server, on a cluster, and behind sentinels.

mod bench;

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
