//! What the run tells its threads while they work, and what they hand on.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};
use std::sync::{Mutex, PoisonError};

/// Flags that only the run sets.
#[derive(Debug, Default)]
pub struct Control {
    /// End now.
    pub stop: AtomicBool,
    /// Every MQTT connection is to be reset when this grows.
    pub disconnects: AtomicU32,
    /// Consoles reconnect when this grows...
    pub storms: AtomicU32,
    /// ...those of the first so many thousandths.
    pub storm_milli: AtomicU32,
    /// Consoles of the last so many thousandths read nothing...
    pub stall_milli: AtomicU32,
    /// ...until this time of the clock, microseconds.
    pub stall_until_us: AtomicU64,
    /// Connections that are open: the schedule begins when all are.
    pub open: AtomicU32,
}

/// (intended time in milliseconds, how many messages), in the order of their acknowledgement.
pub type Acked = VecDeque<(u32, u64)>;

/// Acknowledged messages that a later stage has not been seen to finish: one queue a stage. Runs of equal times are one entry,
/// so it holds at most as many as there are milliseconds and swaps of order in the backlog.
#[derive(Debug, Default)]
pub struct AckLog {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    stages: [Acked; 2],
    acknowledged: u64,
}

impl AckLog {
    /// Appends what was acknowledged, and forgets it here.
    pub fn push(&self, acked: &mut Acked) {
        if acked.is_empty() {
            return;
        }
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        for (at_ms, count) in acked.drain(..) {
            inner.acknowledged += count;
            for stage in &mut inner.stages {
                match stage.back_mut() {
                    Some((last, of)) if *last == at_ms => *of += count,
                    _ => stage.push_back((at_ms, count)),
                }
            }
        }
    }

    /// How many have been acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).acknowledged
    }

    /// Takes the first `count` of a stage's queue.
    pub fn take(&self, stage: usize, mut count: u64) -> Vec<(u32, u64)> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = Vec::new();
        let Some(queue) = inner.stages.get_mut(stage) else { return taken };
        while count > 0
            && let Some((at_ms, of)) = queue.front_mut()
        {
            let now = count.min(*of);
            taken.push((*at_ms, now));
            *of -= now;
            count -= now;
            if *of == 0 {
                queue.pop_front();
            }
        }
        taken
    }
}

/// Adds one to a queue of acknowledged messages.
pub fn note(acked: &mut Acked, at_ms: u32) {
    match acked.back_mut() {
        Some((last, count)) if *last == at_ms => *count += 1,
        _ => acked.push_back((at_ms, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stage_takes_every_acknowledged_message_once_in_order() {
        let (log, mut acked) = (AckLog::default(), Acked::new());
        for at_ms in [1, 1, 2, 5, 5, 5] {
            note(&mut acked, at_ms);
        }
        log.push(&mut acked);
        assert!(acked.is_empty());
        assert_eq!(log.acknowledged(), 6);
        assert_eq!(log.take(0, 3), [(1, 2), (2, 1)]);
        assert_eq!(log.take(0, 2), [(5, 2)]);
        assert_eq!(log.take(0, 9), [(5, 1)]);
        assert_eq!(log.take(1, 9), [(1, 2), (2, 1), (5, 3)]);
    }
}
