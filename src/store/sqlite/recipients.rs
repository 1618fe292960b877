//! Lists of devices as they stand in the database: ascending numbers, each as LEB128 of its step from the one
//! before. A thousand neighbours are a thousand bytes.

use crate::domain::DeviceNo;

/// Appends the list to `blob`; `devices` must ascend.
pub(super) fn encode(devices: impl Iterator<Item = DeviceNo>, blob: &mut Vec<u8>) {
    let mut last = 0;
    for DeviceNo(no) in devices {
        let mut step = no.wrapping_sub(last);
        last = no;
        while step >= 0x80 {
            blob.push(step as u8 | 0x80);
            step >>= 7;
        }
        blob.push(step as u8);
    }
}

/// Reads a list; `None` when it is damaged.
pub(super) fn decode(blob: &[u8]) -> Option<Vec<DeviceNo>> {
    let mut devices = Vec::with_capacity(blob.len());
    let (mut last, mut step, mut shift) = (0_u64, 0_u64, 0_u32);
    for byte in blob {
        step |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 != 0 {
            shift += 7;
            continue;
        }
        last = last.checked_add(step)?;
        devices.push(DeviceNo(last));
        (step, shift) = (0, 0);
    }
    let sorted = devices.is_sorted_by(|a, b| a < b);
    (shift == 0 && sorted).then_some(devices)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_back_as_they_were() {
        for list in [vec![], vec![1], vec![1, 2, 3, 127, 128, 129, 70_000], vec![5, i64::MAX as u64]] {
            let list: Vec<DeviceNo> = list.into_iter().map(DeviceNo).collect();
            let mut blob = Vec::new();
            encode(list.iter().copied(), &mut blob);
            assert_eq!(decode(&blob), Some(list));
        }
    }

    #[test]
    fn damaged_lists_are_told() {
        assert_eq!(decode(&[0x80]), None, "cut short");
        assert_eq!(decode(&[5, 0]), None, "not ascending");
        assert_eq!(decode(&[0xff; 12]), None, "beyond 64 bits");
    }
}
