//! What the kernel says about processes and the machine, and who was the bottleneck. Reads `/proc`, nothing else.

mod process;
mod reading;
mod slope;
mod sockets;
mod verdict;

pub use process::resident_kib;
pub use reading::{Meter, Moment, ThreadCpu, Usage};
pub use slope::Line;
pub use sockets::still_open;
pub use verdict::{Shares, Verdict, verdict};
