//! Logging to standard output.

use std::io::{self, IsTerminal as _};

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Pretty where standard output is a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// One JSON object per line: `timestamp`, `level`, `target`, `message` and the fields, all at the top.
    Json,
    /// For people: one line each, in colour on a terminal.
    Pretty,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The level is neither one nor a list of directives.
    #[error(
        "log level: {0}; write off, error, warn, info, debug or trace, or directives such as `info,postroom=debug`"
    )]
    Level(#[from] tracing_subscriber::filter::ParseError),
    /// Something else logs in this process already.
    #[error("logging is set up already")]
    AlreadySet(#[from] tracing::subscriber::SetGlobalDefaultError),
}

/// Sends everything that is logged to standard output. `level` is a level or a list of directives in the form of
/// `RUST_LOG`; that variable itself is not looked at, since the configuration has laid it over `log.level`.
///
/// # Errors
/// [`LoggingError`] when `level` cannot be read, or when logging is set up already.
pub fn init(level: &str, format: Format) -> Result<(), LoggingError> {
    let terminal = io::stdout().is_terminal();
    tracing::subscriber::set_global_default(subscriber(level, format, terminal, io::stdout)?)?;
    Ok(())
}

/// The subscriber that [`init`] sets up, on any writer.
fn subscriber<W>(
    level: &str,
    format: Format,
    terminal: bool,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, LoggingError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // The HTTP server tells how it starts; the line `listening` says what an operator wants to know of it.
    let level = if level.trim().eq_ignore_ascii_case("info") { "info,actix_server=warn" } else { level };
    let filter = EnvFilter::builder().parse(level)?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(terminal);
    let pretty = format == Format::Pretty || format == Format::Auto && terminal;
    Ok(if pretty {
        Box::new(lines.finish())
    } else {
        Box::new(lines.json().flatten_event(true).with_current_span(false).finish())
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::domain::{Secret, Site};

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What `log` writes.
    fn written(level: &str, format: Format, terminal: bool, log: impl FnOnce()) -> String {
        let page = Page::default();
        let writer = page.clone();
        let subscriber = subscriber(level, format, terminal, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, log);
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_json_line_has_its_fields_at_the_top() {
        let line = written("info", Format::Json, true, || tracing::info!(site = "shop", seq = 7, "sent"));
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&line["level"], &line["message"], &line["site"], &line["seq"]),
            (&"INFO".into(), &"sent".into(), &"shop".into(), &7.into())
        );
        assert!(line["timestamp"].is_string() && line["target"].is_string());
    }

    #[test]
    fn auto_is_pretty_on_a_terminal_only() {
        let log = || tracing::warn!(site = "shop", "slow");
        assert!(written("info", Format::Auto, false, log).starts_with('{'));
        let pretty = written("info", Format::Auto, true, log);
        assert!(pretty.contains("slow") && pretty.contains('\u{1b}'), "{pretty}");
        let plain = written("info", Format::Pretty, false, log);
        assert!(plain.contains("slow") && !plain.contains('\u{1b}') && !plain.starts_with('{'), "{plain}");
    }

    #[test]
    fn the_level_chooses_what_is_written() {
        let log = || {
            tracing::debug!(target: "postroom::store", "fine");
            tracing::info!(target: "other", "coarse");
        };
        assert!(!written("info", Format::Json, false, log).contains("fine"));
        let by_part = written("warn,postroom=debug", Format::Json, false, log);
        assert!(by_part.contains("fine") && !by_part.contains("coarse"), "{by_part}");
        assert_eq!(written("off", Format::Json, false, log), "");
        let server = || tracing::info!(target: "actix_server::builder", "starting 2 workers");
        assert_eq!(written("info", Format::Json, false, server), "");
        assert!(written("debug", Format::Json, false, server).contains("starting"));
    }

    #[test]
    fn a_secret_does_not_reach_a_line() {
        for format in [Format::Json, Format::Pretty] {
            let line = written("trace", format, false, || {
                let mut site = Site::sample("shop");
                site.api_key = Some(Secret::new("hunter2"));
                tracing::info!(?site, key = ?site.api_key, "site");
            });
            assert!(line.contains("shop") && !line.contains("hunter2"), "{line}");
        }
    }

    #[test]
    fn a_level_that_cannot_be_read_says_so() {
        let Err(error) = subscriber("postroom=loud", Format::Auto, false, io::sink) else { panic!() };
        assert!(error.to_string().contains("info,postroom=debug"), "{error}");
    }
}
