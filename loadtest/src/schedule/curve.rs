//! The rate over time: a chain of straight lines, their sum, and the sum's inverse.
//!
//! `cumulative(t)` is the integral of the factor from 0 to t; a sender whose rate at factor 1 is r sends its n-th message when
//! r times the integral reaches n. Both directions are closed forms, so nobody keeps a list of sends, and the intended time of a
//! send cannot depend on what the server does.

use crate::scenario::{PhaseKind, Scenario};

/// One straight line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// `ramp`, `hold`, `burst` or `soak`.
    pub name: &'static str,
    /// Begins, seconds.
    pub from_s: f64,
    /// Ends, seconds.
    pub until_s: f64,
    /// Factor at its beginning.
    pub low: f64,
    /// Factor at its end.
    pub high: f64,
    /// The integral up to its beginning.
    before: f64,
}

impl Line {
    fn slope(&self) -> f64 {
        (self.high - self.low) / (self.until_s - self.from_s)
    }

    /// The integral from its beginning to `at_s` within it.
    fn area(&self, at_s: f64) -> f64 {
        let x = at_s - self.from_s;
        self.low * x + 0.5 * self.slope() * x * x
    }

    /// The time at which the area within it is reached.
    fn reach(&self, area: f64) -> f64 {
        // The root of slope/2 x^2 + low x - area that does not cancel where low is large; for slope 0 it is area / low.
        let root = (self.low * self.low + 2.0 * self.slope() * area).max(0.0).sqrt();
        let below = self.low + root;
        self.from_s + if below > 0.0 { 2.0 * area / below } else { 0.0 }
    }
}

/// The whole schedule's rate.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    lines: Vec<Line>,
    total: f64,
}

impl Curve {
    /// Of a scenario, every factor times `rate`.
    pub fn of(scenario: &Scenario, rate: f64) -> Self {
        if scenario.phases.is_empty() {
            return Self::hold(scenario.duration(), rate);
        }
        Self::chain(scenario.phases.iter().map(|phase| {
            let name = match phase.kind {
                PhaseKind::Ramp => "ramp",
                PhaseKind::Hold => "hold",
                PhaseKind::Burst => "burst",
                PhaseKind::Soak => "soak",
            };
            let (low, high) = phase.factors().unwrap_or((1.0, 1.0));
            (name, phase.duration_s, low * rate, high * rate)
        }))
    }

    /// One rate all the time.
    pub fn hold(duration_s: f64, rate: f64) -> Self {
        Self::chain([("hold", duration_s, rate, rate)])
    }

    fn chain(parts: impl IntoIterator<Item = (&'static str, f64, f64, f64)>) -> Self {
        let (mut lines, mut from_s, mut before) = (Vec::new(), 0.0, 0.0);
        for (name, duration_s, low, high) in parts {
            let line = Line { name, from_s, until_s: from_s + duration_s, low, high, before };
            before += line.area(line.until_s);
            from_s = line.until_s;
            lines.push(line);
        }
        Self { lines, total: before }
    }

    /// The lines in order.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// When the schedule is over, seconds.
    pub fn duration_s(&self) -> f64 {
        self.lines.last().map_or(0.0, |line| line.until_s)
    }

    /// The integral up to `at_s`.
    pub fn cumulative(&self, at_s: f64) -> f64 {
        let place = self.lines.partition_point(|line| line.until_s <= at_s);
        self.lines.get(place).map_or(self.total, |line| line.before + if at_s > line.from_s { line.area(at_s) } else { 0.0 })
    }

    /// The first time at which the integral reaches `sum`; None where it never does.
    pub fn inverse(&self, sum: f64) -> Option<f64> {
        if sum >= self.total {
            return None;
        }
        let place = self.lines.partition_point(|line| line.before <= sum).checked_sub(1)?;
        self.lines.get(place).map(|line| line.reach(sum - line.before).clamp(line.from_s, line.until_s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve() -> Curve {
        Curve::chain([("ramp", 10.0, 0.0, 2.0), ("hold", 5.0, 2.0, 2.0), ("hold", 5.0, 0.0, 0.0), ("ramp", 4.0, 3.0, 1.0)])
    }

    #[test]
    fn the_inverse_is_the_inverse() {
        let curve = curve();
        assert_eq!(curve.total, 10.0 + 10.0 + 0.0 + 8.0);
        for step in 0..2_800 {
            let sum = f64::from(step) / 100.0;
            let at_s = curve.inverse(sum).unwrap();
            assert!((curve.cumulative(at_s) - sum).abs() < 1e-6, "{sum}: {at_s}");
        }
        assert_eq!(curve.inverse(28.0), None);
    }

    #[test]
    fn nothing_is_due_while_the_factor_is_nought() {
        let curve = curve();
        assert!(curve.inverse(19.999).unwrap() < 15.0);
        assert!(curve.inverse(20.001).unwrap() > 20.0);
        assert_eq!(curve.cumulative(17.0), 20.0);
    }
}
