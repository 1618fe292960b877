//! An engine behind doors of all kinds, in this process: what is said comes back, and with it by which way its client came in.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::web::ServiceConfig;
use postroom::domain::WorkerId;
use postroom::hub::{Frame, Hub, HubOptions};
use postroom::listen::{Door, Listener, Opening, open};
use postroom::transport::engine::{self, *};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{oneshot, watch};

/// Two, so that requests for one connection land on the other one too.
const WORKERS: u16 = 2;
/// What is answered to `flood`: more than a socket takes at once.
pub const FLOOD: usize = 4 << 20;

thread_local! {
    static ENGINE: RefCell<Option<Rc<Engine>>> = const { RefCell::new(None) };
}

struct Echo;

struct Talk(Rc<Connection>, bool);

impl Application for Echo {
    fn open(&self, connection: &Rc<Connection>, handshake: Handshake) -> Rc<dyn Conversation> {
        Rc::new(Talk(Rc::clone(connection), handshake.tokens_only))
    }
}

impl Conversation for Talk {
    fn text(&self, text: &str) -> Result<(), Fault> {
        let way = if self.1 { "tokens" } else { "everybody" };
        let answer = if text == "flood" { "x".repeat(FLOOD) } else { format!("{way} {text}") };
        let mut frame = Frame::default();
        text_packet(&mut frame, |out| {
            out.push(b'4');
            out.extend_from_slice(answer.as_bytes());
        });
        self.0.send(Rc::new(frame));
        Ok(())
    }

    fn binary(&self, _: &[u8]) -> Result<(), Fault> {
        Ok(())
    }

    fn is_settled(&self) -> bool {
        true
    }

    fn closed(&self) {}
}

type Lines = Arc<Mutex<Vec<(u16, UnboundedReceiver<Job>)>>>;

#[derive(Clone)]
struct EchoDoor {
    options: Arc<EngineOptions>,
    exchange: Arc<Exchange>,
    lines: Lines,
}

impl EchoDoor {
    fn set_up(&self) -> Rc<Engine> {
        let (worker, jobs) = self.lines.lock().unwrap().pop().unwrap();
        let hub = Hub::new(HubOptions { outbox_limit: 2 * FLOOD });
        let (options, exchange) = (Arc::clone(&self.options), Arc::clone(&self.exchange));
        let engine = Engine::new(WorkerId(worker), Rc::clone(&hub), options, exchange, Rc::new(Echo));
        actix_rt::spawn(Rc::clone(&engine).run(jobs));
        actix_rt::spawn(async move {
            loop {
                hub.wait().await;
                while hub.flush(128) {
                    tokio::task::yield_now().await;
                }
            }
        });
        engine
    }
}

impl Door for EchoDoor {
    fn engine(&self) -> Rc<Engine> {
        ENGINE.with_borrow_mut(|engine| Rc::clone(engine.get_or_insert_with(|| self.set_up())))
    }

    fn configure(&self, config: &mut ServiceConfig, entrance: Entrance) {
        let engine = self.engine();
        engine::configure(config, &engine, entrance);
        config.app_data(engine);
    }
}

/// A server on a thread of its own.
pub struct House {
    thread: JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

impl House {
    pub fn start(openings: Vec<Opening>, token_paths: &[&str]) -> Self {
        let token_paths = token_paths.iter().map(|path| (*path).to_owned()).collect();
        let options = Arc::new(EngineOptions { token_paths, ..EngineOptions::default() });
        let (exchange, jobs) = Exchange::new(WORKERS.into());
        let lines = Arc::new(Mutex::new((0..WORKERS).zip(jobs).collect()));
        let door = EchoDoor { options, exchange, lines };
        let (stop, asked) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            actix_rt::System::new().block_on(serve(openings, &door, asked));
        });
        Self { thread, stop }
    }

    /// As a stop of the process does it.
    pub fn stop(self) {
        self.stop.send(()).unwrap();
        self.thread.join().unwrap();
    }
}

async fn serve(openings: Vec<Opening>, door: &EchoDoor, asked: oneshot::Receiver<()>) {
    let files: Vec<PathBuf> = openings.iter().filter_map(|opening| file(&opening.listener)).collect();
    let (stop_http, stopping) = watch::channel(false);
    let patience = Duration::from_secs(10);
    let (server, mut doors) = open(openings, WORKERS.into(), patience, &stopping, door).unwrap();
    let running = actix_rt::spawn(server);
    // Dropped by a test that has failed: the thread stays for as long as the process lives.
    let Ok(()) = asked.await else { return };
    doors.shut().await;
    assert!(files.iter().all(|file| !file.exists()), "gone before the connections are closed");
    door.exchange.close_all().await;
    stop_http.send_replace(true);
    doors.stop(true).await;
    running.await.unwrap().unwrap();
}

fn file(listener: &Listener) -> Option<PathBuf> {
    listener.address().is_none().then(|| listener.to_string().into())
}
