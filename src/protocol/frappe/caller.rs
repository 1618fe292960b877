//! On whose behalf a site is asked, and who that is.

use std::sync::Arc;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::domain::{Secret, Site};

/// What a client proves itself with. It goes with every call on its behalf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// The `sid` cookie, decoded.
    Cookie(Secret),
    /// The value of `Authorization`.
    Authorization(Secret),
}

/// A client, as its site is to see it.
#[derive(Debug)]
pub struct Caller {
    /// Its site.
    pub site: Arc<Site>,
    /// What it proves itself with.
    pub credential: Credential,
    /// The `Origin` that it came with.
    pub origin: Option<Box<str>>,
    /// Where it comes from (`X-Forwarded-For`), as far as a proxy said so.
    pub forwarded_for: Option<Box<str>>,
    /// So many questions about it are asked at a time.
    turns: Semaphore,
}

/// Questions about one client that are asked at a time; the others wait. Few, so that a handful of clients that ask without
/// end do not take all places of a site.
const TURNS: usize = 4;

impl Caller {
    /// A client with this credential, of which no more is known.
    #[must_use]
    pub fn new(site: Arc<Site>, credential: Credential) -> Self {
        Self { site, credential, origin: None, forwarded_for: None, turns: Semaphore::new(TURNS) }
    }

    /// Waits for the turn of a question. `None` never comes: the turns are not closed.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.acquire().await.ok()
    }
}

/// Who a client is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its name: an e-mail address, `Administrator`, `Guest`.
    pub name: Arc<str>,
    /// A user of the desk (`System User`).
    pub is_system: bool,
    /// The apps of its site; `None` where the site does not say (version 15 and older).
    pub apps: Option<Vec<String>>,
}

impl User {
    /// Whether nobody has logged in.
    #[must_use]
    pub fn is_guest(&self) -> bool {
        &*self.name == "Guest"
    }
}
