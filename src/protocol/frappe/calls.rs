//! Calls on behalf of clients: so many at once for each site, on the thread of this room.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use super::Frappe;
use super::ask::{Answer, Asked, CallFailure, ask};
use super::caller::{Caller, User};
use super::permission::{self, Dialect};
use crate::protocol::BoxFuture;
use crate::protocol::outgoing::Outgoing;

/// Before a web server that is being started is asked again; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Calls of a site that may wait for a place.
const LINE: usize = 10_000;

/// What is known about the web server of a site, and how much it is asked at the moment.
pub(super) struct Desk {
    /// Who is it? By itself, so that those who are inside and ask much keep nobody out.
    arrivals: Line,
    /// What may it see?
    questions: Line,
    /// It names no apps, as those of version 15 and older: there is no use in asking again.
    names_no_apps: AtomicBool,
    /// How it is asked for permission, as far as found out.
    pub(super) dialect: AtomicU8,
}

/// Calls of one kind.
struct Line {
    places: Semaphore,
    waiting: AtomicUsize,
}

/// A place in a line.
struct Waiting<'a>(&'a Line);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Desk {
    pub(super) fn new(concurrency: usize) -> Self {
        let line = || Line { places: Semaphore::new(concurrency), waiting: AtomicUsize::new(0) };
        Self {
            arrivals: line(),
            questions: line(),
            names_no_apps: AtomicBool::new(false),
            dialect: AtomicU8::new(0),
        }
    }
}

impl Line {
    fn line_up(&self) -> Option<Waiting<'_>> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(self);
        (before < LINE).then_some(waiting)
    }
}

/// One call, with all that it needs.
#[derive(Clone)]
pub(super) struct Asking {
    pub(super) caller: Arc<Caller>,
    pub(super) desk: Arc<Desk>,
    pub(super) outgoing: Arc<Outgoing>,
    pub(super) bench: Arc<super::Bench>,
    /// How long one call may take.
    patience: Duration,
}

impl Asking {
    /// Asks what a client may see, when it is its turn; with the waiting for that no longer than one call may take.
    pub(super) async fn ask(&self, asked: &Asked) -> Result<Answer, CallFailure> {
        let turn = async {
            let _turn = self.caller.turn().await;
            self.ask_in(&self.desk.questions, asked).await
        };
        timeout(self.patience, turn).await.unwrap_or(Err(CallFailure::Late))
    }

    /// Asks, when it is its turn. The time in the line does not count: when everybody comes back at once, as after a restart, those
    /// who wait are let in late. Were they refused, they would not come again before their page is loaded anew.
    async fn ask_in(&self, line: &Line, asked: &Asked) -> Result<Answer, CallFailure> {
        let Some(_waiting) = line.line_up() else { return Err(CallFailure::Crowded) };
        let _place = line.places.acquire().await.map_err(|_| CallFailure::Stopping)?;
        let call = async {
            // Each time anew: the web server makes it with the first call of all, and an operator may replace it.
            let secret = self.bench.secret().await;
            ask(&self.outgoing, &self.caller, secret.as_ref(), asked).await
        };
        timeout(self.patience, call).await.unwrap_or(Err(CallFailure::Late))
    }

    /// Who the client is. Where the site says too little it is asked once more: the first call of all only makes the secret
    /// of the bench.
    async fn user(self) -> Result<User, CallFailure> {
        let asked = Asked::get("frappe.realtime.get_user_info", Vec::new());
        let first = self.arrive(&asked).await?;
        // A refusal is none that asking again would change.
        first.message()?;
        let enough = first.user().is_some_and(|user| user.apps.is_some() || self.knows_no_apps());
        let answer = if enough { first } else { self.arrive(&asked).await? };
        answer.message()?;
        let user = answer.user().ok_or(CallFailure::NoUser)?;
        self.desk.names_no_apps.store(user.apps.is_none(), Ordering::Relaxed);
        if user.apps.is_some() {
            Dialect::HasPermission.note(&self.desk);
        }
        Ok(user)
    }

    /// Asks who a client is. A web server that is just being started is waited for: who is refused does not come again before
    /// its page is loaded anew.
    async fn arrive(&self, asked: &Asked) -> Result<Answer, CallFailure> {
        let (end, mut pause) = (Instant::now() + self.patience, FIRST_PAUSE);
        loop {
            let answer = self.ask_in(&self.desk.arrivals, asked).await;
            let is_starting = answer.as_ref().map_or_else(CallFailure::may_pass, Answer::may_pass);
            if !is_starting || Instant::now() + pause > end {
                return answer;
            }
            sleep(pause).await;
            pause *= 2;
        }
    }

    fn knows_no_apps(&self) -> bool {
        self.desk.names_no_apps.load(Ordering::Relaxed)
    }
}

impl Frappe {
    /// Asks the site of a client who it is.
    pub fn user(&self, caller: Arc<Caller>) -> BoxFuture<Result<User, CallFailure>> {
        self.run(caller, Asking::user)
    }

    /// Whether a client may see a document, or, without a name, the documents of a type. What cannot be asked is not allowed.
    pub fn may_see(&self, caller: Arc<Caller>, doctype: &str, name: Option<&str>) -> BoxFuture<bool> {
        let (doctype, name) = (doctype.to_owned(), name.map(str::to_owned));
        let asked = self.run(caller, move |asking| permission::may_see(asking, doctype, name));
        Box::pin(async move { asked.await.unwrap_or(false) })
    }

    /// Calls a method of the site on behalf of a client; what it answered as `message`.
    pub fn call(&self, caller: Arc<Caller>, asked: Asked) -> BoxFuture<Result<Answer, CallFailure>> {
        self.run(caller, move |asking| async move { asking.ask(&asked).await })
    }

    /// Runs work on the thread; dropped, it ends there too.
    fn run<T: Send + 'static, F: Future<Output = Result<T, CallFailure>> + Send + 'static>(
        &self,
        caller: Arc<Caller>,
        work: impl FnOnce(Asking) -> F,
    ) -> BoxFuture<Result<T, CallFailure>> {
        let bench = match self.bench_of(&caller.site) {
            Ok(bench) => bench,
            Err(why) => return Box::pin(std::future::ready(Err(CallFailure::Bench(why)))),
        };
        let patience = caller.site.auth_timeout;
        let (desk, outgoing) = (self.desk(&caller.site), Arc::clone(&self.outgoing));
        let work = work(Asking { caller, desk, outgoing, bench, patience });
        let (reply, answer) = oneshot::channel();
        let task = self.thread.spawn(async move {
            // Whoever asked may have left.
            let _ = reply.send(work.await);
        });
        let task = Task(task);
        Box::pin(async move {
            let answer = answer.await;
            drop(task);
            answer.unwrap_or(Err(CallFailure::Stopping))
        })
    }
}

/// Ends a call when nobody waits for it any more.
struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
