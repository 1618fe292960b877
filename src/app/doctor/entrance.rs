//! Where clients come in: whether that is to be had, or who has it.

use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::timeout;

use super::finding::Finding;
use crate::config::Server;
use crate::listen::Listener;
use crate::protocol::frappe::probe::{Page, Probe};

/// How long whoever answers there may take. Frappe's own server never answers what it does not know.
const PATIENCE: Duration = Duration::from_secs(3);

/// A Postroom that runs here.
pub(super) struct Local {
    pub(super) base: String,
    pub(super) socket: Option<PathBuf>,
}

/// Who is where this process is to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Holder {
    /// Nobody: it is to be had.
    Nobody,
    /// A Postroom, and what its `/health` says.
    Postroom(String),
    /// Another Socket.IO server.
    Realtime,
    /// Something else.
    Stranger,
    /// Nobody, and it is not to be had all the same.
    NotToBeHad(String),
}

/// Looks at all ways in. With them a Postroom that runs at the first.
pub(super) async fn look(server: &Server) -> anyhow::Result<(Vec<Finding>, Option<Local>)> {
    let (holder, local, place) = if let Some(path) = &server.socket {
        let local = Local { base: "http://localhost".to_owned(), socket: Some(path.clone()) };
        (of_socket(path, &server.io.path).await?, local, path.display().to_string())
    } else {
        let local = Local { base: base(server.listen), socket: None };
        (of_port(server.listen, &server.io.path).await?, local, server.listen.to_string())
    };
    let key = if server.socket.is_some() { "`socketio_uds`" } else { "`socketio_port`" };
    let mut findings = vec![finding(&holder, &place, key)];
    if let Some(listen) = server.token_listen {
        let holder = of_port(listen, &server.io.path).await?;
        findings.push(finding(&holder, &format!("{listen} (tokens)"), "`socketio_token_port`"));
    }
    Ok((findings, matches!(holder, Holder::Postroom(_)).then_some(local)))
}

fn base(listen: SocketAddr) -> String {
    let mut address = listen;
    if listen.ip().is_unspecified() {
        address.set_ip(match listen.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{address}")
}

async fn of_port(listen: SocketAddr, path: &str) -> anyhow::Result<Holder> {
    match Listener::tcp(listen) {
        Ok(_) => Ok(Holder::Nobody),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            Ok(who(&Probe::new()?, &base(listen), path).await)
        }
        Err(error) => Ok(Holder::NotToBeHad(error.to_string())),
    }
}

/// Nothing is made there, and nothing taken away.
async fn of_socket(file: &Path, path: &str) -> anyhow::Result<Holder> {
    let found = match fs::symlink_metadata(file) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(of_folder(file)),
        Err(error) => return Ok(Holder::NotToBeHad(error.to_string())),
    };
    if !found.file_type().is_socket() {
        return Ok(Holder::NotToBeHad("there is a file that is no socket".to_owned()));
    }
    match UnixStream::connect(file) {
        Ok(_) => Ok(who(&Probe::by_socket(file)?, "http://localhost", path).await),
        // What a process left behind that died; a start takes it away.
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(Holder::Nobody),
        Err(error) => Ok(Holder::NotToBeHad(error.to_string())),
    }
}

fn of_folder(file: &Path) -> Holder {
    let there = file.parent().is_none_or(|folder| folder.as_os_str().is_empty() || folder.is_dir());
    if there { Holder::Nobody } else { Holder::NotToBeHad("its folder is not there".to_owned()) }
}

async fn who(probe: &Probe, base: &str, path: &str) -> Holder {
    let health = page(probe, &format!("{base}/health")).await;
    if let Some(health) = health.filter(|page| page.status == 200 && is_health(&page.body)) {
        // Frappe's Python server has the one, but not the other.
        let alive = page(probe, &format!("{base}/livez")).await;
        let is_postroom = alive.is_some_and(|page| page.status == 200 && page.body == "ok");
        return if is_postroom { Holder::Postroom(health.body) } else { Holder::Realtime };
    }
    let opening = page(probe, &format!("{base}{path}/?EIO=4&transport=polling")).await;
    let is_realtime = opening.is_some_and(|page| page.status == 200 && page.body.starts_with("0{\"sid\""));
    if is_realtime { Holder::Realtime } else { Holder::Stranger }
}

