//! What the log says about failed calls, and what it must not say.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use super::auth::AuthCalls;
use super::tell::{Tiding, tell};
use super::{UpdateOptions, ask};
use crate::domain::{Secret, Site};
use crate::protocol::outgoing::CallThread;
use crate::protocol::outgoing::Outgoing;
use crate::protocol::{Credentials, UserChange};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Notes what this thread logs, on every level, while the guard lives.
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || log.clone());
        tracing::subscriber::set_default(subscriber.finish())
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn unreachable() -> Arc<Site> {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut site = Site::sample("demo");
    site.webservice_mut().unwrap().auth_url = format!("http://{free}/auth?key=hunter1");
    site.webservice_mut().unwrap().update_user_url = Some(format!("http://{free}/users/:id?key=hunter1"));
    Arc::new(site)
}

/// One warning with these words, and no secret on any level.
fn assert_one_warning(log: &str, words: &[&str]) {
    let warnings: Vec<&str> = log.lines().filter(|line| line.contains(" WARN ")).collect();
    assert_eq!(warnings.len(), 1, "{log}");
    assert!(words.iter().all(|word| warnings[0].contains(word)), "{log}");
    assert!(!log.contains("hunter"), "{log}");
}

#[tokio::test]
async fn a_failed_auth_call_is_logged_once_with_site_and_reason_and_without_secrets() {
    let (log, site) = (Log::default(), unreachable());
    let _listening = log.listen();
    let calls = AuthCalls::new(Arc::new(Outgoing::new(5).unwrap()), 1, 1 << 20);
    let credentials = Credentials { token: Some(Secret::new("hunter2")), meta: Some("hunter3".to_owned()) };
    let request = ask::request(&site, &credentials).unwrap();
    let places = Arc::new(tokio::sync::Semaphore::new(1));
    calls.call(&site, places, request).await.unwrap_err();
    assert_one_warning(&log.text(), &["an auth call failed", "site=\"demo\"", "reason=", "refused"]);
}

#[tokio::test]
async fn a_line_that_is_full_is_logged_once_until_it_is_empty() {
    let log = Log::default();
    let _listening = log.listen();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut site = Site::sample("demo");
    site.webservice_mut().unwrap().auth_url = format!("http://{}/", silent.local_addr().unwrap());
    site.auth_concurrency = 1;
    let (site, thread) = (Arc::new(site), CallThread::start("test-calls").unwrap());
    let calls = AuthCalls::new(Arc::new(Outgoing::new(5).unwrap()), 0, 1 << 20);
    let join = |token| {
        let credentials = Credentials { token: Some(Secret::new(token)), meta: None };
        calls.join(&thread, &site, &credentials)
    };
    for rounds in 1..=2 {
        let running = join("hunter2").unwrap();
        assert!((0..5).all(|_| join("hunter3").is_err()));
        assert_eq!(log.text().matches("too many calls are waiting").count(), rounds);
        drop(running);
    }
}

#[tokio::test]
async fn a_change_that_was_not_told_is_logged_once_after_all_tries() {
    let (log, site) = (Log::default(), unreachable());
    let _listening = log.listen();
    let token = Some(Secret::new("hunter2"));
    let change =
        UserChange { user_room: "user_1".into(), connected: true, at: SystemTime::UNIX_EPOCH, token };
    let options = UpdateOptions { first_delay: Duration::from_millis(1), ..UpdateOptions::default() };
    tell(&Outgoing::new(5).unwrap(), &options, "1", &Tiding { site, change }).await;
    assert_one_warning(&log.text(), &["site=\"demo\"", "room=user_1", "tries=5", "refused"]);
}
