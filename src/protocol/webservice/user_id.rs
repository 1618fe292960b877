//! Which user a user room is of, and where the site is told about it.

use std::fmt::Write;

use crate::domain::Site;

/// The user of a user room: what follows the site's `userRoomPrefix`, up to the next underscore. So
/// `user_3_admin` and `user_3` are both user `3`, with the prefix `user_` as with the prefix `user`.
///
/// `None` for rooms that are of no user: shared rooms, the public channel, nothing behind the prefix, and the
/// two names that a URL path cannot hold.
pub(super) fn user_id<'a>(site: &Site, room: &'a str) -> Option<&'a str> {
    let prefix = site.user_room_prefix.as_deref()?;
    if site.public_channel.as_deref() == Some(room) {
        return None;
    }
    let rest = room.strip_prefix(prefix)?;
    let rest = if prefix.ends_with('_') { rest } else { rest.strip_prefix('_').unwrap_or(rest) };
    let id = rest.split('_').next()?;
    if matches!(id, "" | "." | "..") { None } else { Some(id) }
}

/// `updateUserUrl` with the first `:id` replaced.
pub(super) fn user_url(template: &str, id: &str) -> String {
    template.replacen(":id", &percent_encoded(id), 1)
}

/// All but the unreserved characters of RFC 3986 as `%XX`, so that no id can leave its place in the path.
fn percent_encoded(id: &str) -> String {
    let mut encoded = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(prefix: &str) -> Site {
        let mut site = Site::sample("demo");
        site.user_room_prefix = Some(prefix.into());
        site.public_channel = Some("user_public".into());
        site
    }

    #[test]
    fn the_user_is_the_piece_behind_the_prefix() {
        for (prefix, room, id) in [
            ("user_", "user_3", "3"),
            ("user_", "user_3_admin", "3"),
            ("user", "user_3_admin", "3"),
            ("user-", "user-3", "3"),
            ("app_user_", "app_user_3_x", "3"),
            ("user_", "user_a/b", "a/b"),
        ] {
            assert_eq!(user_id(&site(prefix), room), Some(id), "{room}");
        }
    }

    #[test]
    fn a_room_of_nobody_has_no_user() {
        for room in ["staff", "user_", "user_..", "user_.", "user__admin", "user_public", "USER_3"] {
            assert_eq!(user_id(&site("user_"), room), None, "{room}");
        }
        assert_eq!(user_id(&Site::sample("plain"), "user_3"), None);
    }

    #[test]
    fn an_id_stays_in_its_place() {
        let template = "http://127.0.0.1/users/:id/:id?x=1";
        assert_eq!(user_url(template, "3"), "http://127.0.0.1/users/3/:id?x=1");
        assert_eq!(
            user_url(template, "a/../b?c#d ä"),
            "http://127.0.0.1/users/a%2F..%2Fb%3Fc%23d%20%C3%A4/:id?x=1"
        );
        assert_eq!(user_url("http://127.0.0.1/here", "3"), "http://127.0.0.1/here");
    }
}
