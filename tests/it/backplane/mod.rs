//! The backplane against real servers: alone, as a cluster, behind sentinels.

mod cluster;
mod feeds;
mod lines;
mod plane;
mod refusals;
mod sentinels;
mod servers;
