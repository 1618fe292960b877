//! A message that still waits for someone.

use std::sync::Arc;

use crate::domain::DeviceNo;

/// What the writer keeps in memory of a message; its body stays in the file.
#[derive(Debug)]
pub(in super::super) struct OpenMessage {
    /// Whom it was for when it came.
    devices: Arc<[DeviceNo]>,
    /// One bit for each of `devices`: set when it waits no longer. Not made before the first one is set.
    settled: Option<Box<[u64]>>,
    /// For how many it waits.
    left: u32,
    /// Bytes of its event.
    pub(super) bytes: u32,
    /// Acknowledged out of order it makes the device resync.
    pub(super) resync: bool,
    /// Its list in the file is longer than the one here.
    pub(in super::super) stale: bool,
    /// It has a row in `remainder`.
    pub(in super::super) noted: bool,
}

impl OpenMessage {
    pub(super) fn new(devices: Arc<[DeviceNo]>, bytes: u32, resync: bool) -> Self {
        let left = devices.len() as u32;
        Self { devices, settled: None, left, bytes, resync, stale: false, noted: false }
    }

    pub(in super::super) fn is_settled(&self) -> bool {
        self.left == 0
    }

    /// It waits for this device no longer. Whether it did.
    pub(super) fn settle(&mut self, no: DeviceNo) -> bool {
        let Some((word, bit)) = self.place(no, true) else { return false };
        if *word & bit != 0 {
            return false;
        }
        *word |= bit;
        self.left -= 1;
        true
    }

    /// It waits for this device again.
    pub(super) fn restore(&mut self, no: DeviceNo) {
        let Some((word, bit)) = self.place(no, false) else { return };
        if *word & bit != 0 {
            *word &= !bit;
            self.left += 1;
        }
    }

    /// Where the bit of a device stands; `make` the bits where there are none yet.
    fn place(&mut self, no: DeviceNo, make: bool) -> Option<(&mut u64, u64)> {
        let place = self.devices.binary_search(&no).ok()?;
        let words = self.devices.len().div_ceil(64);
        if self.settled.is_none() && make {
            self.settled = Some(vec![0; words].into());
        }
        let word = self.settled.as_mut()?.get_mut(place / 64)?;
        Some((word, 1 << (place % 64)))
    }

    /// Those it waits for, ascending.
    pub(in super::super) fn due(&self) -> impl Iterator<Item = DeviceNo> {
        let settled = self.settled.as_deref().unwrap_or_default();
        let bit = |place: usize| settled.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 != 0);
        self.devices.iter().enumerate().filter(move |(place, _)| !bit(*place)).map(|(_, no)| *no)
    }

    /// Gives back memory where only a few of many are left.
    pub(super) fn shrink(&mut self) {
        if (self.left as usize) < self.devices.len() / 4 {
            self.devices = self.due().collect();
            self.settled = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_set_once_and_can_be_taken_back() {
        let devices: Arc<[DeviceNo]> = (1..=130).map(DeviceNo).collect();
        let mut message = OpenMessage::new(devices, 1, false);
        assert!(message.settle(DeviceNo(65)) && !message.settle(DeviceNo(65)));
        assert!(!message.settle(DeviceNo(500)), "not one of its recipients");
        message.restore(DeviceNo(65));
        message.restore(DeviceNo(66));
        assert_eq!(message.due().count(), 130);
        for no in 1..=128 {
            assert!(message.settle(DeviceNo(no)));
        }
        message.shrink();
        assert_eq!(message.due().collect::<Vec<_>>(), [DeviceNo(129), DeviceNo(130)]);
        assert!(message.settle(DeviceNo(130)) && message.settle(DeviceNo(129)) && message.is_settled());
    }
}
