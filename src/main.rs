//! The `postroom` command: arguments, logging, exit code.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use postroom::app;
use postroom::config::{self, LogFormat, Problems, Server, Sources};
use postroom::telemetry::{self, Format};

/// A push gateway for many sites: backends POST, browsers and apps receive, nothing is lost on the way.
#[derive(Parser)]
#[command(name = "postroom", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the gateway.
    Serve(Where),
    /// Run the gateway as the realtime server of a Frappe bench.
    Frappe {
        #[command(flatten)]
        place: Where,
        /// Folder of the bench [default: that of config.yml or `FRAPPE_BENCH_ROOT`, else the current one].
        #[arg(long, value_name = "DIR")]
        bench: Option<PathBuf>,
    },
    /// Run the gateway with a sample site, a sample backend and a page to try it.
    Demo {
        /// Port to listen on; 0 takes a free one.
        #[arg(long, default_value = "1337")]
        port: String,
        /// Address to listen on.
        #[arg(long, default_value = "127.0.0.1")]
        host: String,
    },
    /// Check the configuration: all errors at once, with their places. Exit code 1 when there are any.
    Check {
        #[command(flatten)]
        place: Where,
        /// Check what `frappe` would read with this bench.
        #[arg(long, value_name = "DIR")]
        bench: Option<PathBuf>,
        /// Files to check, each for what it is; without any, what `serve` would read.
        files: Vec<PathBuf>,
    },
    /// Look at everything that Frappe sites need of their surroundings, and name the mend where something is wrong. Exit code 1
    /// when something fails.
    Doctor(Look),
    /// Move devices and their waiting messages from one store to another, while no gateway runs on either.
    Migrate(Move),
}

/// What is to be looked at.
#[derive(Args)]
struct Look {
    #[command(flatten)]
    place: Where,
    /// Look at Frappe sites: Redis, secret, web server, names, proxy. Without it, at the configuration alone.
    #[arg(long)]
    frappe: bool,
    /// Folder of the bench [default: as of `frappe`].
    #[arg(long, value_name = "DIR")]
    bench: Option<PathBuf>,
    /// One site alone.
    #[arg(long, value_name = "NAME")]
    site: Option<String>,
    /// The address that browsers use, such as `https://erp.example.com`.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The cookie `sid` of somebody who is logged in.
    #[arg(long, value_name = "COOKIE", conflicts_with = "token")]
    sid: Option<String>,
    /// A value of Authorization, such as `Bearer x`.
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
}

/// From where to where.
#[derive(Args)]
struct Move {
    /// The store that has everything; it stays as it is: `sqlite:data/postroom.db` or `redis://host:6379` (also `rediss://`,
    /// `unix://`; several with commas: a Cluster); `sqlite` or `redis` alone: that of config.yml.
    #[arg(long, value_name = "STORE")]
    from: String,
    /// The store that gets everything, written the same way; it must be empty.
    #[arg(long, value_name = "STORE")]
    to: String,
    /// What the names of all keys in Redis begin with [default: that of config.yml for its Redis, else postroom].
    #[arg(long, value_name = "PREFIX")]
    redis_prefix: Option<String>,
    /// Number of shards in Redis [default: that of config.yml for its Redis, else 16].
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=256))]
    redis_shards: Option<u16>,
    /// Certificate authority of Redis, a PEM file.
    #[arg(long, value_name = "FILE")]
    redis_ca: Option<PathBuf>,
    /// Settings of the process, of which `data`, `device_ttl` and `redis` count [default: config.yml, if it is there].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Where the settings are.
#[derive(Args)]
struct Where {
    /// Settings of the process [default: config.yml, if it is there].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The sites [default: sites.yml, which need not be there beside a bench].
    #[arg(long, value_name = "FILE")]
    sites: Option<PathBuf>,
    /// Folder of the embedded store [default: data; with a bench alone, config/postroom/<port> in it].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address to listen on [default: 0.0.0.0].
    #[arg(long)]
    host: Option<String>,
    /// Port to listen on [default: 1337; with a bench, what that says].
    #[arg(long)]
    port: Option<String>,
}

impl Where {
    fn sources(self) -> Sources {
        let Self { config, sites, data, host, port } = self;
        Sources { config, sites, data, host, port, env: environment(), ..Sources::default() }
    }

    fn with_bench(self, bench: Option<PathBuf>) -> Sources {
        Sources { bench, frappe: true, ..self.sources() }
    }
}

fn environment() -> std::collections::BTreeMap<String, String> {
    let text = |value: std::ffi::OsString| value.into_string().ok();
    std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect()
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Serve(place) => serve(&place.sources()),
        Command::Demo { port, host } => demo(host, port),
        Command::Migrate(what) => migrate(what),
        Command::Frappe { place, bench } => serve(&place.with_bench(bench)),
        Command::Doctor(look) => doctor(look),
        Command::Check { place, bench: None, files } => Ok(check(&place.sources(), &files)),
        Command::Check { place, bench, files } => Ok(check(&place.with_bench(bench), &files)),
    };
    outcome.unwrap_or_else(|error| {
        complain(&format!("postroom: {error:#}"));
        ExitCode::FAILURE
    })
}

fn serve(sources: &Sources) -> anyhow::Result<ExitCode> {
    let settings = match config::load(sources) {
        Ok(settings) => settings,
        Err(problems) => return Ok(refuse(&problems)),
    };
    log(&settings.server)?;
    app::serve(&settings)?;
    Ok(ExitCode::SUCCESS)
}

fn demo(host: String, port: String) -> anyhow::Result<ExitCode> {
    let sources = Sources { host: Some(host), port: Some(port), ..Sources::default() };
    let mut server = match config::load_server(&sources) {
        Ok(server) => server,
        Err(problems) => return Ok(refuse(&problems)),
    };
    "warn".clone_into(&mut server.log.level);
    log(&server)?;
    app::demo(server)?;
    Ok(ExitCode::SUCCESS)
}

fn migrate(what: Move) -> anyhow::Result<ExitCode> {
    let Move { from, to, redis_prefix: prefix, redis_shards: shards, redis_ca: ca, config } = what;
    let sources = Sources { config, env: environment(), ..Sources::default() };
    let server = match config::load_server(&sources) {
        Ok(server) => server,
        Err(problems) => return Ok(refuse(&problems)),
    };
    app::migrate(&server, &app::Migration { from, to, prefix, shards, ca })?;
    Ok(ExitCode::SUCCESS)
}

fn doctor(look: Look) -> anyhow::Result<ExitCode> {
    let Look { place, frappe, bench, site, url, sid, token } = look;
    let sources = Sources { bench, ..place.sources() };
    let fine = app::doctor(&sources, &app::Examination { frappe, site, url, sid, token })?;
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[allow(clippy::print_stdout)]
fn check(sources: &Sources, files: &[PathBuf]) -> ExitCode {
    let report = config::check(sources, files);
    print!("{}", report.text);
    if report.in_order { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn refuse(problems: &Problems) -> ExitCode {
    complain(&problems.to_string());
    ExitCode::FAILURE
}

#[allow(clippy::print_stderr)]
fn complain(text: &str) {
    eprintln!("{text}");
}

fn log(server: &Server) -> anyhow::Result<()> {
    let format = match server.log.format {
        LogFormat::Auto => Format::Auto,
        LogFormat::Json => Format::Json,
        LogFormat::Pretty => Format::Pretty,
    };
    Ok(telemetry::init(&server.log.level, format)?)
}
