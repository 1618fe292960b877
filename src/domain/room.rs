//! Rooms, and what an auth answer means for a client: which device it is, and where it belongs.

use super::site::Site;

/// A room in the form in which it is compared: user rooms to the letter, shared rooms in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Room(Box<str>);

impl Room {
    /// The room `name` of `site`.
    #[must_use]
    pub fn of(site: &Site, name: &str) -> Self {
        if !site.keeps_messages() || site.is_user_room(name) {
            return Self(name.into());
        }
        let lower = name.to_lowercase();
        // `User_1` is not the room of user 1: in lower case it would be taken for it.
        if site.is_user_room(&lower) { Self(name.into()) } else { Self(lower.into()) }
    }

    /// A room as it was stored; already in the form in which it is compared.
    #[must_use]
    pub fn stored(name: &str) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an auth answer comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// All rooms, sorted, each once.
    pub rooms: Vec<Room>,
    /// The user room that sorts first, else the public channel; `None` in plain broadcast mode.
    pub primary: Option<Box<str>>,
    /// Whether `primary` is the public channel, that is: the client is anonymous.
    pub anonymous: bool,
}

impl Membership {
    /// Reads the rooms of an auth answer. `None` where the site keeps messages and the answer names neither a
    /// user room nor the public channel.
    #[must_use]
    pub fn of(site: &Site, names: &[String]) -> Option<Self> {
        let mut rooms: Vec<Room> = names.iter().map(|name| Room::of(site, name)).collect();
        rooms.sort_unstable();
        rooms.dedup();
        if !site.keeps_messages() {
            return Some(Self { rooms, primary: None, anonymous: true });
        }
        let user = rooms.iter().find(|room| site.is_user_room(room.as_str())).map(Room::as_str);
        let public = site.public_channel.as_deref().map(|name| Room::of(site, name));
        let public = rooms.iter().find(|room| Some(*room) == public.as_ref()).map(Room::as_str);
        let primary = user.or(public)?.into();
        let anonymous = user.is_none();
        Some(Self { rooms, primary: Some(primary), anonymous })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        let mut site = Site::sample("demo");
        site.user_room_prefix = Some("user_".into());
        site.public_channel = Some("Browse".into());
        site
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_primary_room_is_the_user_room_that_sorts_first() {
        let m = Membership::of(&site(), &names(&["staff", "user_2", "user_1", "Browse", "STAFF"])).unwrap();
        assert_eq!(m.primary.as_deref(), Some("user_1"));
        assert!(!m.anonymous);
        let rooms: Vec<&str> = m.rooms.iter().map(Room::as_str).collect();
        assert_eq!(rooms, ["browse", "staff", "user_1", "user_2"]);
    }

    #[test]
    fn the_public_channel_counts_as_primary_only_for_the_anonymous() {
        let m = Membership::of(&site(), &names(&["browse"])).unwrap();
        assert_eq!((m.primary.as_deref(), m.anonymous), (Some("browse"), true));
    }

    #[test]
    fn no_private_room_is_no_membership() {
        assert_eq!(Membership::of(&site(), &names(&["staff"])), None);
        assert_eq!(Membership::of(&site(), &[]), None);
    }

    #[test]
    fn a_shared_room_never_turns_into_a_user_room() {
        assert_eq!(Room::of(&site(), "User_1").as_str(), "User_1");
        assert_eq!(Membership::of(&site(), &names(&["User_1", "staff"])), None);
        let m = Membership::of(&site(), &names(&["USER_1", "user_2"])).unwrap();
        assert_eq!(m.primary.as_deref(), Some("user_2"));
    }

    #[test]
    fn a_plain_broadcast_site_takes_any_rooms_and_keeps_their_case() {
        let m = Membership::of(&Site::sample("plain"), &names(&["Staff"])).unwrap();
        assert_eq!((m.rooms[0].as_str(), m.primary), ("Staff", None));
    }
}
