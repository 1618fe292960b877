//! Stopping: in which order, and by when.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal as on_signal};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::crew::House;
use crate::listen::Doors;

/// How long a stop waits for the workers to apply what they were told: backends may go on sending meanwhile.
const LINES_PATIENCE: Duration = Duration::from_secs(1);

/// How long a stop waits for the Redis of benches to take what their other processes are to be told.
const LETTERS_PATIENCE: Duration = Duration::from_secs(2);

/// Waits for the word to stop.
pub(super) async fn signal() -> std::io::Result<&'static str> {
    let mut terminate = on_signal(SignalKind::terminate())?;
    let mut interrupt = on_signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}

/// Lets nobody new in, closes the connections, answers what is under way, tells the sites who went. The store is
/// closed after this, when nothing can reach it any more.
pub(super) async fn drain(house: &House, mut doors: Doors, stop_http: &watch::Sender<bool>, limit: Duration) {
    let deadline = Instant::now() + limit;
    house.crew.shared.begin_draining();
    doors.shut().await;
    // What was answered and lies on a worker's line is on its way, too: broadcasts are kept nowhere else.
    let quiet = timeout_at(deadline.min(Instant::now() + LINES_PATIENCE), lines_empty(house));
    if quiet.await.is_err() {
        tracing::warn!("some messages that are not kept were not sent on before the connections were closed");
    }
    if timeout_at(deadline, house.crew.exchange.close_all()).await.is_err() {
        tracing::warn!("some connections were not closed in time");
    }
    if let Some(frappe) = &house.crew.frappe {
        // The neighbours are told who has gone; else they would count on them until this process is taken for dead.
        let told = timeout_at(deadline.min(Instant::now() + LETTERS_PATIENCE), frappe.calls.flush());
        if told.await.is_err() {
            tracing::warn!("the other processes of a bench were not told who went");
        }
    }
    stop_http.send_replace(true);
    let told = house.protocol.flush(deadline);
    if timeout_at(deadline, async { tokio::join!(doors.stop(true), told) }).await.is_err() {
        tracing::warn!("some requests were not answered, or some sites not told who went, in time");
        doors.stop(false).await;
    }
}

async fn lines_empty(house: &House) {
    while !house.crew.shared.is_quiet() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
