//! Limits that hang together.

use super::Desk;

#[test]
fn a_batch_finds_room_in_half_an_outbox() {
    let limit = |config: &str| {
        let mut desk = Desk::new();
        desk.config(config);
        (desk.settings().server.batch_limit, desk.warnings())
    };
    assert_eq!(limit("outboxLimit: 2MiB"), (1 << 20, String::new()));
    assert_eq!(limit("outboxLimit: 64MiB"), (4 << 20, String::new()));
    let (given, warned) = limit("outboxLimit: 2MiB\nbatchLimit: 3MiB");
    assert_eq!(given, 3 << 20);
    assert!(warned.contains("batchLimit: is above half of `outboxLimit` (1MiB)"), "{warned}");
}
