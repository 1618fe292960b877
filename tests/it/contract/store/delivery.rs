//! A message finds its recipients, in order.

use std::sync::Arc;
use std::thread;

use postroom::domain::*;
use postroom::store::*;

use super::rig::*;

pub(super) fn entries_come_in_order_and_carry_the_message(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, page) = rig.connect(session(1, 0), "a", &["user_1"]);
    assert!(page.entries.is_empty() && !page.more && page.resync.is_none());
    for n in 0..50 {
        let receipt = rig.send(message(&format!("[{n}]"), &["user_1"]));
        assert_eq!(receipt, Receipt { id: MessageId(u64::MAX - 1), devices: 1, online: 1, queued: 1 });
    }
    let live = rig.live(1, a);
    let texts: Vec<&str> = live.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, (0..50).map(|n| format!("[{n}]")).collect::<Vec<_>>());
    assert!(live.is_sorted_by(|x, y| x.0 < y.0) && live[0].0 > page.through);
    assert!(rig.recorder.log(0).is_empty(), "a worker without recipients is left alone");
}

pub(super) fn a_message_for_several_rooms_goes_in_once(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, _) = rig.connect(session(0, 0), "a", &["user_1", "staff", "all"]);
    let (b, _) = rig.connect(session(0, 1), "b", &["user_1", "all"]);
    assert_eq!(rig.send(message("[1]", &["staff", "all", "user_1", "none"])).devices, 2);
    assert_eq!((rig.texts(a).len(), rig.texts(b).len()), (1, 1));
    assert_eq!(rig.live(0, a).len(), 1);
    assert_eq!(rig.send(message("[2]", &["staff"])).devices, 1);
    assert_eq!((rig.texts(a).len(), rig.texts(b).len()), (2, 1));
}

pub(super) fn rooms_of_another_site_are_other_rooms(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (here, _) = rig.connect(session(0, 0), "a", &["user_1"]);
    let other = DeviceKey { site: site("other"), ..key("a") };
    let (there, _) = rig.connect_with(session(0, 1), other, &["user_1"], WIDE);
    assert_ne!(here, there);
    rig.send(message("[1]", &["user_1"]));
    rig.send(Message { site: site("other"), ..message("[2]", &["user_1"]) });
    assert_eq!((rig.texts(here), rig.texts(there)), (vec!["[1]".to_owned()], vec!["[2]".to_owned()]));
}

pub(super) fn nobody_in_the_room_is_no_entry(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    rig.connect(session(0, 0), "a", &["user_1"]);
    let receipt = rig.send(message("[1]", &["user_2"]));
    assert_eq!((receipt.devices, receipt.online, receipt.queued), (0, 0, 0));
    assert_eq!(rig.balance().accepted, 0);
}

pub(super) fn messages_for_one_room_share_their_list(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    for n in 0..3 {
        rig.connect(session(0, n), &n.to_string(), &["all"]);
    }
    for text in ["[1]", "[2]"] {
        rig.send(message(text, &["all"]));
    }
    let lists: Vec<Arc<[DeviceNo]>> = rig
        .recorder
        .log(0)
        .into_iter()
        .filter_map(|event| if let StoreEvent::Entry { devices, .. } = event { Some(devices) } else { None })
        .collect();
    assert!(lists.len() == 2 && lists[0].len() == 3 && Arc::ptr_eq(&lists[0], &lists[1]));
}

pub(super) fn threads_do_not_lose_or_double(backend: &dyn Backend) {
    const EACH: u32 = 200;
    let rig = Rig::new(backend);
    let (a, _) = rig.connect(session(1, 0), "a", &["all"]);
    let store = rig.store();
    thread::scope(|scope| {
        for writer in 0..8_u32 {
            scope.spawn(move || {
                for n in 0..EACH {
                    let reply = ReplyTo { worker: WorkerId(0), token: writer * EACH + n };
                    let text = format!("[{writer},{n}]");
                    store.append(Append { reply, message: Arc::new(message(&text, &["all"])) });
                }
            });
        }
    });
    (0..8 * EACH).for_each(|token| assert_eq!(rig.answer(token).unwrap().queued, 1));
    let live = rig.live(1, a);
    assert!(live.is_sorted_by(|x, y| x.0 < y.0) && live.len() == 8 * EACH as usize);
    for writer in 0..8 {
        let own = live.iter().filter(|(_, text)| text.starts_with(&format!("[{writer},")));
        let texts: Vec<&str> = own.map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, (0..EACH).map(|n| format!("[{writer},{n}]")).collect::<Vec<_>>());
    }
    assert_eq!(rig.texts(a).len(), live.len());
}
