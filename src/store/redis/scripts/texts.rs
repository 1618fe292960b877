//! The Lua texts, put together.

/// A script, as the server knows it.
pub(super) struct Script {
    pub(super) text: String,
    pub(super) sha1: String,
}

/// What scripts are put together from. Those with an `_end` or a `_rest` are parts of one script; the others several have in
/// common.
mod piece {
    pub(super) const WORDS: &str = include_str!("lua/words.lua");
    pub(super) const LANE: &str = include_str!("lua/lane.lua");
    pub(super) const REFS: &str = include_str!("lua/refs.lua");
    pub(super) const GONE: &str = include_str!("lua/gone.lua");
    pub(super) const BODIES: &str = include_str!("lua/bodies.lua");
    pub(super) const SETTLE: &str = include_str!("lua/settle.lua");
    pub(super) const NOTES: &str = include_str!("lua/notes.lua");
    pub(super) const PUBLISH: &str = include_str!("lua/publish.lua");
    pub(super) const OWNERS: &str = include_str!("lua/owners.lua");
    pub(super) const ROOMS: &str = include_str!("lua/rooms.lua");
    pub(super) const PAGE: &str = include_str!("lua/page.lua");
    pub(super) const DEAD: &str = include_str!("lua/dead.lua");
    pub(super) const SEND_REST: &str = include_str!("lua/send_rest.lua");
    pub(super) const SEND_END: &str = include_str!("lua/send_end.lua");
    pub(super) const ACK_REST: &str = include_str!("lua/ack_rest.lua");
    pub(super) const ACK_END: &str = include_str!("lua/ack_end.lua");
    pub(super) const TICK_END: &str = include_str!("lua/tick_end.lua");

    /// Functions cost more to make than to call: those for what is not common are made where something is left to do.
    pub(super) const IF_MESSAGES_ARE_LEFT: &str = "if #results < count then\n";
    pub(super) const IF_ACKS_ARE_LEFT: &str = "if at <= #ARGV then\n";
    pub(super) const END: &str = "end\n";
}

/// All scripts.
pub(super) struct Texts {
    pub(super) register: Script,
    pub(super) tick: Script,
    pub(super) resign: Script,
    pub(super) connect: Script,
    pub(super) disconnect: Script,
    pub(super) adopt: Script,
    pub(super) send: Script,
    pub(super) ack: Script,
    pub(super) read: Script,
    pub(super) enlist: Script,
    pub(super) strike: Script,
    pub(super) ask: Script,
}

impl Texts {
    pub(super) fn new(sharded_pubsub: bool) -> Self {
        use piece::{
            ACK_END, ACK_REST, END, IF_ACKS_ARE_LEFT, IF_MESSAGES_ARE_LEFT, SEND_END, SEND_REST, TICK_END,
        };
        use piece::{BODIES, DEAD, GONE, LANE, NOTES, OWNERS, PAGE, PUBLISH, REFS, ROOMS, SETTLE};
        let by = if sharded_pubsub { "local PUBLISH = 'SPUBLISH'\n" } else { "local PUBLISH = 'PUBLISH'\n" };
        let (send, ack) = (include_str!("lua/send.lua"), include_str!("lua/ack.lua"));
        let send_rest = [IF_MESSAGES_ARE_LEFT, REFS, GONE, BODIES, NOTES, SEND_REST, SETTLE, END].concat();
        let ack_rest = [IF_ACKS_ARE_LEFT, REFS, BODIES, NOTES, ACK_REST, END].concat();
        let tick = [GONE, REFS, BODIES, OWNERS, ROOMS, DEAD, include_str!("lua/tick.lua"), SETTLE].concat();
        Self {
            register: script(&[include_str!("lua/register.lua")]),
            tick: script(&[&tick, TICK_END]),
            resign: script(&[DEAD, include_str!("lua/resign.lua")]),
            connect: script(&[LANE, REFS, OWNERS, ROOMS, PAGE, include_str!("lua/connect.lua")]),
            disconnect: script(&[LANE, OWNERS, include_str!("lua/disconnect.lua")]),
            adopt: script(&[LANE, REFS, OWNERS, ROOMS, include_str!("lua/adopt.lua")]),
            send: script(&[by, LANE, send, &send_rest, SEND_END, PUBLISH]),
            ack: script(&[by, ack, &ack_rest, SETTLE, ACK_END, PUBLISH]),
            read: script(&[REFS, PAGE, include_str!("lua/read.lua")]),
            enlist: script(&[include_str!("lua/enlist.lua")]),
            strike: script(&[include_str!("lua/strike.lua")]),
            ask: script(&[include_str!("lua/ask.lua")]),
        }
    }

    pub(super) fn all(&self) -> [&Script; 12] {
        [
            &self.register,
            &self.tick,
            &self.resign,
            &self.connect,
            &self.disconnect,
            &self.adopt,
            &self.send,
            &self.ack,
            &self.read,
            &self.enlist,
            &self.strike,
            &self.ask,
        ]
    }
}

fn script(pieces: &[&str]) -> Script {
    let text = [piece::WORDS, &pieces.concat()].concat();
    let sha1 = redis::Script::new(&text).get_hash().to_owned();
    Script { text, sha1 }
}
