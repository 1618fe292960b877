//! `postroom serve`: start, run, stop.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use tokio::sync::watch;

use super::crew::{Crew, CrewDoor, House, Lines, MoreRoutes};
use super::limits::raise_open_files;
use super::scrape;
use super::stop;
use super::stores::{self, Stores};
use crate::api::ApiOptions;
use crate::config::{Origins, Server, Settings};
use crate::domain::{Flake, WorkerId};
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
    let listener = bind(&settings.server)?;
    let address = listener.local_addr()?;
    run(settings, listener, |_| None, move || tracing::info!(%address, "listening"))
}

/// Opens the port, before anything else is done: a port in use is the most common mistake.
pub(super) fn bind(server: &Server) -> anyhow::Result<TcpListener> {
    let address = server.listen;
    TcpListener::bind(address).with_context(|| {
        format!("cannot listen on {address}; is another process using the port? Set `port` in config.yml")
    })
}

/// Starts everything behind an open port, and stays until it is told to stop.
pub(super) fn run(
    settings: &Settings,
    listener: TcpListener,
    more: impl FnOnce(&Arc<dyn Store>) -> Option<MoreRoutes>,
    started: impl FnOnce(),
) -> anyhow::Result<()> {
    raise_open_files();
    listener.set_nonblocking(true)?;
    let server = &settings.server;
    let scraped = server.metrics.map(scrape::bind).transpose()?;
    let mut house = build(settings, more)?;
    let backplane = house.backplane.take();
    let (shared, protocol) = (Arc::clone(&house.crew.shared), Arc::clone(&house.protocol));
    actix_rt::System::new().block_on(async move {
        let door = CrewDoor(Arc::clone(&house.crew));
        let (stop_http, stopping) = watch::channel(false);
        let (running, handle) = listen::open(listener, server.workers, server.drain_timeout, stopping, door)?;
        let running = actix_rt::spawn(running);
        let scrape =
            scraped.map(|port| scrape::open(port, scrape::metrics(house.crew.shared.store()))).transpose()?;
        let scrape = scrape.map(|(server, handle)| (actix_rt::spawn(server), handle));
        started();
        let signal = stop::signal().await?;
        tracing::info!(signal, "stopping");
        stop::drain(&house, handle, &stop_http, server.drain_timeout).await;
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
    let lines = (0u16..).zip(mail.into_iter().zip(jobs));
    let lines = lines.map(|(worker, (mail, jobs))| Lines { worker: WorkerId(worker), mail, jobs }).collect();
    let crew = Arc::new(Crew {
        shared,
        exchange,
        engine: Arc::new(engine_options(server)),
        hub: HubOptions { outbox_limit: server.outbox_limit },
        api: ApiOptions {
            send_limit: server.send_limit,
            batch_limit: server.batch_limit,
            batch_items: server.batch_items,
        },
        more,
        lines: Mutex::new(lines),
    });
    Ok(House { crew, protocol, backplane })
}

/// The sites of a bench are asked for when a client or a message names one: they come and go.
fn finder(settings: &Settings) -> Option<SiteFinder> {
    let bench = Arc::clone(settings.bench.as_ref()?);
    Some(Box::new(move |name| bench.site(name)))
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

fn engine_options(server: &Server) -> EngineOptions {
    let io = &server.io;
    EngineOptions {
        ping_interval: io.ping_interval,
        ping_timeout: io.ping_timeout,
        max_payload: io.max_payload,
        path: io.path.clone(),
        origins: match &io.origins {
            Origins::Any => OriginRule::Any,
            Origins::Only(origins) => OriginRule::Only(origins.clone()),
        },
        cookie: io.cookie.clone(),
        connect_timeout: server.connect_timeout,
        ..EngineOptions::default()
    }
}
