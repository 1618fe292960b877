//! What belongs to each where many share a bound.

/// What each of `sites` sites may have of a bound that they share; something at least.
#[must_use]
pub fn fair_share(bound: usize, sites: usize) -> usize {
    (bound / sites.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_something() {
        assert_eq!([fair_share(10, 0), fair_share(10, 3), fair_share(10, 11)], [10, 3, 1]);
    }
}
