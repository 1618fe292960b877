//! The auth calls of all sites: equal ones are shared, no more than `authConcurrency` of a site run at once, the
//! others wait in line, and one that nobody waits for any more is given up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::Request;
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::ask;
use super::trouble::Trouble;
use crate::domain::{Site, SiteName};
use crate::protocol::outgoing::CallThread;
use crate::protocol::outgoing::Outgoing;
use crate::protocol::{Credentials, Refusal};

/// What an auth call comes to.
pub(super) type Answer = Result<Vec<String>, Refusal>;

/// What makes two calls of a site equal: all that goes into the request. Holds a token: no `Debug`.
#[derive(PartialEq, Eq, Hash)]
struct Question {
    auth_url: String,
    auth_scheme: String,
    token: Option<Box<str>>,
    meta: Option<String>,
}

impl Question {
    fn of(site: &Site, credentials: &Credentials) -> Self {
        let service = site.webservice();
        Self {
            auth_url: service.map(|service| service.auth_url.clone()).unwrap_or_default(),
            auth_scheme: service.map(|service| service.auth_scheme.clone()).unwrap_or_default(),
            token: credentials.token.as_ref().map(|token| token.expose().into()),
            meta: credentials.meta.clone(),
        }
    }
}

/// A call that runs or waits for a place.
struct Call {
    /// Tells it from an earlier call with the same question.
    number: u64,
    /// How many wait for its answer.
    waiting: usize,
    answer: watch::Receiver<Option<Answer>>,
    abort: AbortHandle,
}

/// The calls of one site.
struct Desk {
    calls: HashMap<Arc<Question>, Call>,
    places: Arc<Semaphore>,
    /// `authConcurrency`, as `places` was made.
    concurrency: usize,
    /// Whether the line has been full since it was last empty. The log says so once, not for each who came.
    crowded: bool,
}

impl Desk {
    fn new(concurrency: usize) -> Self {
        let places = Arc::new(Semaphore::new(concurrency.clamp(1, Semaphore::MAX_PERMITS)));
        Self { calls: HashMap::new(), places, concurrency, crowded: false }
    }

    fn turn_away(&mut self, site: &Site) -> Refusal {
        if std::mem::replace(&mut self.crowded, true) {
            return Trouble::Crowded.refusal();
        }
        refuse(site, &Trouble::Crowded)
    }

    fn remove(&mut self, question: &Question) {
        self.calls.remove(question);
        self.crowded &= !self.calls.is_empty();
    }

    /// A call that was given up holds its place until its connection is closed.
    fn is_idle(&self) -> bool {
        self.calls.is_empty() && self.places.available_permits() >= self.concurrency
    }
}

#[derive(Default)]
struct Board {
    desks: HashMap<SiteName, Desk>,
    /// Number of the last call.
    last_number: u64,
}

impl Board {
    /// The desk of `site`, made or changed to its settings. When the concurrency changes, calls that run
    /// finish in the places they have.
    fn desk(&mut self, site: &Site) -> &mut Desk {
        if !self.desks.contains_key(&site.name) {
            self.desks.retain(|_, desk| !desk.is_idle());
        }
        let concurrency = site.auth_concurrency.max(1);
        let desk = self.desks.entry(site.name.clone()).or_insert_with(|| Desk::new(concurrency));
        if desk.concurrency != concurrency {
            desk.places = Desk::new(concurrency).places;
            desk.concurrency = concurrency;
        }
        desk
    }
}

/// All auth calls.
pub(super) struct AuthCalls {
    board: Arc<Mutex<Board>>,
    outgoing: Arc<Outgoing>,
    /// Calls of a site that may wait for a place.
    line: usize,
    /// Bytes of an answer.
    answer_limit: usize,
}

impl AuthCalls {
    pub(super) fn new(outgoing: Arc<Outgoing>, line: usize, answer_limit: usize) -> Self {
        Self { board: Arc::default(), outgoing, line, answer_limit }
    }

    /// Joins the equal call in flight, or starts one on `thread`.
    ///
    /// # Errors
    /// The refusal, where it is certain without a call.
    pub(super) fn join(
        &self,
        thread: &CallThread,
        site: &Arc<Site>,
        credentials: &Credentials,
    ) -> Result<Ticket, Refusal> {
        let question = Arc::new(Question::of(site, credentials));
        let mut board = lock(&self.board);
        let desk = board.desk(site);
        if let Some(call) = desk.calls.get_mut(&question) {
            call.waiting += 1;
            let (number, answer) = (call.number, call.answer.clone());
            return Ok(self.ticket(site, question, number, answer));
        }
        if desk.calls.len() >= desk.concurrency.saturating_add(self.line) {
            return Err(desk.turn_away(site));
        }
        let request = ask::request(site, credentials).map_err(|trouble| refuse(site, &trouble))?;
        let job = self.call(site, Arc::clone(&desk.places), request);
        let (number, answer) = board.open(&self.board, thread, site, &question, job);
        Ok(self.ticket(site, question, number, answer))
    }

