//! Two sites on one worker: what is said in the busy one does not stand in front of what is said in the other.

use super::*;
use crate::domain::{Message, Room};

/// As much as is sent before others get their turn.
const SLICE: usize = 128;

/// Every send in the order in which they were made: who, and what.
type Sent = Rc<RefCell<Vec<(usize, String)>>>;

struct Notes(usize, Sent);

impl Wire for Notes {
    fn flush(&self, outbox: &mut Outbox, _: &mut Vec<u8>) -> Flushed {
        let text: String = outbox.frames().map(|frame| String::from_utf8_lossy(frame.bytes())).collect();
        self.1.borrow_mut().push((self.0, text));
        outbox.remove(usize::MAX);
        Flushed::All
    }

    fn await_room(self: Rc<Self>, _: LinkId) {}

    fn close(self: Rc<Self>, reason: CloseReason) {
        panic!("{reason:?}");
    }
}

/// An event as its JSON.
struct Json;

impl Dialect for Json {
    fn event(&self, _: &SiteName, _: Option<AckId>, event: &Event, frame: &mut Frame) {
        put(frame, event.json());
    }

    fn batch(&self, _: &SiteName, _: AckId, _: &[(Seq, Event)], frame: &mut Frame) {
        put(frame, b"<batch>");
    }

    fn resync(&self, _: &SiteName, frame: &mut Frame) {
        put(frame, b"<resync>");
    }
}

fn put(frame: &mut Frame, text: &[u8]) {
    frame.push(|out| {
        out.extend_from_slice(text);
        crate::hub::Span { start: 0, len: 0, binary: false }
    });
}

/// Sites without inboxes; everybody there is in the room of its site.
struct Town {
    rig: Rig,
    sent: Sent,
}

impl Town {
    fn new(populations: &[(&str, usize)]) -> Self {
        let town = Self {
            rig: Rig::of(Site::sample("any"), |reception| Arc::new(LocalBroker::new(reception))),
            sent: Sent::default(),
        };
        let mut person = 0;
        for (name, count) in populations {
            for _ in 0..*count {
                town.settle(name, person, None);
                person += 1;
            }
        }
        while town.rig.gateway.turn() {}
        town.sent.take();
        town
    }

    fn connection(&self, person: usize) -> LinkId {
        let mut link = None;
        self.rig.gateway.hub().open_link(|id| {
            link = Some(id);
            Rc::new(Notes(person, Rc::clone(&self.sent)))
        });
        link.unwrap()
    }

    /// Somebody joins a site, on a connection of its own or on this one.
    fn settle(&self, name: &str, person: usize, on: Option<LinkId>) -> LinkId {
        let hub = self.rig.gateway.hub();
        let link = on.unwrap_or_else(|| self.connection(person));
        let site = Arc::new(Site::sample(name));
        let rooms = ["all", "also"].map(|room| Room::of(&site, room)).to_vec();
        let id = hub.attach(SessionSeed { link, site, dialect: &Json, welcome: None });
        hub.listen(id, rooms);
        hub.join(id);
        link
    }

    /// These arrive.
    fn say(&self, name: &str, room: &str, events: &[&str]) {
        let site = Site::sample(name);
        let mail = events.iter().map(|event| {
            let message = Message {
                id: self.rig.gateway.shared.parts.flake.next(),
                site: site.name.clone(),
                rooms: [Room::of(&site, room)].into(),
                event: Event::stored(event.as_bytes().to_vec().into()),
                resync: false,
                bounds: site.queue,
                except: None,
            };
            Mail::Broadcast(Arc::new(message))
        });
        let mail: Vec<Mail> = mail.collect();
        self.rig.gateway.sort(mail.into_iter());
    }

    /// One turn; what was sent in it, and whether there is more to do.
    fn turn(&self) -> (Vec<(usize, String)>, bool) {
        let more = self.rig.gateway.turn();
        (self.sent.take(), more)
    }

    /// All that is left is sent.
    fn rest(&self) -> Vec<(usize, String)> {
        while self.rig.gateway.turn() {}
        self.sent.take()
    }
}

