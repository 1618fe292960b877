//! Finds messages of this generator, and when they were sent, in whatever they came in.

/// How every message begins, alone or in a `_batch`: an array of the event, the time, and padding.
const MARK: &[u8] = b"[\"bench\",";

/// Calls `each` with the time of every message in `json`; returns how many there are.
pub fn read(json: &[u8], mut each: impl FnMut(u64)) -> u32 {
    let mut found = 0;
    let mut rest = json;
    while let Some(behind) = next(rest) {
        found += 1;
        each(number(behind));
        rest = behind;
        // A message of its own holds no other.
        if json.len() - rest.len() == MARK.len() {
            break;
        }
    }
    found
}

/// What stands behind the next mark.
fn next(bytes: &[u8]) -> Option<&[u8]> {
    if let Some(behind) = bytes.strip_prefix(MARK) {
        return Some(behind);
    }
    let mut rest = bytes;
    loop {
        let at = rest.iter().position(|byte| *byte == b'[')?;
        rest = rest.get(at..)?;
        match rest.strip_prefix(MARK) {
            Some(behind) => return Some(behind),
            None => rest = rest.get(1..)?,
        }
    }
}

/// The digits that `bytes` begin with.
fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0, |number: u64, digit| number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::read;

    fn times(json: &str) -> Vec<u64> {
        let mut all = Vec::new();
        assert_eq!(read(json.as_bytes(), |sent| all.push(sent)) as usize, all.len());
        all
    }

    #[test]
    fn finds_one_and_many() {
        assert_eq!(times(r#"["bench",17,"xx"]"#), [17]);
        assert_eq!(
            times(r#"["_batch",[["bench",1,"x"],["other",2],["bench",1700000000000000,"x"]]]"#),
            [1, 1_700_000_000_000_000]
        );
    }

    #[test]
    fn other_events_and_halves_are_none() {
        assert!(times(r#"["_settings",{"device_ttl":3600}]"#).is_empty());
        assert!(times(r#"["_batch",[["ben"#).is_empty());
        assert!(times("").is_empty());
    }
}
