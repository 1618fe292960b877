//! The thread on which all calls to sites run, so that a slow site, its TLS and its JSON cost the threads
//! that carry sessions nothing.

use std::future::Future;
use std::io;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// Carries calls to sites. Stops, with everything that runs on it, when it is dropped.
pub(in crate::protocol) struct CallThread {
    handle: Handle,
    /// Never sent to: that it is dropped is the signal.
    _stop: oneshot::Sender<()>,
}

impl CallThread {
    /// Starts the thread `name`.
    ///
    /// # Errors
    /// When the system gives no thread or no event queue.
    pub(in crate::protocol) fn start(name: &str) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().thread_name(name).enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Either outcome means that nobody holds the other end any more.
            let _ = runtime.block_on(stopped);
            // A name lookup that hangs in the system must not keep the thread.
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, _stop: stop })
    }

    /// Runs `call` on the thread, now and unasked.
    pub(in crate::protocol) fn spawn(&self, call: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.handle.spawn(call).abort_handle()
    }
}
