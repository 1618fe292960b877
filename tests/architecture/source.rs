//! A Rust file as text, without what is not code.

/// One file.
#[derive(Clone)]
pub struct Source {
    /// From the root of the package.
    pub path: String,
    /// As it is.
    pub text: String,
    /// The same, with blanks in the place of comments and of what stands in quotes. Lines stay where they are.
    pub code: String,
    /// The same without what is only compiled for tests.
    pub shipped: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let code = blank(text);
        let in_tests = path.ends_with("/tests.rs") || path.contains("/tests/") || path.starts_with("tests/");
        let shipped = if in_tests { String::new() } else { without_tests(&code) };
        Self { path: path.to_owned(), text: text.to_owned(), code, shipped }
    }

    /// The path below `src`.
    pub fn place(&self) -> &str {
        self.path.strip_prefix("src/").unwrap_or(&self.path)
    }

    /// The names of modules that lead here from the root of the crate.
    pub fn modules(&self) -> Vec<&str> {
        let place = self.place().strip_suffix(".rs").unwrap_or(self.place());
        place.split('/').filter(|name| !["mod", "lib", "main"].contains(name)).collect()
    }

    /// `file:line` of a place in the code.
    pub fn at(&self, offset: usize) -> String {
        let line = self.code[..offset].bytes().filter(|byte| *byte == b'\n').count() + 1;
        format!("{}:{line}", self.path)
    }
}

/// Where a word stands as a whole.
pub fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let bytes = code.as_bytes();
        !is_part(at.checked_sub(1).and_then(|before| bytes.get(before)))
            && !is_part(bytes.get(at + word.len()))
    })
}

/// The name that stands at the beginning.
pub fn name(code: &str) -> &str {
    let end = code.find(|char: char| !char.is_ascii_alphanumeric() && char != '_').unwrap_or(code.len());
    &code[..end]
}

/// The end of what the bracket at the beginning opens, that bracket and its counterpart included.
pub fn bracketed(code: &str) -> &str {
    let mut depth = 0;
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return &code[..=at];
        }
    }
    code
}

/// Cuts out every item behind `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    let mut kept = code.to_owned();
    while let Some(start) = kept.find("#[cfg(test)]") {
        let rest = &kept[start..];
        let opening = rest.find(['{', ';']).unwrap_or(rest.len() - 1);
        let len = if rest[opening..].starts_with('{') { bracketed(&rest[opening..]).len() } else { 1 };
        let cut: String = rest[..opening + len].chars().filter(|char| *char == '\n').collect();
        kept.replace_range(start..start + opening + len, &cut);
    }
    kept
}

/// Blanks comments and quotes.
fn blank(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(len) = comment(rest).or_else(|| quote(rest, code.chars().next_back())) {
            code.extend(rest[..len].chars().map(|char| if char == '\n' { '\n' } else { ' ' }));
            rest = &rest[len..];
        } else {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    code
}

fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    rest.strip_prefix("/*")?.find("*/").map(|end| end + 4)
}

/// The length of a string or a character at the beginning; a lifetime is none.
fn quote(rest: &str, before: Option<char>) -> Option<usize> {
    let in_word = before.is_some_and(|char| char.is_ascii_alphanumeric() || char == '_');
    let plain = rest.trim_start_matches(['b', 'c']);
    if let Some(raw) = plain.strip_prefix('r').filter(|_| !in_word) {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') && rest.len() - plain.len() <= 1 {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = rest.len() - raw.len() + hashes + 1;
            return Some(start + rest[start..].find(&end).map_or(rest.len() - start, |at| at + end.len()));
        }
    }
    match rest.as_bytes() {
        [b'"', ..] => Some(1 + closing(&rest[1..], '"')),
        [b'\'', b'\\', ..] => Some(3 + closing(&rest[3..], '\'')),
        [b'\'', ..] => {
            let mut chars = rest[1..].char_indices();
            let (_, (end, close)) = (chars.next()?, chars.next()?);
            (close == '\'').then_some(1 + end + 1)
        }
        _ => None,
    }
}

fn closing(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, char) in text.char_indices() {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if char == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}
