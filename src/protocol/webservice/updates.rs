//! What sites are still to be told about their users: in order per user, a bounded number of users at once, each
//! site apart from the others.
//!
//! For a user whose turn has not come, a newer change takes the place of an older one of the same kind: the site
//! keeps only the last `last_connected` and the last `last_disconnected` anyway. So no more than two wait.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::UpdateOptions;
use super::tell::{Tiding, tell};
use super::user_id::user_id;
use crate::domain::{Site, SiteName};
use crate::protocol::UserChange;
use crate::protocol::outgoing::CallThread;
use crate::protocol::outgoing::Outgoing;

/// The changes of one user that wait, oldest first.
#[derive(Default)]
struct User {
    waiting: VecDeque<Tiding>,
    /// Whether a change of this user is being told: the next one waits for it.
    telling: bool,
}

/// What one site is to be told.
#[derive(Default)]
struct Line {
    users: HashMap<Box<str>, User>,
    /// Users whose turn it is.
    ready: VecDeque<Box<str>>,
    /// Tasks that tell.
    tellers: usize,
    /// Changes that wait, of all users.
    waiting: usize,
    /// Changes that found the line full since it was last empty.
    dropped: u64,
}

type Lines = Mutex<HashMap<SiteName, Line>>;

/// All that is to be told.
pub(super) struct Updates {
    lines: Arc<Lines>,
    /// Changes that wait or are being told.
    untold: watch::Sender<usize>,
    outgoing: Arc<Outgoing>,
    options: UpdateOptions,
}

impl Updates {
    pub(super) fn new(outgoing: Arc<Outgoing>, options: UpdateOptions) -> Self {
        Self { lines: Arc::default(), untold: watch::Sender::new(0), outgoing, options }
    }

    /// Takes a change, to be told on `thread`.
    pub(super) fn put(self: &Arc<Self>, thread: &CallThread, site: Arc<Site>, change: UserChange) {
        if site.webservice().is_none_or(|service| service.update_user_url.is_none()) {
            return;
        }
        let Some(id) = user_id(&site, &change.user_room).map(Box::<str>::from) else {
            tracing::debug!(site = site.name.as_str(), room = %change.user_room, "a room of no user");
            return;
        };
        let name = site.name.clone();
        let mut lines = self.lines();
        let line = lines.entry(name.clone()).or_default();
        match line.put(id, Tiding { site, change }, self.options.waiting) {
            Put::Added => self.untold.send_modify(|untold| *untold += 1),
            Put::Replaced => {}
            Put::Dropped => line.count_dropped(&name),
        }
        if !line.ready.is_empty() && line.tellers < self.options.at_once.max(1) {
            line.tellers += 1;
            thread.spawn(Arc::clone(self).tell_all(name));
        }
    }

    /// Waits until everything has been told or given up.
    pub(super) fn flushed(&self, deadline: Instant) -> impl Future<Output = ()> + Send + use<> {
        let mut untold = self.untold.subscribe();
        async move {
            // A dropped sender has nothing more to tell.
            let empty = async { untold.wait_for(|untold| *untold == 0).await.is_ok() };
            if timeout_at(deadline, empty).await.is_err() {
                let changes = *untold.borrow();
                tracing::warn!(changes, "stopping before all sites were told about their users");
            }
        }
    }

    /// Tells one change after the other until no user of the site is ready.
    async fn tell_all(self: Arc<Self>, site: SiteName) {
        while let Some((id, tiding)) = self.next(&site) {
            tell(&self.outgoing, &self.options, &id, &tiding).await;
            self.told(&site, id);
        }
    }

    fn next(&self, site: &SiteName) -> Option<(Box<str>, Tiding)> {
        let mut lines = self.lines();
        let line = lines.get_mut(site)?;
        let next = line.next();
        if next.is_none() {
            line.tellers -= 1;
            if line.tellers == 0 {
                line.report_dropped(site);
                lines.remove(site);
            }
        }
        next
    }

    fn told(&self, site: &SiteName, id: Box<str>) {
        if let Some(line) = self.lines().get_mut(site) {
            line.told(id);
        }
        self.untold.send_modify(|untold| *untold = untold.saturating_sub(1));
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<SiteName, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of a change that was put into a line.
#[derive(Debug, PartialEq, Eq)]
enum Put {
    Added,
    /// It took the place of an older one of its kind.
    Replaced,
    /// The line is full.
    Dropped,
}

impl Line {
    fn put(&mut self, id: Box<str>, tiding: Tiding, bound: usize) -> Put {
        let full = self.waiting >= bound;
        let user = self.users.entry(id.clone()).or_default();
        let same = user.waiting.iter().position(|other| other.change.connected == tiding.change.connected);
        if let Some(older) = same {
            user.waiting.remove(older);
            user.waiting.push_back(tiding);
            return Put::Replaced;
        }
        if full {
            if !user.telling && user.waiting.is_empty() {
                self.users.remove(&id);
            }
            return Put::Dropped;
        }
        user.waiting.push_back(tiding);
        self.waiting += 1;
        if !user.telling && user.waiting.len() == 1 {
            self.ready.push_back(id);
        }
        Put::Added
    }

    fn next(&mut self) -> Option<(Box<str>, Tiding)> {
        let id = self.ready.pop_front()?;
        let user = self.users.get_mut(&id)?;
        let tiding = user.waiting.pop_front()?;
        user.telling = true;
        self.waiting -= 1;
        Some((id, tiding))
    }

    fn told(&mut self, id: Box<str>) {
        let Some(user) = self.users.get_mut(&id) else { return };
        user.telling = false;
        if user.waiting.is_empty() {
            self.users.remove(&id);
        } else {
            self.ready.push_back(id);
        }
    }

    /// The first one is logged at once, the number when the line is empty again.
    fn count_dropped(&mut self, site: &SiteName) {
        self.dropped += 1;
        if self.dropped == 1 {
            let waiting = self.waiting;
            tracing::warn!(site = site.as_str(), waiting, "too much to tell the site: changes are dropped");
        }
    }

    fn report_dropped(&self, site: &SiteName) {
        if self.dropped > 0 {
            let dropped = self.dropped;
            tracing::warn!(site = site.as_str(), dropped, "the site has been told all but what was dropped");
        }
    }
}
