//! What one sending thread did in one second.

use hdrhistogram::Histogram;

use crate::result::{LONGEST_US, Second};

/// A histogram for latencies: microseconds, three digits, up to an hour.
pub fn histogram() -> Histogram<u64> {
    // The bounds are constants that the constructor accepts.
    Histogram::new_with_bounds(1, LONGEST_US, 3)
        .unwrap_or_else(|_| Histogram::new_with_max(LONGEST_US, 3).unwrap_or_else(|_| fallback()))
}

fn fallback() -> Histogram<u64> {
    #[expect(clippy::unwrap_used, reason = "one significant digit and no bound is always allowed")]
    Histogram::new(1).unwrap()
}

/// Counts of one second, and gauges at its end.
#[derive(Debug)]
pub struct Tally {
    /// The second.
    pub second: u32,
    /// Messages written for the first time.
    pub sent: u64,
    /// Of those, readings that a console can tell.
    pub readings: u64,
    /// Observations in them.
    pub observations: u64,
    /// Answered as taken.
    pub acknowledged: u64,
    /// Observations in them.
    pub observations_acknowledged: u64,
    /// Answered as not taken.
    pub refused: u64,
    /// Of those, readings.
    pub readings_refused: u64,
    /// Written again.
    pub resent: u64,
    /// Connections lost.
    pub lost: u64,
    /// Written and unanswered: gauge.
    pub unanswered: u64,
    /// From intended to answered.
    pub latency: Histogram<u64>,
    /// From intended to encoded, without the time for which the server held it: an answer or room in the socket that was awaited counts
    /// from when the generator can have known of it at the earliest.
    pub late: Histogram<u64>,
    /// CPU seconds this thread has used since it began: gauge.
    pub cpu_s: f64,
    /// Why connections were lost or requests refused, a few of them.
    pub faults: Vec<String>,
}

/// Reasons kept of one second.
const FAULTS_MAX: usize = 4;

impl Tally {
    /// Of this second, all nothing.
    pub fn new(second: u32) -> Self {
        Self {
            second,
            sent: 0,
            readings: 0,
            observations: 0,
            acknowledged: 0,
            observations_acknowledged: 0,
            refused: 0,
            readings_refused: 0,
            resent: 0,
            lost: 0,
            unanswered: 0,
            latency: histogram(),
            late: histogram(),
            cpu_s: 0.0,
            faults: Vec::new(),
        }
    }

    /// Adds its counts to a second's.
    pub fn add_to(&self, second: &mut Second) {
        second.sent += self.sent;
        second.observations += self.observations;
        second.acknowledged += self.acknowledged;
        second.refused += self.refused;
        second.resent += self.resent;
        second.connections_lost += self.lost;
    }

    /// Remembers why something failed, if there is room and it is new.
    pub fn fault(&mut self, why: String) {
        if self.faults.len() < FAULTS_MAX && !self.faults.contains(&why) {
            self.faults.push(why);
        }
    }
}
