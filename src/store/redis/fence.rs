//! A fence: told when every shard has passed it.

use std::cell::Cell;
use std::sync::mpsc::SyncSender;

/// Waits for all shards.
#[derive(Debug)]
pub(super) struct Fence {
    left: Cell<usize>,
    passed: SyncSender<()>,
}

impl Fence {
    pub(super) fn new(shards: usize, passed: SyncSender<()>) -> Self {
        Self { left: Cell::new(shards), passed }
    }

    /// One shard has passed it.
    pub(super) fn pass(&self) {
        let left = self.left.get().saturating_sub(1);
        self.left.set(left);
        if left == 0 {
            // Whoever waited may have given up.
            let _ = self.passed.try_send(());
        }
    }
}