    fn ticket(
        &self,
        site: &Site,
        question: Arc<Question>,
        number: u64,
        answer: watch::Receiver<Option<Answer>>,
    ) -> Ticket {
        Ticket { board: Arc::clone(&self.board), site: site.name.clone(), question, number, answer }
    }

    /// The whole of one call: waits for a place, asks, says in the log what went wrong.
    pub(super) fn call(
        &self,
        site: &Arc<Site>,
        places: Arc<Semaphore>,
        request: Request,
    ) -> impl Future<Output = Answer> + Send + use<> {
        let (outgoing, limit, site) = (Arc::clone(&self.outgoing), self.answer_limit, Arc::clone(site));
        async move {
            let deadline = Instant::now() + site.auth_timeout;
            let outcome = match timeout_at(deadline, places.acquire()).await {
                Err(_) => Err(Trouble::Busy),
                Ok(Err(_)) => Err(Trouble::Stopping),
                Ok(Ok(_place)) => match timeout_at(deadline, ask::ask(&outgoing, request, limit)).await {
                    Err(_) => Err(Trouble::Late),
                    Ok(outcome) => outcome,
                },
            };
            outcome.map_err(|trouble| refuse(&site, &trouble))
        }
    }
}

impl Board {
    /// Starts a call and notes it, with one who waits. `shared` is this board.
    fn open(
        &mut self,
        shared: &Arc<Mutex<Self>>,
        thread: &CallThread,
        site: &Site,
        question: &Arc<Question>,
        job: impl Future<Output = Answer> + Send + 'static,
    ) -> (u64, watch::Receiver<Option<Answer>>) {
        self.last_number += 1;
        let number = self.last_number;
        let (tell, answer) = watch::channel(None);
        let (board, name, key) = (Arc::clone(shared), site.name.clone(), Arc::clone(question));
        let abort = thread.spawn(async move {
            let answer = job.await;
            lock(&board).close(&name, &key, number);
            tell.send_replace(Some(answer));
        });
        let call = Call { number, waiting: 1, answer: answer.clone(), abort };
        self.desk(site).calls.insert(Arc::clone(question), call);
        (number, answer)
    }

    /// Takes a call that has its answer off the board: a later question asks anew.
    fn close(&mut self, site: &SiteName, question: &Question, number: u64) {
        let Some(desk) = self.desks.get_mut(site) else { return };
        if desk.calls.get(question).is_some_and(|call| call.number == number) {
            desk.remove(question);
        }
    }

    /// One of those who wait for a call goes away; with the last one the call is given up.
    fn leave(&mut self, site: &SiteName, question: &Question, number: u64) {
        let Some(desk) = self.desks.get_mut(site) else { return };
        let Some(call) = desk.calls.get_mut(question).filter(|call| call.number == number) else { return };
        call.waiting -= 1;
        if call.waiting == 0 {
            call.abort.abort();
            desk.remove(question);
        }
    }
}

/// One who waits for the answer of a call. Dropped, it waits no more.
pub(super) struct Ticket {
    board: Arc<Mutex<Board>>,
    site: SiteName,
    question: Arc<Question>,
    number: u64,
    answer: watch::Receiver<Option<Answer>>,
}

impl Ticket {
    /// Waits for the answer.
    pub(super) async fn answer(mut self) -> Answer {
        match self.answer.wait_for(Option::is_some).await.map(|answer| answer.clone()) {
            Ok(Some(answer)) => answer,
            Ok(None) | Err(_) => Err(Trouble::Stopping.refusal()),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        lock(&self.board).leave(&self.site, &self.question, self.number);
    }
}

/// Says in the log why nobody is let in, once per call, and makes of it what the client is told.
fn refuse(site: &Site, trouble: &Trouble) -> Refusal {
    let (site, status) = (site.name.as_str(), trouble.status());
    if trouble.is_a_fault() {
        tracing::warn!(site, status, reason = %trouble, "an auth call failed");
    } else {
        tracing::debug!(site, status, reason = %trouble, "an auth call let nobody in");
    }
    trouble.refusal()
}

fn lock(board: &Mutex<Board>) -> MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}
