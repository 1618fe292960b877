//! What the gateway says to the broker, and what it makes of the answers.

use super::*;
use crate::broker::{BrokerError, Outcome};
use crate::domain::{Message, Room};

/// A broker that writes down what it is told, and answers what it was given to answer.
#[derive(Default)]
struct Told {
    said: Mutex<Vec<String>>,
    published: Mutex<Option<Outcome>>,
    in_force: Mutex<Option<Outcome>>,
}

impl Told {
    fn note(&self, what: &str, rooms: &[Room]) {
        let rooms: Vec<&str> = rooms.iter().map(Room::as_str).collect();
        self.said.lock().unwrap().push(format!("{what} {}", rooms.join(" ")));
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.said.lock().unwrap())
    }
}

impl Broker for Told {
    fn publish(&self, message: Arc<Message>) -> Outcome {
        self.note("publish", &message.rooms);
        self.published.lock().unwrap().take().unwrap_or(Outcome::Done)
    }

    fn listen(&self, _: &SiteName, rooms: &[Room]) {
        self.note("listen", rooms);
    }

    fn unlisten(&self, _: &SiteName, rooms: &[Room]) {
        self.note("unlisten", rooms);
    }

    fn in_force(&self, _: &SiteName, _: &[Room]) -> Outcome {
        self.in_force.lock().unwrap().take().unwrap_or(Outcome::Done)
    }
}

fn never() -> Outcome {
    Outcome::Later(Box::pin(std::future::pending()))
}

fn fails() -> Outcome {
    Outcome::Later(Box::pin(async { Err(BrokerError::Unavailable("cut".to_owned())) }))
}

fn rig(site: Site) -> (Arc<Told>, Rig) {
    let told = Arc::new(Told::default());
    let rig = Rig::of(site, |_| Arc::clone(&told) as _);
    (told, rig)
}

fn order() -> Order<'static> {
    let event = Event::stored(bytes::Bytes::from_static(b"[]"));
    Order { rooms: vec!["User_1".into()], event, resync: false }
}

#[test]
fn the_broker_hears_of_the_first_and_the_last_session_in_a_room_and_of_none_between() {
    let (told, rig) = rig(Site::sample("plain"));
    let held = [Held::default(), Held::default()];
    for held in &held {
        let mut connecting = Box::pin(rig.gateway.connect(rig.visitor(), hold(held)));
        assert!(poll(connecting.as_mut()).is_ready());
    }
    assert_eq!(told.take(), ["listen user_1"]);
    let [one, two] = held.map(|held| held.take().unwrap());
    two.end();
    drop(two);
    assert_eq!(told.take(), [""; 0]);
    one.end();
    one.end();
    drop(one);
    assert_eq!(told.take(), ["unlisten user_1"]);
}

#[test]
fn nobody_listens_for_who_ended_while_it_was_let_in() {
    let (told, rig) = rig(Site::sample("plain"));
    let held = Held::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _entered = runtime.enter();
    *told.in_force.lock().unwrap() = Some(never());
    let mut connecting = Box::pin(rig.gateway.connect(rig.visitor(), hold(&held)));
    assert!(poll(connecting.as_mut()).is_pending());
    held.borrow().as_ref().unwrap().end();
    assert_eq!(told.take(), ["listen user_1", "unlisten user_1"]);
    drop(connecting);
    drop(held);
    assert_eq!(told.take(), [""; 0]);
}

#[tokio::test]
async fn a_client_is_let_in_when_the_broker_listens_or_after_a_second() {
    let (told, rig) = rig(Site::sample("plain"));
    for (in_force, waits) in [(Outcome::Done, 0), (fails(), 0), (never(), 1)] {
        let held = Held::default();
        *told.in_force.lock().unwrap() = Some(in_force);
        let began = std::time::Instant::now();
        assert_eq!(rig.gateway.connect(rig.visitor(), hold(&held)).await, Ok(()));
        assert_eq!(began.elapsed().as_secs(), waits);
    }
}

#[test]
fn who_is_not_let_in_yet_hears_nothing() {
    let (told, rig) = rig(Site::sample("plain"));
    let held = Held::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _entered = runtime.enter();
    let (force, forced) = tokio::sync::oneshot::channel::<()>();
    *told.in_force.lock().unwrap() =
        Some(Outcome::Later(Box::pin(async { forced.await.map_err(|_| BrokerError::Closed) })));
    let mut connecting = Box::pin(rig.gateway.connect(rig.visitor(), hold(&held)));
    assert!(poll(connecting.as_mut()).is_pending());
    let said = Message {
        id: rig.gateway.shared.parts.flake.next(),
        site: rig.site.name.clone(),
        rooms: [Room::stored("user_1")].into(),
        event: order().event,
        resync: false,
        bounds: rig.site.queue,
        except: None,
    };
    rig.gateway.hub().broadcast(&[&said], None);
    assert!(!rig.gateway.hub().flush(1));
    force.send(()).unwrap();
    assert!(poll(connecting.as_mut()).is_ready());
}

#[tokio::test]
async fn what_could_not_be_published_is_an_error_where_nothing_is_kept() {
    let (told, rig) = rig(Site::sample("plain"));
    assert!(rig.gateway.send(&rig.site, order()).await.is_ok());
    *told.published.lock().unwrap() = Some(fails());
    let error = rig.gateway.send(&rig.site, order()).await.unwrap_err();
    assert!(matches!(error, SendError::Broker(BrokerError::Unavailable(_))) && error.is_unsure());
    assert_eq!(told.take(), ["publish User_1"; 2]);
}

#[tokio::test]
async fn what_is_kept_is_accepted_whatever_becomes_of_its_broadcast() {
    let mut site = Site::sample("s");
    site.user_room_prefix = Some("user_".into());
    site.public_channel = Some("browse".into());
    let local = tokio::task::LocalSet::new();
    let sent = local.run_until(async {
        let (told, rig) = rig(site);
        *told.published.lock().unwrap() = Some(fails());
        let mut sending = Box::pin(rig.gateway.send(&rig.site, order()));
        assert!(poll(sending.as_mut()).is_pending());
        let outcome = Ok(crate::domain::Receipt {
            id: rig.gateway.shared.parts.flake.next(),
            devices: 0,
            online: 0,
            queued: 0,
        });
        let appended = StoreEvent::Appended { token: 0, outcome };
        rig.hear(vec![appended]);
        (sending.await, told.take())
    });
    let (outcome, said) = sent.await;
    assert!(outcome.is_ok() && said == ["publish User_1"], "{outcome:?} {said:?}");
}

#[tokio::test]
async fn behind_a_broadcast_that_failed_nothing_more_is_published() {
    let (told, rig) = rig(Site::sample("plain"));
    *told.published.lock().unwrap() = Some(fails());
    let outcomes = rig.gateway.send_all(&rig.site, (0..600).map(|_| order()).collect()).await;
    assert!(matches!(outcomes[0], Err(SendError::Broker(BrokerError::Unavailable(_)))));
    let published = told.take().len();
    assert!((1..600).contains(&published), "{published}");
    assert!(outcomes[1..published].iter().all(Result::is_ok));
    let behind = &outcomes[published..];
    assert!(behind.len() == 600 - published && behind.iter().all(|o| *o == Err(SendError::Behind)));
}
