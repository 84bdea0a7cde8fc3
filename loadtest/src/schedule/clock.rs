//! The one clock of a run: monotonic, with the wall-clock time of its beginning.
//!
//! Both begin at the same whole millisecond, so the time in a message and the intended time of its send are the same number
//! apart from a constant. A step of the wall clock during the run does not reach it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// When the schedule begins, on both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    begins: Instant,
    /// The same moment, milliseconds since 1970-01-01 UTC.
    pub epoch_ms: i64,
}

impl Clock {
    /// Begins on the first whole millisecond after `ahead`.
    pub fn begin_in(ahead: Duration) -> Self {
        let (now, wall) = (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
        let epoch_ms = i64::try_from((wall + ahead).as_millis()).unwrap_or(0) + 1;
        let whole = Duration::from_millis(u64::try_from(epoch_ms).unwrap_or(0));
        Self { begins: now + whole.saturating_sub(wall), epoch_ms }
    }

    /// Microseconds since the schedule began; 0 before.
    pub fn now_us(&self) -> u64 {
        u64::try_from(Instant::now().saturating_duration_since(self.begins).as_micros()).unwrap_or(u64::MAX)
    }

    /// Whether the schedule has begun.
    pub fn has_begun(&self) -> bool {
        Instant::now() >= self.begins
    }

    /// Seconds since the schedule began.
    pub fn now_s(&self) -> f64 {
        self.now_us() as f64 / 1e6
    }

    /// How long until `at_us`; nothing where it has passed.
    pub fn until(&self, at_us: u64) -> Duration {
        (self.begins + Duration::from_micros(at_us)).saturating_duration_since(Instant::now())
    }
}
