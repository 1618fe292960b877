//! The thread on which everything of the backplane runs.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Mutex;
use std::thread::JoinHandle;

use tokio::sync::{mpsc, watch};
use tokio::task::{LocalSet, spawn_local};

use super::dial::Dialer;
use super::feed::Feeds;
use super::{Lines, Options};

type Work = Box<dyn FnOnce(Rc<Lines>) -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// Handle of the thread "redis". Dropped, it ends the thread.
pub struct Backplane {
    work: mpsc::UnboundedSender<Work>,
    end: watch::Sender<bool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Backplane {
    /// Starts the thread; connects to nothing yet.
    ///
    /// # Errors
    /// What in the options cannot work: certificates that cannot be read, no server, a database in a Cluster.
    pub fn start(options: Options) -> Result<Self, String> {
        options.servers.check()?;
        let dialer = Dialer::new(&options)?;
        let (work, works) = mpsc::unbounded_channel();
        let (end, ended) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("no runtime for the thread of Redis: {error}"))?;
        let thread = std::thread::Builder::new()
            .name("redis".into())
            .spawn(move || {
                LocalSet::new().block_on(&runtime, serve(options, dialer, works, ended));
                // Name lookups may still run on threads of their own; nobody waits for them.
                runtime.shutdown_background();
            })
            .map_err(|error| format!("no thread for Redis: {error}"))?;
        Ok(Self { work, end, thread: Mutex::new(Some(thread)) })
    }

    /// Runs work on the thread, next to what runs there already. After the end it is dropped.
    pub fn spawn<F, Fut>(&self, work: F)
    where
        F: FnOnce(Rc<Lines>) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + 'static,
    {
        // Nobody is there to run it when the thread has ended.
        let _ = self.work.send(Box::new(move |lines| Box::pin(work(lines))));
    }

    /// Ends the thread, whatever runs on it, and waits until it is gone. Called on the thread itself, it does not wait.
    pub fn stop(&self) {
        self.end.send_replace(true);
        let thread = self.thread.lock().map_or(None, |mut thread| thread.take());
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != std::thread::current().id())
            && thread.join().is_err()
        {
            tracing::error!("the thread of Redis has panicked");
        }
    }
}

impl Drop for Backplane {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Until the end; what was spawned is dropped then, with the `LocalSet`.
async fn serve(
    options: Options,
    dialer: Dialer,
    mut works: mpsc::UnboundedReceiver<Work>,
    mut ended: watch::Receiver<bool>,
) {
    let lines = Rc::new(Lines::new(options, dialer));
    spawn_local(Feeds::run(Rc::clone(&lines)));
    let run = async {
        while let Some(work) = works.recv().await {
            spawn_local(work(Rc::clone(&lines)));
        }
    };
    tokio::select! {
        _ = ended.wait_for(|ended| *ended) => {}
        () = run => {}
    }
}
