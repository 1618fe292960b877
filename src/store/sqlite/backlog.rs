//! Messages that do not fit into the writer's round: sites take turns, so that many of one do not stand in
//! front of a few of another.

use super::intake::Command;
use super::loads::Loads;
use super::turns::Turns;
use crate::domain::SiteName;

/// What one round does at most before it is written, so that who comes meanwhile waits no longer than that: in messages,
/// each with a few recipients. The first message of a round goes whatever it costs, and messages
/// that were sent together go in one.
const ROUND: usize = 512;
/// Recipients that cost as much as a message does by itself.
const RECIPIENTS: usize = 8;

/// How much more this round may do.
pub(super) struct Room(usize);

impl Room {
    pub(super) fn of_a_round() -> Self {
        Self(ROUND)
    }

    pub(super) fn is_left(&self) -> bool {
        self.0 > 0
    }

    /// A message to so many recipients was appended.
    pub(super) fn spend(&mut self, recipients: usize) {
        self.0 = self.0.saturating_sub(1 + recipients / RECIPIENTS);
    }
}

/// Messages that wait for a later round.
#[derive(Default)]
pub(super) struct Backlog {
    turns: Turns<Command>,
    loads: Loads,
}

impl Backlog {
    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Keeps a message of this site for later.
    pub(super) fn push(&mut self, site: SiteName, command: Command) {
        self.loads.add(&site, command.weight());
        self.turns.push(site, command);
    }

    /// The next message of the site whose turn it is.
    pub(super) fn pop(&mut self) -> Option<Command> {
        let (site, command) = self.turns.pop()?;
        self.loads.less(&site, command.weight());
        Some(command)
    }

    /// How much waits, of whom.
    pub(super) fn loads(&self) -> &Loads {
        &self.loads
    }

    /// Everything that waits.
    pub(super) fn commands(&self) -> impl Iterator<Item = &Command> {
        self.turns.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_has_room_for_many_messages_or_few_to_many() {
        for (recipients, fit) in [(0, 512), (1, 512), (1000, 5), (100_000, 1)] {
            let (mut room, mut count) = (Room::of_a_round(), 0);
            while room.is_left() {
                room.spend(recipients);
                count += 1;
            }
            assert_eq!(count, fit, "{recipients}");
        }
    }
}
