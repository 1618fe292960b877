//! What the fuzz targets may see of this room: the lists of devices as they stand in the database.

use super::recipients;
use crate::domain::DeviceNo;

/// Reads a list.
pub fn recipients(blob: &[u8]) -> Option<Vec<DeviceNo>> {
    recipients::decode(blob)
}

/// Writes one.
pub fn write_recipients(devices: &[DeviceNo]) -> Vec<u8> {
    let mut blob = Vec::new();
    recipients::encode(devices.iter().copied(), &mut blob);
    blob
}
