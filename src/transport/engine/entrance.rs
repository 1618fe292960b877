//! By which way clients come in.

use super::options::EngineOptions;

/// By which way a client came in: which door stood open to it, and on which path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Entrance {
    /// Where everybody comes in.
    #[default]
    Main,
    /// Where tokens alone are taken.
    Tokens,
}

/// The root, and what is left of `/socket-token/?EIO=4` where nginx puts `/` in the place of `/socket-token`.
const STRIPPED: &str = "/";

impl EngineOptions {
    /// The paths of the endpoint at a door, without the slash at the end, and by which way they lead in. Behind the door for
    /// tokens there is nothing else that a proxy would lead to, so it may have taken the path off.
    pub(super) fn paths(&self, door: Entrance) -> impl Iterator<Item = (&str, Entrance)> {
        let stripped = (door == Entrance::Tokens).then_some(STRIPPED);
        let tokens = self.token_paths.iter().map(String::as_str).chain(stripped);
        std::iter::once((self.path.as_str(), door)).chain(tokens.map(|path| (path, Entrance::Tokens)))
    }

    /// By which way a request comes in that names this path at a door; `None` where it is none of the endpoint's.
    pub(super) fn entrance(&self, door: Entrance, path: &str) -> Option<Entrance> {
        let names = |known: &str| path.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest == "/");
        self.paths(door).find(|(known, _)| names(known)).map(|(_, entrance)| entrance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_a_door_say_by_which_way_a_client_comes_in() {
        let token_paths = ["/socket-token", "/socket.io"].map(str::to_owned).to_vec();
        let options = EngineOptions { token_paths, ..EngineOptions::default() };
        let (main, tokens) = (Some(Entrance::Main), Some(Entrance::Tokens));
        for (path, at_main, at_tokens) in [
            // Named twice, it stays what it is.
            ("/socket.io", main, tokens),
            ("/socket.io/", main, tokens),
            ("/socket-token", tokens, tokens),
            ("/socket-token/", tokens, tokens),
            ("/", None, tokens),
            ("//", None, tokens),
            ("", None, None),
            ("///", None, None),
            ("/socket.io//", None, None),
            ("/socket.iox", None, None),
            ("/socket-tokens", None, None),
            ("/send", None, None),
        ] {
            assert_eq!(options.entrance(Entrance::Main, path), at_main, "{path}");
            assert_eq!(options.entrance(Entrance::Tokens, path), at_tokens, "{path}");
        }
    }
}
