//! Envelopes between nodes, and the lists of devices as they stand in the database (first byte `L`).
//!
//! What can be opened is sealed into the same bytes again; what is cut short before its event cannot be opened.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use postroom::broker::redis::fuzzing::{open, seal};
use postroom::store::sqlite::fuzzing::{recipients, write_recipients};

fuzz_target!(|data: &[u8]| {
    if let Some((b'L', blob)) = data.split_first() {
        list(blob);
        return;
    }
    let envelope = Bytes::copy_from_slice(data);
    match open(&envelope) {
        Ok(((origin, number), message)) => {
            assert_eq!(seal(origin, number, &message), envelope);
            let event = message.event.json();
            assert!(event.starts_with(b"[") && event.ends_with(b"]"));
            // Of the event only its brackets are looked at: it is JSON, or whoever published it is none of ours.
            let before = data.len() - event.len();
            for end in [before, before - 1, before / 2] {
                assert!(open(&envelope.slice(..end)).is_err(), "cut at {end}");
            }
        }
        Err(Some(version)) => assert!(version > 1 && data.first() == Some(&version)),
        Err(None) => assert!(data.first().is_none_or(|version| *version <= 1)),
    }
});

fn list(blob: &[u8]) {
    let Some(devices) = recipients(blob) else { return };
    assert!(devices.is_sorted_by(|a, b| a < b) && devices.len() <= blob.len());
    let written = write_recipients(&devices);
    assert!(written.len() <= blob.len());
    assert_eq!(recipients(&written), Some(devices));
}
