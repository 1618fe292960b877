//! What is wrong with a setting, and where it stands.

use std::fmt;
use std::str::FromStr;

/// Where a setting stands. Orders as a reader goes through the sources: flags, environment, files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A flag of the command line, with its dashes.
    Flag(String),
    /// A variable of the environment.
    Variable(String),
    /// A place in a file: its name as it was given, line and column counted from 1.
    File {
        /// Name of the file.
        file: String,
        /// Line.
        line: u64,
        /// Column, in characters.
        column: u64,
    },
    /// A file as a whole.
    WholeFile(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => f.write_str(flag),
            Self::Variable(name) => write!(f, "${name}"),
            Self::File { file, line, column } => write!(f, "{file}:{line}:{column}"),
            Self::WholeFile(file) => f.write_str(file),
        }
    }
}

/// Reads a place back from what [`fmt::Display`] made of it.
impl FromStr for Place {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("--") {
            return Ok(Self::Flag(text.to_owned()));
        }
        if let Some(name) = text.strip_prefix('$') {
            return Ok(Self::Variable(name.to_owned()));
        }
        let mut parts = text.rsplitn(3, ':');
        let (column, line, file) = (parts.next(), parts.next(), parts.next());
        let number = |part: Option<&str>| part.and_then(|part| part.parse().ok());
        Ok(match (file, number(line), number(column)) {
            (Some(file), Some(line), Some(column)) => Self::File { file: file.to_owned(), line, column },
            _ => Self::WholeFile(text.to_owned()),
        })
    }
}

/// One thing that is wrong, or (as a warning) looks wrong.
///
/// Prints as `sites.yml:14:3: authUrl: what is wrong, and the mend`; in place of the file and position stands
/// `$NAME` for a variable of the environment and `--name` for a flag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// The key concerned; empty where it is about the file as a whole.
    pub key: String,
    /// What is wrong, and the mend.
    pub text: String,
}

impl Problem {
    /// A problem of `key` at `place`.
    pub(super) fn new(place: &Place, key: impl Into<String>, text: impl Into<String>) -> Self {
        Self { place: place.clone(), key: key.into(), text: text.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.text)
    }
}

/// Everything that keeps the settings from being used, in the order of the files. Prints one per line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// The problems; at least one.
    pub errors: Vec<Problem>,
    /// What would have been warned of.
    pub warnings: Vec<Problem>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.errors.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Collects what is found on the way.
#[derive(Debug, Default)]
pub(super) struct Findings {
    errors: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Findings {
    pub(super) fn error(&mut self, place: &Place, key: impl Into<String>, text: impl Into<String>) {
        self.errors.push(Problem::new(place, key, text));
    }

    pub(super) fn warn(&mut self, place: &Place, key: impl Into<String>, text: impl Into<String>) {
        self.warnings.push(Problem::new(place, key, text));
    }

    /// How many errors there are so far.
    pub(super) fn errors(&self) -> usize {
        self.errors.len()
    }

    /// The warnings if there was no error, else everything. Each once, in the order of the files.
    pub(super) fn finish(mut self) -> Result<Vec<Problem>, Problems> {
        for list in [&mut self.errors, &mut self.warnings] {
            list.sort();
            list.dedup();
        }
        if self.errors.is_empty() {
            Ok(self.warnings)
        } else {
            Err(Problems { errors: self.errors, warnings: self.warnings })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_being_printed_and_read_back() {
        let file = |file: &str| Place::File { file: file.to_owned(), line: 3, column: 14 };
        for place in [
            Place::Flag("--port".to_owned()),
            Place::Variable("PORT".to_owned()),
            file("config.yml"),
            file("C:\\etc\\config.yml"),
            Place::WholeFile("etc/sites.yml".to_owned()),
        ] {
            assert_eq!(place.to_string().parse(), Ok(place));
        }
    }

    #[test]
    fn all_errors_come_in_the_order_of_the_file() {
        let mut findings = Findings::default();
        let at = |line| Place::File { file: "sites.yml".to_owned(), line, column: 3 };
        findings.error(&at(14), "authUrl", "late");
        findings.warn(&at(1), "apiKey", "short");
        findings.error(&at(2), "apiKey", "early");
        let problems = findings.finish().unwrap_err();
        assert_eq!(problems.to_string(), "sites.yml:2:3: apiKey: early\nsites.yml:14:3: authUrl: late");
        assert_eq!(problems.warnings.len(), 1);
    }
}
