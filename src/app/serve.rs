//! `postroom serve`: start, run, stop.

use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::crew::{Crew, CrewDoor, FrappeSide, House, Lines, MoreRoutes};
use super::entrances::Entrances;
use super::limits::raise_open_files;
use super::scrape;
use super::stop;
use super::stores::{self, Stores};
use crate::api::ApiOptions;
use crate::config::{Bench, Origins, Server, Settings};
use crate::domain::{Flake, Secret, Site, WorkerId};
use crate::frappe;
use crate::gateway::{Shared, SharedParts, SiteFinder, Sites, Switchboard};
use crate::hub::HubOptions;
use crate::listen;
use crate::protocol::SiteProtocol;
use crate::protocol::webservice::{Options, Webservice};
use crate::store::{PageLimit, Store};
use crate::transport::engine::{EngineOptions, Exchange, OriginRule};

/// Entries of one `_batch`.
const BATCH_ENTRIES: usize = 1_000;
/// Bytes of one `_batch`, where the payload limit does not ask for less.
const BATCH_BYTES: usize = 1 << 20;

/// Runs the gateway until it is told to stop.
///
/// # Errors
/// When it cannot start.
pub fn serve(settings: &Settings) -> anyhow::Result<()> {
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    if let Some(bench) = &settings.bench {
        tracing::info!(root = %bench.root().display(), sites = bench.site_names().len(), "bench");
    }
    let entrances = Entrances::take(&settings.server)?;
    let announce = entrances.announcement();
    run(settings, entrances, |_| None, announce)
}

/// Starts everything behind its entrances, and stays until it is told to stop.
pub(super) fn run(
    settings: &Settings,
    entrances: Entrances,
    more: impl FnOnce(&Arc<dyn Store>) -> Option<MoreRoutes>,
    started: impl FnOnce(),
) -> anyhow::Result<()> {
    raise_open_files();
    let server = &settings.server;
    let scraped = server.metrics.map(scrape::bind).transpose()?;
    let mut house = build(settings, more)?;
    let backplane = house.backplane.take();
    let (shared, protocol) = (Arc::clone(&house.crew.shared), Arc::clone(&house.protocol));
    actix_rt::System::new().block_on(async move {
        let door = CrewDoor(Arc::clone(&house.crew));
        let (stop_http, stopping) = watch::channel(false);
        let (workers, patience) = (server.workers, server.drain_timeout);
        let (running, doors) = listen::open(entrances.0, workers, patience, &stopping, &door)?;
        let running = actix_rt::spawn(running);
        let scrape =
            scraped.map(|port| scrape::open(port, scrape::metrics(house.crew.shared.store()))).transpose()?;
        let scrape = scrape.map(|(server, handle)| (actix_rt::spawn(server), handle));
        started();
        let signal = stop::signal().await?;
        tracing::info!(signal, "stopping");
        stop::drain(&house, doors, &stop_http, server.drain_timeout).await;
        running.await??;
        if let Some((server, handle)) = scrape {
            handle.stop(false).await;
            server.await??;
        }
        anyhow::Ok(())
    })?;
    drop(protocol);
    shared.store().close();
    if let Some(backplane) = backplane {
        backplane.stop();
    }
    tracing::info!("stopped");
    Ok(())
}

fn build(
    settings: &Settings,
    more: impl FnOnce(&Arc<dyn Store>) -> Option<MoreRoutes>,
) -> anyhow::Result<House> {
    let server = &settings.server;
    let names: Vec<_> = settings.sites.iter().map(|site| site.name.clone()).collect();
    let (switchboard, mail) = Switchboard::new(server.workers, server.outbox_limit / 2, &names);
    let (exchange, jobs) = Exchange::new(server.workers);
    let Stores { store, broker, backplane } = stores::open(server, &switchboard)?;
    let protocol: Arc<dyn SiteProtocol> = Arc::new(Webservice::start(Options::default())?);
    let more = more(&store);
    let shared = Shared::new(SharedParts {
        sites: Sites::new(settings.sites.iter().cloned(), finder(settings)),
        store,
        broker,
        protocol: Arc::clone(&protocol),
        switchboard,
        flake: Flake::new(flake_node(server)?)?,
        device_ttl: server.device_ttl,
        page: PageLimit { entries: BATCH_ENTRIES, bytes: BATCH_BYTES.min(server.io.max_payload / 2) },
    });
    let queues = queues(settings);
    let frappe = (!queues.is_empty()).then(|| FrappeSide::start(&shared, &queues)).transpose()?;
    let lines = (0u16..).zip(mail.into_iter().zip(jobs));
    let lines = lines.map(|(worker, (mail, jobs))| Lines { worker: WorkerId(worker), mail, jobs }).collect();
    let crew = Arc::new(Crew {
        shared,
        exchange,
        engine: Arc::new(engine_options(server, frappe.is_some())),
        hub: HubOptions { outbox_limit: server.outbox_limit },
        api: ApiOptions {
            send_limit: server.send_limit,
            batch_limit: server.batch_limit,
            batch_items: server.batch_items,
        },
        more,
        frappe,
        lines: Mutex::new(lines),
    });
    Ok(House { crew, protocol, backplane })
}

/// The sites of a bench are asked for when a client or a message names one: they come and go.
fn finder(settings: &Settings) -> Option<Box<dyn SiteFinder>> {
    let bench = Arc::clone(settings.bench.as_ref()?);
    Some(Box::new(SitesOfBench(bench)))
}

struct SitesOfBench(Arc<Bench>);

impl SiteFinder for SitesOfBench {
    fn named(&self, name: &str) -> Option<Arc<Site>> {
        self.0.site(name)
    }

    fn at_host(&self, host: &str) -> Option<Arc<Site>> {
        let default = self.0.default_site().and_then(|name| self.0.site(name));
        self.0.site_of_alias(host).or_else(|| default.filter(|site| site.is_reached_at(host)))
    }
}

/// Gateways that share a Redis make their ids apart from each other: each needs a number of its own.
pub(super) fn flake_node(server: &Server) -> anyhow::Result<u64> {
    match server.flake_node {
        Some(node) => Ok(node),
        None if server.redis.is_some() => {
            let random = getrandom::u32().map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
            Ok(u64::from(random & 1023))
        }
        None => Ok(0),
    }
}

/// The Redis of each Frappe site, and of the bench.
fn queues(settings: &Settings) -> Vec<Secret> {
    let of_bench = settings.bench.iter().map(|bench| bench.common().redis_queue.clone());
    let of_sites =
        settings.sites.iter().filter_map(|site| site.frappe().map(|site| site.redis_queue.clone()));
    of_bench.chain(of_sites).collect()
}

fn engine_options(server: &Server, has_frappe: bool) -> EngineOptions {
    let io = &server.io;
    EngineOptions {
        ping_interval: io.ping_interval,
        ping_timeout: io.ping_timeout,
        max_payload: io.max_payload,
        path: io.path.clone(),
        token_paths: io.token_paths.clone(),
        origins: match &io.origins {
            Origins::Any => OriginRule::Any,
            Origins::Only(origins) => OriginRule::Only(origins.clone()),
        },
        cookie: io.cookie.clone(),
        connect_timeout: server.connect_timeout,
        kept_headers: if has_frappe { frappe::HEADERS } else { &[] },
        ..EngineOptions::default()
    }
}
