//! Says on stderr what goes on.

use std::io::Write as _;

/// Writes a line. Nobody may be reading, which is no reason to stop.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
