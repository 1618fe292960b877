//! The composition root: the only place that names concrete stores, brokers and transports; and the order in
//! which everything starts and stops.

mod crew;
mod demo;
mod limits;
mod serve;
mod stop;
mod stores;

pub use demo::demo;
pub use serve::serve;
