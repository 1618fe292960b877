//! What the scripts answer, from the bytes of the wire on.
//!
//! What is taken is what the redis crate makes of the same value; nothing is made up: no more comes out than went in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postroom::store::redis::fuzzing::{Told, adopt, connect, read, register, send, tick};
use redis::{Value, from_redis_value};

fuzz_target!(|data: &[u8]| {
    let Ok(value) = redis::parse_redis_value(data) else { return };
    let numbers: Option<Vec<u64>> = from_redis_value(value.clone()).ok();
    if let Some(adopted) = adopt(value.clone()) {
        assert_eq!(Some(adopted), numbers);
    }
    if let Some(number) = register(value.clone()) {
        assert_eq!(from_redis_value::<u64>(value.clone()).ok(), Some(number));
    }
    for (_, _, _, entries) in read(value.clone()).into_iter().flatten() {
        assert!(entries.iter().map(|(_, event)| event.len() + 1).sum::<usize>() <= data.len());
    }
    if let Some((device, published, (_, _, _, entries))) = connect(value.clone()) {
        let Value::Array(items) = &value else { panic!("{value:?}") };
        let first: Vec<u64> =
            items.iter().take(2).map(|item| from_redis_value(item.clone()).unwrap()).collect();
        assert_eq!(first, [device, published]);
        assert!(entries.len() <= data.len());
    }
    for told in send(value.clone()).into_iter().flatten() {
        let (Told::Kept(_, elsewhere) | Told::TooMany(_, elsewhere)) = &told;
        assert!(elsewhere.is_sorted() && elsewhere.len() <= data.len());
        if let Told::TooMany(devices, _) = &told {
            assert!(devices.is_sorted() && devices.len() <= data.len());
        }
    }
    if let Some((_, deserted)) = tick(value) {
        assert!(deserted <= data.len());
    }
});
