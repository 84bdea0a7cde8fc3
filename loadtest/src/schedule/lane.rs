//! A lane: what one connection has to send, in order, each with its intended time, without a list.
//!
//! The members (beds) of a lane come round once a period, each at a phase of its own, as monitors are never in step. Intended
//! times are whole milliseconds, since that is what device JSON carries and by what a console recognises a reading. The n-th
//! send of a lane is a function of n alone: a server that does not keep up makes sends late, it never moves their time.

use super::Curve;

/// What a lane's messages are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A reading as device JSON.
    Device,
    /// A reading as HL7 ORU^R01.
    Hl7Reading,
    /// Laboratory results as HL7 ORU^R01, of a patient picked by the message's number.
    Labs,
}

/// One message to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Intended time, milliseconds since the schedule began.
    pub at_ms: u32,
    /// The bed (`Labs`: the lane's own number).
    pub bed: u32,
    /// The how many-th of its bed, from 0.
    pub round: u32,
}

/// The sends of one connection of one kind.
#[derive(Debug, Clone)]
pub struct Lane {
    /// What they are.
    pub kind: Kind,
    /// (phase 0 to 1, bed), ascending.
    members: Vec<(f64, u32)>,
    /// Rounds a second at factor 1.
    per_s: f64,
}

impl Lane {
    /// Of these beds with their phases.
    pub fn new(kind: Kind, mut members: Vec<(f64, u32)>, per_s: f64) -> Self {
        members.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self { kind, members, per_s }
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() || self.per_s <= 0.0
    }

    /// The n-th send; None once the schedule is over.
    pub fn get(&self, curve: &Curve, n: u64) -> Option<Due> {
        let beds = self.members.len() as u64;
        let (round, place) = (n.checked_div(beds)?, usize::try_from(n % beds).ok()?);
        let (phase, bed) = *self.members.get(place)?;
        let round = u32::try_from(round).ok()?;
        Some(Due { at_ms: intended_ms(curve, self.per_s, phase, round)?, bed, round })
    }

    /// How many are due at or before `at_ms`.
    pub fn due_by(&self, curve: &Curve, at_ms: u32) -> u64 {
        if self.is_empty() {
            return 0;
        }
        let beds = self.members.len() as u64;
        let rounds = curve.cumulative(f64::from(at_ms) / 1_000.0) * self.per_s;
        let passed = self.members.partition_point(|(phase, _)| *phase <= rounds.fract()) as u64;
        let mut n = (rounds.floor() as u64) * beds + passed;
        // Rounding to milliseconds moves the border by a few sends at most.
        while n > 0 && self.get(curve, n - 1).is_none_or(|due| due.at_ms > at_ms) {
            n -= 1;
        }
        while self.get(curve, n).is_some_and(|due| due.at_ms <= at_ms) {
            n += 1;
        }
        n
    }
}

/// When the `round`-th reading of a bed with this phase is meant to be sent, whole milliseconds; None after the end.
pub fn intended_ms(curve: &Curve, per_s: f64, phase: f64, round: u32) -> Option<u32> {
    let at_s = curve.inverse((f64::from(round) + phase) / per_s)?;
    Some((at_s * 1_000.0).round() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane() -> Lane {
        Lane::new(Kind::Device, (0..7).map(|bed| (f64::from(bed) * 0.13 + 0.01, bed)).collect(), 2.0)
    }

    #[test]
    fn sends_are_in_order_and_each_bed_keeps_its_period() {
        let (lane, curve) = (lane(), Curve::hold(10.0, 1.0));
        let all: Vec<Due> = (0..).map_while(|n| lane.get(&curve, n)).collect();
        assert_eq!(all.len(), 7 * 20);
        assert!(all.windows(2).all(|pair| pair[0].at_ms <= pair[1].at_ms));
        for bed in 0..7 {
            let times: Vec<u32> = all.iter().filter(|due| due.bed == bed).map(|due| due.at_ms).collect();
            assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 500), "{times:?}");
        }
    }

    #[test]
    fn the_count_of_what_is_due_agrees_with_the_list() {
        let lane = lane();
        for curve in [Curve::hold(10.0, 1.0), Curve::hold(3.0, 40.0)] {
            let all: Vec<Due> = (0..).map_while(|n| lane.get(&curve, n)).collect();
            for at_ms in (0..11_000).step_by(7) {
                let counted = all.iter().filter(|due| due.at_ms <= at_ms).count();
                assert_eq!(lane.due_by(&curve, at_ms), counted as u64, "{at_ms}");
            }
        }
    }
}
