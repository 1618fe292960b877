//! The Lua texts, put together.

/// A script, as the server knows it.
pub(super) struct Script {
    pub(super) text: String,
    pub(super) sha1: String,
}

/// Pieces that several scripts begin with.
mod piece {
    pub(super) const WORDS: &str = include_str!("lua/words.lua");
    pub(super) const LANE: &str = include_str!("lua/lane.lua");
    pub(super) const REFS: &str = include_str!("lua/refs.lua");
    pub(super) const BODIES: &str = include_str!("lua/bodies.lua");
    pub(super) const NOTES: &str = include_str!("lua/notes.lua");
    pub(super) const OWNERS: &str = include_str!("lua/owners.lua");
    pub(super) const ROOMS: &str = include_str!("lua/rooms.lua");
    pub(super) const PAGE: &str = include_str!("lua/page.lua");
    pub(super) const DEAD: &str = include_str!("lua/dead.lua");
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
        use piece::{BODIES, DEAD, LANE, NOTES, OWNERS, PAGE, REFS, ROOMS};
        let publish =
            if sharded_pubsub { "local PUBLISH = 'SPUBLISH'\n" } else { "local PUBLISH = 'PUBLISH'\n" };
        Self {
            register: script(&[], include_str!("lua/register.lua")),
            tick: script(&[REFS, BODIES, OWNERS, ROOMS, DEAD], include_str!("lua/tick.lua")),
            resign: script(&[DEAD], include_str!("lua/resign.lua")),
            connect: script(&[LANE, REFS, OWNERS, ROOMS, PAGE], include_str!("lua/connect.lua")),
            disconnect: script(&[LANE, OWNERS], include_str!("lua/disconnect.lua")),
            adopt: script(&[LANE, REFS, OWNERS, ROOMS], include_str!("lua/adopt.lua")),
            send: script(&[publish, LANE, REFS, BODIES, NOTES], include_str!("lua/send.lua")),
            ack: script(&[publish, REFS, BODIES, NOTES], include_str!("lua/ack.lua")),
            read: script(&[REFS, PAGE], include_str!("lua/read.lua")),
            enlist: script(&[], include_str!("lua/enlist.lua")),
            strike: script(&[], include_str!("lua/strike.lua")),
            ask: script(&[], include_str!("lua/ask.lua")),
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

fn script(pieces: &[&str], own: &str) -> Script {
    let text = [piece::WORDS, &pieces.concat(), own].concat();
    let sha1 = redis::Script::new(&text).get_hash().to_owned();
    Script { text, sha1 }
}
