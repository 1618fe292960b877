//! A straight line through measured points.

/// `y = start + slope * x`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Where it begins.
    pub start: f64,
    /// How it grows.
    pub slope: f64,
}

impl Line {
    /// The line with the least squares of distances; none through fewer than two places.
    pub fn through(points: &[(f64, f64)]) -> Option<Self> {
        let count = points.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
        let (x, y) = (mean(|point| point.0), mean(|point| point.1));
        let spread: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
        let together: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
        (spread > 0.0).then(|| {
            let slope = together / spread;
            Self { start: y - slope * x, slope }
        })
    }

    /// Its value there.
    pub fn at(&self, x: f64) -> f64 {
        self.start + self.slope * x
    }
}

#[cfg(test)]
mod tests {
    use super::Line;

    #[test]
    fn a_line_is_found_again() {
        let line = Line::through(&[(5.0, 120.0), (10.0, 140.0), (15.0, 160.0)]).unwrap();
        assert!((line.slope - 4.0).abs() < 1e-9 && (line.start - 100.0).abs() < 1e-9);
        assert!((line.at(100.0) - 500.0).abs() < 1e-9);
    }

    #[test]
    fn between_scattered_points_it_is_the_nearest() {
        let line = Line::through(&[(0.0, 0.0), (1.0, 2.0), (2.0, 1.0)]).unwrap();
        assert!((line.slope - 0.5).abs() < 1e-9 && (line.start - 0.5).abs() < 1e-9);
    }

    #[test]
    fn one_place_makes_no_line() {
        assert_eq!(Line::through(&[]), None);
        assert_eq!(Line::through(&[(5.0, 1.0), (5.0, 3.0)]), None);
    }
}
