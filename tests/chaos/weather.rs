//! The faults of a plan, carried out: roads, wires, houses and Redis each for themselves, so that they meet.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::plan::{Event, Fault, Round, Trouble};
use super::town::House;
use crate::support::crowd::Crowd;
use crate::support::crowd::ledger::{Cause, FORGETTABLE};
use crate::support::proxy::Proxy;
use crate::support::redis::{RedisServer, aside};
use crate::support::site_server::PATIENCE;

/// How long everybody sends without a pause before a node is killed.
const RUSH: Duration = Duration::from_millis(15);

/// What faults befall.
pub struct Ground<'a> {
    pub crowd: &'a Crowd,
    pub roads: &'a [Proxy],
    pub wires: &'a [Proxy],
    pub houses: &'a mut [House],
    pub redis: &'a mut Option<RedisServer>,
}

/// A round; at its end nothing is broken any more.
pub async fn endure(round: &Round, ground: Ground<'_>) {
    let Ground { crowd, roads, wires, houses, redis } = ground;
    let begin = Instant::now();
    let on_roads = async {
        for event in &round.events {
            if let Fault::Road(node, trouble) = event.fault {
                due(begin, event, crowd).await;
                befall(&roads[node], trouble).await;
            }
        }
    };
    let on_wires = async {
        for event in &round.events {
            if let Fault::Wire(node, trouble) = event.fault {
                due(begin, event, crowd).await;
                befall(&wires[node], trouble).await;
            }
        }
    };
    let in_houses = async {
        for event in &round.events {
            let (Fault::Kill(node, _) | Fault::Stop(node, _) | Fault::FullDisk(node, _)) = event.fault else {
                continue;
            };
            due(begin, event, crowd).await;
            haunt(&mut houses[node], event.fault, crowd).await;
        }
    };
    let in_redis = async {
        for event in &round.events {
            if let Fault::Redis(down) = event.fault {
                due(begin, event, crowd).await;
                *redis = restarted(redis.take(), down).await;
            }
        }
    };
    tokio::join!(on_roads, on_wires, in_houses, in_redis);
    tokio::time::sleep_until((begin + round.lasts).into()).await;
}

/// Its time has come.
async fn due(begin: Instant, event: &Event, crowd: &Crowd) {
    tokio::time::sleep_until((begin + event.at).into()).await;
    crowd.ledger.note(None, &[], format!("{:?}", event.fault));
}

/// Redis is killed, and runs again later.
async fn restarted(server: Option<RedisServer>, down: Duration) -> Option<RedisServer> {
    let mut server = server?;
    server.kill9();
    tokio::time::sleep(down).await;
    let restarted = aside(move || {
        server.restart();
        server
    });
    Some(restarted.await)
}

/// All as if nothing had been when this returns, but for what is late.
async fn befall(proxy: &Proxy, trouble: Trouble) {
    match trouble {
        Trouble::Cut => proxy.cut(),
        Trouble::CutHalf(odd) => proxy.cut_half(odd),
        Trouble::CutLate(late) => proxy.cut_late(late),
        Trouble::Stall(lasts) => {
            proxy.stall();
            tokio::time::sleep(lasts).await;
            proxy.resume();
        }
        Trouble::StallAndCut(lasts) => {
            proxy.stall();
            tokio::time::sleep(lasts).await;
            proxy.cut_late(lasts);
            proxy.resume();
        }
        Trouble::Delay(delay, lasts) => {
            proxy.delay(delay);
            tokio::time::sleep(lasts).await;
            proxy.delay(Duration::ZERO);
        }
        Trouble::Throttle(bytes, lasts) => {
            proxy.throttle(bytes);
            tokio::time::sleep(lasts).await;
            proxy.throttle(0);
        }
        Trouble::Refuse(lasts) => {
            proxy.refuse();
            tokio::time::sleep(lasts).await;
            proxy.accept();
        }
    }
}

async fn haunt(house: &mut House, fault: Fault, crowd: &Crowd) {
    match fault {
        Fault::Kill(_, down) => {
            kill(house, crowd).await;
            tokio::time::sleep(down).await;
            start(house).await;
        }
        Fault::Stop(_, down) => {
            let status = house.gateway.terminate().await;
            assert!(house.redis || status.success(), "a stop ended with {status}");
            tokio::time::sleep(down).await;
            start(house).await;
        }
        Fault::FullDisk(_, lasts) => {
            house.gateway.limit_files(Some(0));
            tokio::time::sleep(lasts).await;
            house.gateway.limit_files(None);
        }
        Fault::Road(..) | Fault::Wire(..) | Fault::Redis(_) => {}
    }
}

/// SIGKILL in the middle of a rush.
pub async fn kill(house: &mut House, crowd: &Crowd) {
    crowd.desk.rush.store(true, Ordering::SeqCst);
    tokio::time::sleep(RUSH).await;
    let at = Instant::now();
    house.gateway.kill9().await;
    crowd.desk.rush.store(false, Ordering::SeqCst);
    // On Redis what was acked is durable, and what was under way belongs to a line that broke.
    if !house.redis {
        crowd.ledger.doubt(None, at, FORGETTABLE, Cause::NodeDied);
    }
}

/// The process runs again, and is ready as soon as what it stands on is.
pub async fn start(house: &mut House) {
    let port = house.gateway.port;
    house.gateway.start_again_unready().await;
    assert_eq!(house.gateway.port, port, "somebody took the port");
    let ready = async {
        while house.gateway.get("/readyz").await.status != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ready).await.expect("it must be ready again");
}
