//! The backplane against real servers: alone, as a cluster, behind sentinels.

mod support;
