//! How a node gets a name in a shard, and gives it back.

use super::super::keys::NODE_EPOCH_MS;
use super::super::words::NodeId;
use super::super::{calls, landing};
use super::{Lane, PAUSE};
use crate::backplane::Trouble;

impl Lane {
    pub(super) async fn register(&self) -> Option<NodeId> {
        let (keys, options) = (&self.desk.keys, &self.desk.options);
        let model = keys.model(self.shard);
        let lease = options.lease.as_millis() as u64;
        let mut pipeline = redis::pipe();
        pipeline.add_command(self.desk.scripts.register(
            keys.prefix(self.shard),
            &model,
            lease,
            NODE_EPOCH_MS,
        ));
        let mut pause = PAUSE;
        // Also at the end: what was handed over may still wait.
        loop {
            let trouble = match self.try_register(&pipeline).await {
                Ok(node) => return Some(node),
                Err(trouble) => trouble,
            };
            if self.closing.get() {
                return None;
            }
            self.down(&trouble, true);
            self.rest(&mut pause).await;
            self.forget_given_up();
        }
    }

    /// A user who may not publish would be found out only by messages that are kept already.
    async fn try_register(&self, pipeline: &redis::Pipeline) -> Result<NodeId, Trouble> {
        let right = calls::publish_nothing(&self.desk, self.shard);
        let line = self.lines.line(self.slot).await?;
        landing::may_publish(self.attempt(&line, &right).await?)?;
        let node = landing::registered(self.attempt(&line, pipeline).await?)?;
        self.run.replace(line.findings().run_id.as_str().into());
        Ok(node)
    }

    pub(super) async fn resign(&self, node: NodeId) {
        let mut pipeline = redis::pipe();
        pipeline.add_command(self.desk.scripts.resign(self.desk.keys.prefix(self.shard), node));
        let resigned = async { self.attempt(&self.lines.line(self.slot).await?, &pipeline).await };
        if let Err(trouble) = resigned.await {
            tracing::debug!(shard = self.shard.0, %trouble, "not resigned; the lease will run out");
        }
    }
}
