//! The echo server that the official Engine.IO and Socket.IO protocol suites run against, on this engine:

// A test tool: it may stop where it stands.
#![allow(clippy::unwrap_used, unreachable_pub)]
//! `cargo run --example echo -- engineio|socketio`, on port 3000.

mod engineio;
mod socketio;

use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::web::ServiceConfig;
use postroom::domain::WorkerId;
use postroom::hub::{Hub, HubOptions};
use postroom::listen::{Door, Listener, Opening, open};
use postroom::transport::engine::{self, Application, Engine, EngineOptions, Entrance, Exchange, Job};
use tokio::sync::mpsc::UnboundedReceiver;

thread_local! {
    static ENGINE: std::cell::RefCell<Option<Rc<Engine>>> = const { std::cell::RefCell::new(None) };
}

/// A worker and what arrives for it.
type Line = (u16, UnboundedReceiver<Job>);

#[derive(Clone)]
struct EchoDoor {
    application: fn() -> Rc<dyn Application>,
    options: Arc<EngineOptions>,
    exchange: Arc<Exchange>,
    lines: Arc<Mutex<Vec<Line>>>,
}

impl EchoDoor {
    fn set_up(&self) -> Rc<Engine> {
        let (worker, jobs) = self.lines.lock().unwrap().pop().unwrap();
        let hub = Hub::new(HubOptions { outbox_limit: 8 << 20 });
        let (options, exchange) = (Arc::clone(&self.options), Arc::clone(&self.exchange));
        let application = (self.application)();
        let engine = Engine::new(WorkerId(worker), Rc::clone(&hub), options, exchange, application);
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

fn main() -> std::io::Result<()> {
    let which = std::env::args().nth(1).unwrap_or_default();
    let (application, path): (fn() -> Rc<dyn Application>, _) = match which.as_str() {
        "engineio" => (engineio::application, "/engine.io"),
        "socketio" => (socketio::application, "/socket.io"),
        _ => return Err(std::io::Error::other("say engineio or socketio")),
    };
    // As the suites want it.
    let options = Arc::new(EngineOptions {
        ping_interval: Duration::from_millis(300),
        ping_timeout: Duration::from_millis(200),
        connect_timeout: Duration::from_secs(1),
        path: path.to_owned(),
        ..EngineOptions::default()
    });
    // One: the suites expect requests to be taken in the order in which they were made.
    let workers = 1;
    let (exchange, jobs) = Exchange::new(workers);
    let lines = Arc::new(Mutex::new((0u16..).zip(jobs).collect()));
    let door = EchoDoor { application, options, exchange, lines };
    let listener = Listener::tcp(([127, 0, 0, 1], 3000).into())?;
    actix_rt::System::new().block_on(async move {
        let openings = vec![Opening { listener, entrance: Entrance::Main }];
        let (_stop, stopping) = tokio::sync::watch::channel(false);
        let (server, _doors) = open(openings, workers, Duration::from_secs(1), &stopping, &door)?;
        server.await
    })
}
