//! The move itself.

use std::time::Duration;

use super::{Census, MoveError, MovedDevice, Progress, Source, Stage, Target};
use crate::domain::DeviceTtl;

/// Moves everything, and counts it on both sides. `ttl` is the `device_ttl` of the gateway that will use the target:
/// as at its start, a device is remembered for no longer than that, and for that long where the source states no end.
///
/// # Errors
/// [`MoveError`]; the target is then not to be used, and [`Target::cleaning`] says how to get rid of it.
pub fn carry(
    source: &mut dyn Source,
    target: &mut dyn Target,
    ttl: DeviceTtl,
    watch: &mut dyn FnMut(Progress),
) -> Result<Census, MoveError> {
    let mut progress = Progress { stage: Stage::Counting, done: Census::default(), all: Census::default() };
    watch(progress);
    progress.all = source.census()?;
    carry_devices(source, target, ttl, &mut progress, watch)?;
    carry_messages(source, target, &mut progress, watch)?;
    let Progress { done, all, .. } = progress;
    equal("the source", &all, &done)?;
    let bodies = target.settle()?;
    progress.stage = Stage::Verifying;
    watch(progress);
    equal("the target", &Census { messages: bodies, ..done }, &target.census()?)?;
    source.unchanged()?;
    target.finish()?;
    Ok(done)
}

fn carry_devices(
    source: &mut dyn Source,
    target: &mut dyn Target,
    ttl: DeviceTtl,
    progress: &mut Progress,
    watch: &mut dyn FnMut(Progress),
) -> Result<(), MoveError> {
    progress.stage = Stage::Devices;
    loop {
        watch(*progress);
        let mut devices = source.devices()?;
        if devices.is_empty() {
            return Ok(());
        }
        for device in &mut devices {
            progress.done.devices += 1;
            progress.done.resyncs += u64::from(device.owes_resync);
            device.left = remembered(device, ttl);
        }
        target.devices(devices)?;
    }
}

/// For how long a device is remembered; `None`: for ever.
fn remembered(device: &MovedDevice, ttl: DeviceTtl) -> Option<Duration> {
    match ttl {
        DeviceTtl::Never => None,
        DeviceTtl::After(ttl) => Some(device.left.map_or(ttl, |left| left.min(ttl))),
    }
}

fn carry_messages(
    source: &mut dyn Source,
    target: &mut dyn Target,
    progress: &mut Progress,
    watch: &mut dyn FnMut(Progress),
) -> Result<(), MoveError> {
    progress.stage = Stage::Messages;
    loop {
        watch(*progress);
        let messages = source.messages()?;
        if messages.is_empty() {
            return Ok(());
        }
        for message in &messages {
            let (entries, bytes) = (message.devices.len() as u64, message.event.json().len() as u64);
            progress.done.messages += 1;
            progress.done.entries += entries;
            progress.done.bytes += entries * bytes;
        }
        target.messages(messages)?;
    }
}

/// Both have to count the same.
fn equal(place: &str, expected: &Census, found: &Census) -> Result<(), MoveError> {
    let pairs = [
        ("devices", expected.devices, found.devices),
        ("devices that owe a resync", expected.resyncs, found.resyncs),
        ("messages", expected.messages, found.messages),
        ("entries of inboxes", expected.entries, found.entries),
        ("bytes in inboxes", expected.bytes, found.bytes),
    ];
    let differ = pairs.into_iter().filter(|(_, expected, found)| expected != found);
    let differ: Vec<String> =
        differ.map(|(what, expected, found)| format!("{found} {what} instead of {expected}")).collect();
    if differ.is_empty() {
        return Ok(());
    }
    Err(MoveError::Failed(format!("{place} does not hold what it should: {}", differ.join(", "))))
}
