//! Threads with a runtime of their own, and waiting.

use std::future::Future;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::{Instant, sleep};

/// How often the probe looks at the clock.
const BEAT: Duration = Duration::from_millis(10);

/// Runs `future` on this thread, with tasks that stay on it.
pub fn run<F: Future>(future: F) -> Result<F::Output> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    Ok(tokio::task::LocalSet::new().block_on(&runtime, future))
}

/// Runs what `make` makes on a thread of that name.
pub fn thread<F: Future>(name: &str, make: impl FnOnce() -> F + Send + 'static) -> Result<JoinHandle<()>> {
    let body = move || {
        // Without a runtime the thread ends, and whoever waits for it learns that it did.
        let _ = run(async { drop(make().await) });
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(body).context("no thread")
}

/// Waits until `done`; false when that took longer than `most`.
pub async fn wait_for(most: Duration, mut done: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + most;
    while !done() {
        if Instant::now() > end {
            return false;
        }
        sleep(Duration::from_millis(5)).await;
    }
    true
}

/// Tells for ever how many microseconds late a timer of this thread fires.
pub async fn probe(tell: impl Fn(u64)) {
    loop {
        let due = Instant::now() + BEAT;
        tokio::time::sleep_until(due).await;
        tell(due.elapsed().as_micros() as u64);
    }
}
