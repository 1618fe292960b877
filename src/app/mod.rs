//! The composition root: the only place that names concrete stores, brokers and transports; and the order in
//! which everything starts and stops.

mod crew;
mod demo;
mod doctor;
mod entrances;
mod limits;
mod migrate;
mod scrape;
mod serve;
mod stop;
mod stores;

pub use demo::demo;
pub use doctor::{Examination, doctor};
pub use migrate::{Migration, migrate};
pub use serve::serve;
