# A WebSocket that takes over from polling begins with nothing: what waited for the next GET is gone.
# file: src/transport/engine/polling.rs
# file: src/hub/worker.rs
# test: --test it chaos::embedded
/fn finish_upgrade/,/^    }/s/self.engine.hub.unblock(self.link);/self.engine.hub.forget(self.link);/
s/^    \/\/\/ The carrier of a link takes more\./    \/\/\/ What waits is gone.\n    pub fn forget(\&self, id: LinkId) {\n        if let Some(link) = self.inner.borrow_mut().link(id) {\n            link.outbox.clear();\n        }\n        self.unblock(id);\n    }\n\n&/
