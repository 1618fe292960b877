//! What the doctor finds.

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// As it should be.
    Ok,
    /// It works, or may; look at it.
    Warn,
    /// Clients are not served.
    Fail,
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) mark: Mark,
    /// What was found.
    pub(super) text: String,
    /// What mends it: which key in which file, which line of a proxy.
    pub(super) mends: Vec<String>,
}

impl Finding {
    pub(super) fn ok(text: impl Into<String>) -> Self {
        Self { mark: Mark::Ok, text: text.into(), mends: Vec::new() }
    }

    pub(super) fn warn(text: impl Into<String>) -> Self {
        Self { mark: Mark::Warn, ..Self::ok(text) }
    }

    pub(super) fn fail(text: impl Into<String>) -> Self {
        Self { mark: Mark::Fail, ..Self::ok(text) }
    }

    /// With something that mends it.
    pub(super) fn mend(mut self, text: impl Into<String>) -> Self {
        self.mends.push(text.into());
        self
    }

    /// With what mends it, where something does.
    pub(super) fn mends(mut self, texts: impl IntoIterator<Item = String>) -> Self {
        self.mends.extend(texts);
        self
    }
}
