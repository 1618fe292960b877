//! The life of the process: how it stops, what it survives, and what it writes into its log.

mod churn;
mod crash;
mod logs;
mod metrics;
mod redis;
mod stop;