async fn page(probe: &Probe, url: &str) -> Option<Page> {
    timeout(PATIENCE, probe.page(url, &[])).await.ok()?.ok()
}

fn is_health(body: &str) -> bool {
    body == "ok" || body.starts_with("degraded: ")
}

fn finding(holder: &Holder, place: &str, key: &str) -> Finding {
    let other =
        format!("or listen elsewhere: {key} in sites/common_site_config.json, or `port` in config.yml");
    match holder {
        Holder::Nobody => Finding::ok(format!("{place} is free: Postroom can listen there")),
        Holder::Postroom(health) if health == "ok" => Finding::ok(format!("{place}: a Postroom runs there")),
        Holder::Postroom(health) => Finding::warn(format!("{place}: a Postroom runs there; its /health says: {health}")),
        Holder::Realtime => Finding::fail(format!(
            "{place} is taken by another Socket.IO server, most likely Frappe's own (node apps/frappe/socketio.js)"
        ))
        .mend("in the Procfile: `socketio: postroom frappe --bench .` in its place; then start the bench anew")
        .mend("with supervisor: `sudo supervisorctl stop frappe-bench-web:frappe-bench-node-socketio` (see `supervisorctl status`); with compose: stop the service `websocket`")
        .mend(other),
        Holder::Stranger => Finding::fail(format!("{place} is taken by something that is no Socket.IO server"))
            .mend(format!("find it with `ss -ltnp` (`ss -lxnp` for a socket) and stop it; {other}")),
        Holder::NotToBeHad(why) => Finding::fail(format!("{place} is not to be had: {why}")).mend(format!("correct {key} in sites/common_site_config.json, or `host` and `port` in config.yml")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Mark;
    use super::*;

    #[test]
    fn an_address_for_all_is_asked_on_this_machine() {
        for (listen, asked) in [
            ("0.0.0.0:9000", "http://127.0.0.1:9000"),
            ("[::]:9000", "http://[::1]:9000"),
            ("10.0.0.5:9000", "http://10.0.0.5:9000"),
        ] {
            assert_eq!(base(listen.parse().unwrap()), asked);
        }
    }

    #[test]
    fn who_is_there_decides_how_it_stands() {
        let mark = |holder| finding(&holder, "0.0.0.0:9000", "`socketio_port`").mark;
        assert_eq!(mark(Holder::Nobody), Mark::Ok);
        assert_eq!(mark(Holder::Postroom("ok".to_owned())), Mark::Ok);
        assert_eq!(mark(Holder::Postroom("degraded: redis".to_owned())), Mark::Warn);
        for holder in [Holder::Realtime, Holder::Stranger, Holder::NotToBeHad("denied".to_owned())] {
            let finding = finding(&holder, "0.0.0.0:9000", "`socketio_port`");
            assert_eq!(finding.mark, Mark::Fail);
            assert!(finding.mends.iter().any(|mend| mend.contains("socketio_port")), "{finding:?}");
        }
    }

    #[tokio::test]
    async fn a_look_at_a_socket_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let [file, left, none] = ["file", "left", "none"].map(|name| folder.path().join(name));
        fs::write(&file, "precious").unwrap();
        drop(std::os::unix::net::UnixListener::bind(&left).unwrap());
        assert!(matches!(of_socket(&file, "/socket.io").await.unwrap(), Holder::NotToBeHad(_)));
        assert_eq!(of_socket(&left, "/socket.io").await.unwrap(), Holder::Nobody);
        assert_eq!(of_socket(&none, "/socket.io").await.unwrap(), Holder::Nobody);
        assert!(left.exists() && !none.exists());
        let astray = folder.path().join("no/such/folder");
        assert!(matches!(of_socket(&astray, "/socket.io").await.unwrap(), Holder::NotToBeHad(_)));
    }
}
