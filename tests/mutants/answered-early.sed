# A message is answered when it is handed over, not when its shards have it.
# file: src/store/redis/engine.rs
# file: src/store/redis/desk.rs
# test: --test it redis_model::three
s/let post = desk.posts.borrow_mut().add(reply/let receipt = crate::domain::Receipt { id: message.id, devices: 0, online: 0, queued: 0 };\n    desk.tell(reply.worker, StoreEvent::Appended { token: reply.token, outcome: Ok(receipt) });\n    &/
s/self.tell(reply.worker, StoreEvent::Appended { token: reply.token, outcome });/let _ = (reply, outcome);/
