//! The ways in: a TCP port, a Unix socket, and those by which tokens alone are taken.

mod house;
mod visitor;

use postroom::listen::{Listener, Opening};
use postroom::transport::engine::Entrance;
use tempfile::TempDir;

use self::house::{FLOOD, House};
use self::visitor::Place;

const PATH: &str = "/socket.io/";

/// A server on a Unix socket.
fn on_a_file() -> (TempDir, Place, House) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = Listener::unix(&path).unwrap();
    let house = House::start(vec![Opening { listener, entrance: Entrance::Main }], &[]);
    (folder, Place::File(path), house)
}

fn port(entrance: Entrance) -> (Opening, Place) {
    let listener = Listener::tcp(([127, 0, 0, 1], 0).into()).unwrap();
    let place = Place::Port(listener.address().unwrap().port());
    (Opening { listener, entrance }, place)
}

/// A connection begins as polling and becomes a WebSocket, on this path: by which way it came in.
async fn change_over(place: &Place, path: &str) -> Result<String, u16> {
    let sid = place.poll(path).await?;
    let url = format!("{path}?EIO=4&transport=polling&sid={sid}");
    assert_eq!(place.ask("POST", &url, "4hi").await, (200, "ok".to_owned()));
    let (_, polled) = place.ask("GET", &url, "").await;
    let mut socket = place.socket(path, Some(&sid)).await.unwrap();
    socket.say("2probe").await;
    assert_eq!(socket.hear().await.unwrap(), "3probe");
    socket.say("5").await;
    socket.say("4hi").await;
    let said = socket.hear().await.unwrap();
    assert_eq!(said, polled, "the way stays what it was");
    Ok(said.strip_prefix('4').unwrap().to_owned())
}

async fn at_once(place: &Place, path: &str) -> Result<String, u16> {
    let mut socket = place.socket(path, None).await?;
    assert!(socket.hear().await.unwrap().starts_with('0'));
    socket.say("4hi").await;
    Ok(socket.hear().await.unwrap().strip_prefix('4').unwrap().to_owned())
}

#[tokio::test]
async fn a_unix_socket_carries_all_that_a_port_carries() {
    let (_folder, place, house) = on_a_file();
    // The workers take turns: some of the sockets change over on the worker that they came to, and some do not.
    for _ in 0..6 {
        assert_eq!(change_over(&place, PATH).await.unwrap(), "everybody hi");
        assert_eq!(at_once(&place, PATH).await.unwrap(), "everybody hi");
    }
    assert_eq!(place.socket("/elsewhere", None).await.err(), Some(404));
    house.stop();
}

#[tokio::test]
async fn a_client_that_reads_late_gets_everything_over_a_unix_socket_too() {
    let (_folder, place, house) = on_a_file();
    let mut socket = place.socket(PATH, None).await.unwrap();
    socket.hear().await.unwrap();
    socket.say("4flood").await;
    for _ in 0..2 {
        assert_eq!(at_once(&place, PATH).await.unwrap(), "everybody hi", "nobody else waits for it");
    }
    assert_eq!(socket.hear().await.unwrap().len(), 1 + FLOOD);
    socket.say("4behind").await;
    assert_eq!(socket.hear().await.unwrap(), "4everybody behind");
    house.stop();
}

#[tokio::test]
async fn a_door_and_paths_for_tokens_say_so_of_everybody_who_comes_in_by_them() {
    let (main, everybody) = port(Entrance::Main);
    let (own, tokens) = port(Entrance::Tokens);
    let house = House::start(vec![main, own], &["/socket-token"]);
    for (place, path, way) in [
        (&everybody, "/socket.io", Ok("everybody hi")),
        (&everybody, "/socket.io/", Ok("everybody hi")),
        (&everybody, "/socket-token", Ok("tokens hi")),
        (&everybody, "/socket-token/", Ok("tokens hi")),
        (&everybody, "/", Err(404)),
        (&everybody, "//", Err(404)),
        (&tokens, "/socket.io", Ok("tokens hi")),
        (&tokens, "/socket.io/", Ok("tokens hi")),
        (&tokens, "/socket-token", Ok("tokens hi")),
        (&tokens, "/socket-token/", Ok("tokens hi")),
        // A proxy has taken the path off.
        (&tokens, "/", Ok("tokens hi")),
        (&tokens, "//", Ok("tokens hi")),
        (&tokens, "/elsewhere", Err(404)),
    ] {
        let way = way.map(str::to_owned);
        assert_eq!(change_over(place, path).await, way, "{place:?} {path}");
        assert_eq!(at_once(place, path).await, way, "{place:?} {path}");
    }
    house.stop();
}

#[tokio::test]
async fn a_stop_closes_all_doors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = Listener::unix(&path).unwrap();
    let (tokens, port) = port(Entrance::Tokens);
    let main = Opening { listener, entrance: Entrance::Main };
    let house = House::start(vec![main, tokens], &[]);
    let (file, mut sockets) = (Place::File(path.clone()), Vec::new());
    for place in [&file, &port] {
        let mut socket = place.socket(PATH, None).await.unwrap();
        socket.hear().await.unwrap();
        sockets.push(socket);
    }
    house.stop();
    for mut socket in sockets {
        assert_eq!(socket.hear().await, None);
    }
    assert!(!path.exists());
    assert!(port.connect().await.is_err() && file.connect().await.is_err());
}
