//! A client that goes while the store is still asked about it.

use std::time::Duration;

use bytes::Bytes;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::gateway::tests::Rig;
use crate::hub::CloseReason;
use crate::transport::engine::{Arriving, Engine, EngineOptions, Entrance, Exchange, Request};
use crate::transport::socketio::SocketIo;

/// `40/s,` as a client's WebSocket message, masked with zeros.
const JOIN: &[u8] = b"\x81\x85\x00\x00\x00\x0040/s,";

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (client, listener.accept().await.unwrap().0)
}

fn engine(rig: &Rig) -> Rc<Engine> {
    let namespaces = Rc::new(SiteNamespaces::new(Rc::clone(&rig.gateway), WorkerId(0)));
    let application = Rc::new(SocketIo::new(namespaces, 1_000));
    let (exchange, _) = Exchange::new(1);
    let hub = Rc::clone(rig.gateway.hub());
    Engine::new(WorkerId(0), hub, Arc::new(EngineOptions::default()), exchange, application)
}

#[tokio::test]
async fn a_session_that_is_not_let_in_yet_ends_with_its_connection() {
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let (rig, (_client, stream)) = (Rig::new(), pair().await);
            let stream = stream.into();
            let engine = engine(&rig);
            let request = Request {
                entrance: Entrance::Main,
                query: "EIO=4&transport=websocket",
                origin: None,
                authorization: None,
                header: &|_| None,
            };
            let early = Bytes::from_static(JOIN);
            engine.accept(engine.check(request).unwrap(), Arriving { stream, head: b"HEAD".to_vec(), early });
            let mut asked = Vec::new();
            let connect = async {
                while asked.is_empty() {
                    tokio::task::yield_now().await;
                    asked = rig.asked.take();
                }
            };
            tokio::time::timeout(Duration::from_secs(10), connect).await.unwrap();
            assert!(asked[0].starts_with("connect"), "{asked:?}");
            engine.close_all(CloseReason::Draining);
            // At once: no task has had its turn.
            assert_eq!(rig.gateway.hub().session_count(), 0);
            assert!(rig.asked.take()[0].starts_with("disconnect"));
        })
        .await;
}
