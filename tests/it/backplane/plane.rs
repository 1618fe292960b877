//! A backplane, as the tests use it: from outside of its thread.

use std::io::Write;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use postroom::backplane::{Backplane, Line, Lines, News, Options, ServerUrl, Servers, Slot, Trouble};
use redis::Value;

pub const PATIENCE: Duration = Duration::from_secs(20);

pub fn url(text: &str) -> ServerUrl {
    ServerUrl::parse(text).unwrap()
}

pub fn single(text: &str) -> Options {
    Options::new(Servers::Single(url(text)))
}

pub struct Plane(Backplane);

/// While there is only one subscriber in the process, tracing takes the word of whichever thread comes first to a place
/// that logs, and that of a thread without subscriber is "never". So there are always more.
static OTHERS: LazyLock<[tracing::Dispatch; 2]> = LazyLock::new(|| {
    let other = || tracing::Dispatch::new(tracing_subscriber::fmt().with_writer(std::io::sink).finish());
    [other(), other()]
});

impl Plane {
    pub fn start(options: Options) -> Self {
        Self(Backplane::start(options).unwrap())
    }

    pub fn to(text: &str) -> Self {
        Self::start(single(text))
    }

    /// What this comes to on the thread.
    pub fn ask<T, F, Fut>(&self, work: F) -> T
    where
        T: Send + 'static,
        F: FnOnce(Rc<Lines>) -> Fut + Send + 'static,
        Fut: Future<Output = T> + 'static,
    {
        let (answer, answered) = channel();
        self.0.spawn(move |lines| async move {
            let _ = answer.send(work(lines).await);
        });
        answered.recv_timeout(PATIENCE).expect("an answer")
    }

    /// One attempt to carry out a command, as a lane makes it.
    pub fn once(&self, command: &[&str]) -> Result<Value, Trouble> {
        let command: Vec<String> = command.iter().map(|part| (*part).to_owned()).collect();
        self.ask(|lines| async move { once(&lines, &command).await.map(|(value, _)| value) })
    }

    /// Again and again, until it is carried out.
    pub fn until_done(&self, command: &[&str]) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.once(command) {
                Ok(value) => return value,
                Err(trouble) => assert!(Instant::now() < end, "{command:?}: {trouble}"),
            }
        }
    }

    /// One attempt to each server in charge: where they are, or the trouble.
    pub fn try_all(&self) -> Vec<Result<String, Trouble>> {
        self.ask(|lines| async move {
            let all = lines.try_all().await;
            all.into_iter().map(|line| line.map(|line| line.server().to_owned())).collect()
        })
    }

    /// What a subscription brings; it lasts as long as the receiver.
    pub fn listen(&self, name: &str) -> Receiver<News> {
        let (name, (news, heard)) = (name.to_owned(), channel());
        self.0.spawn(move |lines| async move {
            let mut subscription = lines.subscribe(Slot::of(name.as_bytes()), name.into_bytes());
            loop {
                let waiting = tokio::time::timeout(Duration::from_millis(50), subscription.next());
                match waiting.await {
                    Ok(one) => {
                        if news.send(one).is_err() {
                            return;
                        }
                    }
                    // Nothing says that the receiver is gone, but sending to it; it is told what means nothing.
                    Err(_) => {
                        if news.send(News::Payload("".into())).is_err() {
                            return;
                        }
                    }
                }
            }
        });
        heard
    }

    pub fn stop(&self) {
        self.0.stop();
    }

    /// What is logged on the thread from now on.
    pub fn log(&self) -> Log {
        LazyLock::force(&OTHERS);
        let log = Log::default();
        let written = log.clone();
        self.ask(|_| async move {
            let writer = move || written.clone();
            let subscriber = tracing_subscriber::fmt().with_writer(writer).with_ansi(false).finish();
            // Until the end of the thread.
            std::mem::forget(tracing::subscriber::set_default(subscriber));
        });
        log
    }
}

/// One attempt, and the line it was made on. Trouble is reported.
pub async fn once(lines: &Lines, command: &[String]) -> Result<(Value, Line), Trouble> {
    let mut pipeline = redis::pipe();
    pipeline.cmd(&command[0]).arg(&command[1..]);
    let key = command.get(1).map(String::as_bytes).unwrap_or_default();
    let line = lines.line(Slot::of(key)).await?;
    let answer = line.send(&pipeline).await.and_then(|mut answers| answers.remove(0));
    if let Err(trouble) = &answer {
        lines.report(&line, trouble);
    }
    Ok((answer?, line))
}

/// The next thing that a subscription brought.
pub fn next(news: &Receiver<News>) -> News {
    let end = Instant::now() + PATIENCE;
    loop {
        let one = news.recv_timeout(PATIENCE).expect("news");
        if one != News::Payload("".into()) {
            return one;
        }
        assert!(Instant::now() < end, "no news");
    }
}

pub fn payload(text: &str) -> News {
    News::Payload(text.to_owned().into())
}

#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub fn count(&self, text: &str) -> usize {
        self.text().matches(text).count()
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
