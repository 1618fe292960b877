# A lost wake-up: now and then nobody hears of the page that a session has asked for.
# file: src/gateway/post.rs
# test: --test it chaos::embedded
s/StoreEvent::Page { session, page } => self.turn_page/StoreEvent::Page { session, .. } if session.serial % 4 == 0 => {}\n            &/
