# A message is answered when it is handed over, not when its shards have it.
# file: src/store/redis/engine.rs
# file: src/store/redis/desk.rs
# test: --test it redis_model::three
s/let post = post(desk, Waits::Alone/let receipt = crate::domain::Receipt { id: message.id, devices: 0, online: 0, queued: 0 };\n    desk.tell(reply.worker, StoreEvent::Appended { token: reply.token, outcome: Ok(receipt) });\n    &/
s/^ *Waits::Alone(reply) => {$/&\n                let _ = reply;\n                return;/
