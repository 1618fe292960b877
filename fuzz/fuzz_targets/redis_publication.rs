//! What a shard publishes to a node.
//!
//! Written again in the one way in which the scripts write it, it is read as the same; and where it came in that way, it is
//! the same bytes. Nothing is copied: what comes out is a part of what went in.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use postroom::store::redis::fuzzing::{Noted, publication};

fuzz_target!(|data: &[u8]| {
    let payload = Bytes::copy_from_slice(data);
    let Some((number, notes)) = publication(payload.clone()) else { return };
    let inside = |part: &Bytes| part.is_empty() || payload.as_ptr_range().contains(&part.as_ptr());
    let mut written = format!("{number}\n").into_bytes();
    for note in &notes {
        match note {
            Noted::Entry(seq, devices, event) => {
                assert!(inside(devices) && inside(event), "copied");
                written.extend_from_slice(format!("E {seq} {} ", event.len()).as_bytes());
                written.extend_from_slice(devices);
                written.push(b'\n');
                written.extend_from_slice(event);
            }
            Noted::Resync(device, through) => {
                written.extend_from_slice(format!("R {device} {through}\n").as_bytes());
            }
        }
    }
    assert!(written.len() <= payload.len(), "the shortest way to say it");
    assert_eq!(publication(written.clone().into()), Some((number, notes)));
    assert!(written.len() < payload.len() || written == data, "another of the same length");
});