#[test]
fn what_comes_while_many_are_sent_to_waits_for_one_slice_at_most() {
    let town = Town::new(&[("loud", 1000), ("quiet", 1)]);
    town.say("loud", "all", &["L1"]);
    let (first, more) = town.turn();
    assert_eq!((first.len(), more), (SLICE, true));
    town.say("quiet", "all", &["Q1"]);
    town.say("loud", "all", &["L2"]);
    let (second, _) = town.turn();
    let place = second.iter().position(|(person, text)| (*person, text.as_str()) == (1000, "Q1"));
    assert_eq!(place, Some(0), "its last turn is longest ago");
    // What came meanwhile for the loud one waits until everybody there has what came before.
    let rest = town.rest();
    let all: Vec<_> = first.iter().chain(&second).chain(&rest).filter(|(person, _)| *person < 1000).collect();
    assert_eq!(all.len(), 2000);
    assert!(
        all[..1000].iter().all(|(_, text)| text == "L1") && all[1000..].iter().all(|(_, text)| text == "L2")
    );
}

#[test]
fn much_that_is_to_be_applied_keeps_nobody_else_waiting_and_leaves_together() {
    let town = Town::new(&[("loud", 1000), ("quiet", 1)]);
    // No two neighbours for the same recipients: each is queued a thousand times.
    for _ in 0..50 {
        town.say("loud", "all", &["a"]);
        town.say("loud", "also", &["b"]);
    }
    let (first, more) = town.turn();
    assert!(first.is_empty() && more, "it is not all applied yet: {}", first.len());
    town.say("quiet", "all", &["Q1"]);
    let (second, _) = town.turn();
    assert_eq!(second, [(1000, "Q1".to_owned())]);
    let rest = town.rest();
    assert_eq!(rest.len(), 1000, "one send each");
    assert!(rest.iter().all(|(_, text)| *text == "ab".repeat(50)));
}

#[test]
fn a_connection_in_two_sites_has_the_turn_of_either() {
    let town = Town::new(&[("loud", 1000)]);
    // The last one to be sent to in the loud site.
    let link = town.settle("loud", 1000, None);
    town.settle("quiet", 1000, Some(link));
    town.rest();
    town.say("loud", "all", &["L"]);
    town.turn();
    town.say("quiet", "all", &["Q"]);
    let (second, _) = town.turn();
    assert!(second.contains(&(1000, "LQ".to_owned())), "{second:?}");
    let rest = town.rest();
    assert!(rest.iter().all(|(person, _)| *person < 1000) && rest.len() + second.len() + SLICE == 1001);
}

#[test]
fn every_site_has_its_turn_however_many_there_are() {
    let names: Vec<String> = (0..20).map(|number| format!("site{number}")).collect();
    let populations: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), 300)).collect();
    let town = Town::new(&populations);
    for name in &names {
        town.say(name, "all", &["x"]);
    }
    let mut seen = Vec::new();
    for _ in 0..names.len() {
        seen.extend(town.turn().0);
    }
    let sites: std::collections::BTreeSet<usize> = seen.iter().map(|(person, _)| person / 300).collect();
    assert_eq!((seen.len(), sites.len()), (20 * SLICE, 20));
    assert_eq!(seen.len() + town.rest().len(), 20 * 300);
}

#[test]
fn what_is_said_about_a_device_comes_behind_its_connecting_however_busy_its_site_is() {
    let town = Town::new(&[("loud", 1000)]);
    town.say("loud", "all", &["L"]);
    town.turn();
    // A device connects, and its inbox is cleared before the connecting is applied: its site has to wait.
    let (gateway, site) = (&town.rig.gateway, Arc::new(Site::sample("loud")));
    let link = town.connection(1000);
    let id = gateway.hub().attach(SessionSeed { link, site, dialect: &Json, welcome: None });
    let (session, device) = (gateway.session_ref(id), DeviceNo(7));
    let page = Page {
        entries: vec![(Seq(1), Event::stored(b"[]".as_slice().into()))],
        through: Seq(1),
        ..Page::default()
    };
    let cleared = StoreEvent::Resync { device, through: Seq(2) };
    gateway.sort([Mail::Store(vec![StoreEvent::Connected { session, device, page }, cleared])].into_iter());
    let rest = town.rest();
    assert_eq!(rest.last(), Some(&(1000, "<batch><resync>".to_owned())));
}
