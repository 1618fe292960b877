//! The worker threads: each gets a hub, a gateway and an engine of its own the first time it is asked for them.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::web::ServiceConfig;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::api::{self, ApiOptions, BenchHealth};
use crate::backplane::Backplane;
use crate::domain::{Secret, WorkerId};
use crate::frappe::{self, FrappeNamespaces, Towns};
use crate::gateway::{Gateway, Mail, Shared};
use crate::hub::{Hub, HubOptions};
use crate::listen::Door;
use crate::protocol::SiteProtocol;
use crate::protocol::frappe::{BenchEar, Frappe};
use crate::transport::engine::{self, Engine, EngineOptions, Entrance, Exchange, Job};
use crate::transport::socketio::{Namespaces, SiteNamespaces, SocketIo};

/// Routes that are added to those of the gateway.
pub(super) type MoreRoutes = Arc<dyn Fn(&mut ServiceConfig) + Send + Sync>;

/// What every worker is made of.
pub(super) struct Crew {
    pub(super) shared: Arc<Shared>,
    pub(super) exchange: Arc<Exchange>,
    pub(super) engine: Arc<EngineOptions>,
    pub(super) hub: HubOptions,
    pub(super) api: ApiOptions,
    pub(super) more: Option<MoreRoutes>,
    /// Where there are Frappe sites.
    pub(super) frappe: Option<FrappeSide>,
    /// The lines of workers that have not begun yet.
    pub(super) lines: Mutex<Vec<Lines>>,
}

/// What carries Frappe sites.
#[derive(Clone)]
pub(super) struct FrappeSide {
    pub(super) calls: Arc<Frappe>,
    pub(super) towns: Arc<Towns>,
}

impl FrappeSide {
    /// `queues` are the benches' Redis. They are heard from the start, not from the first client on: an operator is to see at
    /// once that one cannot be reached.
    pub(super) fn start(shared: &Arc<Shared>, queues: &[Secret]) -> anyhow::Result<Self> {
        let node = getrandom::u64().map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
        let towns = Towns::new(Arc::clone(shared), node);
        let ear: Arc<dyn BenchEar> = Arc::<Towns>::clone(&towns);
        let calls = Arc::new(Frappe::start(ear)?);
        for queue in queues {
            calls.bench(queue).map_err(|why| anyhow::anyhow!("redis_queue is {why}"))?;
        }
        Ok(Self { calls, towns })
    }

    fn health(&self) -> BenchHealth {
        let calls = Arc::clone(&self.calls);
        BenchHealth(Arc::new(move || frappe::health(&calls)))
    }
}

/// Everything that runs.
pub(super) struct House {
    pub(super) crew: Arc<Crew>,
    pub(super) protocol: Arc<dyn SiteProtocol>,
    /// What store and broker stand on, where that is Redis.
    pub(super) backplane: Option<Backplane>,
}

/// What arrives for one worker.
pub(super) struct Lines {
    pub(super) worker: WorkerId,
    pub(super) mail: UnboundedReceiver<Mail>,
    pub(super) jobs: UnboundedReceiver<Job>,
}

/// What a worker thread has of its own.
#[derive(Clone)]
struct Desk {
    gateway: Rc<Gateway>,
    engine: Rc<Engine>,
}

thread_local! {
    static DESK: RefCell<Option<Desk>> = const { RefCell::new(None) };
}

impl Crew {
    fn desk(&self) -> Desk {
        DESK.with_borrow_mut(|desk| desk.get_or_insert_with(|| self.set_up()).clone())
    }

    fn namespaces(&self, gateway: &Rc<Gateway>, worker: WorkerId) -> Rc<dyn Namespaces> {
        let plain = Rc::new(SiteNamespaces::new(Rc::clone(gateway), worker));
        let Some(FrappeSide { calls, towns }) = self.frappe.clone() else { return plain };
        Rc::new(FrappeNamespaces::new(Rc::clone(gateway), worker, calls, towns, plain))
    }

    /// Makes a worker out of the thread that calls.
    fn set_up(&self) -> Desk {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let worker = lines.as_ref().map_or(WorkerId(u16::MAX), |lines| lines.worker);
        let hub = Hub::new(self.hub);
        let gateway = Gateway::new(Arc::clone(&self.shared), worker, Rc::clone(&hub));
        let namespaces = self.namespaces(&gateway, worker);
        let application = Rc::new(SocketIo::new(namespaces, self.engine.max_payload));
        let (options, exchange) = (Arc::clone(&self.engine), Arc::clone(&self.exchange));
        let engine = Engine::new(worker, hub, options, exchange, application);
        if let Some(Lines { mail, jobs, .. }) = lines {
            spawn_vital("gateway", Rc::clone(&gateway).run(mail));
            spawn_vital("engine", Rc::clone(&engine).run(jobs));
        } else {
            // More threads than were asked for: this one answers requests, but nothing is delivered on it.
            tracing::error!("a worker thread without a line began; please report this");
        }
        Desk { gateway, engine }
    }
}

/// Runs a loop without which a worker is dead. Were it to panic, the worker would take messages and deliver none: the
/// process ends instead, and comes back with everything that was answered with 2xx.
fn spawn_vital(name: &'static str, work: impl Future<Output = ()> + 'static) {
    let work = actix_rt::spawn(work);
    actix_rt::spawn(async move {
        if work.await.is_err_and(|error| error.is_panic()) {
            tracing::error!(name, "a worker's loop has failed; the process ends. Please report this");
            std::process::abort();
        }
    });
}

/// The crew as it stands behind the front door.
#[derive(Clone)]
pub(super) struct CrewDoor(pub(super) Arc<Crew>);

impl Door for CrewDoor {
    fn engine(&self) -> Rc<Engine> {
        self.0.desk().engine
    }

    fn configure(&self, config: &mut ServiceConfig, entrance: Entrance) {
        let Desk { gateway, engine } = self.0.desk();
        engine::configure(config, &engine, entrance);
        api::configure(config, self.0.api);
        if let Some(more) = &self.0.more {
            more(config);
        }
        if let Some(frappe) = &self.0.frappe {
            config.app_data(frappe.health());
        }
        config.app_data(gateway).app_data(engine).app_data(self.0.api);
    }
}
