use std::rc::Rc;

use super::{Carrier, Dialog, Guise, Heard};

const UPGRADED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";

fn dialog(carrier: Carrier, acks: bool) -> Dialog {
    let path = "/socket.io/{n}".to_owned();
    Dialog::new(Rc::new(Guise { carrier, path, namespace: "/shop,".to_owned(), acks }), 7)
}

fn text(payload: &str) -> Vec<u8> {
    let mut bytes = vec![0x81];
    match payload.len() {
        short @ 0..126 => bytes.push(short as u8),
        length => bytes.extend([126, (length >> 8) as u8, length as u8]),
    }
    bytes.extend(payload.as_bytes());
    bytes
}

/// Feeds, and returns what was heard, the times, and what is to be written.
fn feed(dialog: &mut Dialog, bytes: &[u8]) -> (Heard, Vec<u64>, String) {
    let mut times = Vec::new();
    let heard = dialog.feed(bytes, &mut |sent| times.push(sent));
    let out = String::from_utf8_lossy(&std::mem::take(&mut dialog.out)).into_owned();
    (heard, times, out)
}

#[test]
fn a_session_from_the_upgrade_to_an_acknowledged_batch() {
    let mut dialog = dialog(Carrier::Socketio, true);
    assert!(feed(&mut dialog, b"").2.starts_with("GET /socket.io/7?EIO=4&transport=websocket HTTP/1.1\r\n"));
    let mut bytes = UPGRADED.to_vec();
    bytes.extend(text(r#"0{"sid":"x"}"#));
    let (heard, _, out) = feed(&mut dialog, &bytes);
    assert_eq!(heard, Heard::default());
    assert!(out.ends_with(r#"40/shop,{"token":"t7","deviceId":"d7"}"#), "{out}");
    assert!(feed(&mut dialog, &text(r#"40/shop,{"sid":"y"}"#)).0.joined);
    assert_eq!(feed(&mut dialog, &text(r#"42/shop,["_settings",{}]"#)).0, Heard::default());
    assert!(feed(&mut dialog, &text("2")).2.ends_with('3'), "a ping is answered");

    let (heard, times, out) =
        feed(&mut dialog, &text(r#"42/shop,12["_batch",[["bench",5,"x"],["bench",6,"x"]]]"#));
    assert_eq!((heard.delivered, heard.acked, heard.batches, &times[..]), (2, 2, 1, &[5, 6][..]));
    assert!(out.ends_with("43/shop,12[]"), "{out}");
    let (heard, times, _) = feed(&mut dialog, &text(r#"42/shop,["bench",9,"x"]"#));
    assert_eq!((heard.delivered, heard.acked, times), (1, 0, vec![9]), "without an id there is no ack");
    assert!(feed(&mut dialog, &text("41/shop,")).0.over);
    assert!(feed(&mut dialog, &[0x88, 0]).0.over);
}

#[test]
fn every_byte_by_itself_means_the_same() {
    let mut bytes = UPGRADED.to_vec();
    for packet in ["0{}", "40/shop,{}", r#"42/shop,3["bench",17,"xxx"]"#, "2"] {
        bytes.extend(text(packet));
    }
    let mut dialog = dialog(Carrier::Socketio, true);
    let (mut joined, mut delivered, mut all) = (0, 0, Vec::new());
    for byte in bytes {
        let (heard, times, _) = feed(&mut dialog, &[byte]);
        joined += u32::from(heard.joined);
        delivered += heard.delivered;
        all.extend(times);
    }
    assert_eq!((joined, delivered, all), (1, 1, vec![17]));
    assert!(dialog.rest.is_empty());
}

#[test]
fn without_acks_ids_are_not_answered() {
    let mut dialog = dialog(Carrier::Socketio, false);
    feed(&mut dialog, UPGRADED);
    let (heard, _, out) = feed(&mut dialog, &text(r#"42/shop,3["bench",17,"xxx"]"#));
    assert_eq!((heard.delivered, heard.acked, out.as_str()), (1, 0, ""));
}

#[test]
fn who_is_turned_away_hears_it() {
    let mut other = dialog(Carrier::Socketio, false);
    feed(&mut other, UPGRADED);
    assert!(feed(&mut other, &text(r#"44/shop,{"message":"Authentication failed"}"#)).0.refused);
    assert!(feed(&mut dialog(Carrier::Socketio, false), b"HTTP/1.1 503 Busy\r\n\r\n").0.over);
}

#[test]
fn a_raw_socket_carries_messages_in_parts_and_answers_pings() {
    let mut dialog = dialog(Carrier::WebsocketRaw, false);
    assert!(feed(&mut dialog, b"").2.starts_with("GET /socket.io/7 HTTP/1.1\r\n"));
    assert!(feed(&mut dialog, UPGRADED).0.joined);
    assert_eq!(feed(&mut dialog, &text(r#"["bench",5,"x"]"#)).1, [5]);
    dialog.feed(b"\x01\x04[\"be\x89\x01!", &mut |_| panic!("it is not whole"));
    assert_eq!(std::mem::take(&mut dialog.out), [0x8a, 0x81, 0, 0, 0, 0, b'!']);
    let mut last = vec![0x80, 10];
    last.extend(br#"nch",6,"x""#);
    assert_eq!(feed(&mut dialog, &last).1, [6]);
}
