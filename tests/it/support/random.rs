//! Chance that can be repeated.

/// A small generator (splitmix64). `POSTROOM_SEED` sets where it begins.
pub struct Random(u64);

impl Random {
    /// Begins at `POSTROOM_SEED`, else at the time; the seed is printed, and seen when the test fails.
    #[allow(clippy::print_stdout)]
    pub fn seeded() -> Self {
        let seed = seed();
        println!("POSTROOM_SEED={seed}");
        Self(seed)
    }

    /// Begins there.
    pub fn begin(seed: u64) -> Self {
        Self(seed)
    }

    /// Another one that goes its own way.
    pub fn fork(&mut self) -> Self {
        Self(self.next())
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// True once in `of` times.
    pub fn one_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}

/// `POSTROOM_SEED`, else the time.
pub fn seed() -> u64 {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    std::env::var("POSTROOM_SEED").ok().map_or(now, |seed| seed.parse().unwrap())
}
