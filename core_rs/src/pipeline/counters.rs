//! What the Rust half counted: every frame that goes in comes out under exactly one name (P4).

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::alert::AlertKind;

macro_rules! counters {
    ($($name:ident: $text:literal,)*) => {
        /// Counted since the start, replay included. Read without a lock.
        #[derive(Debug, Default)]
        pub struct Counters { $(#[doc = $text] pub $name: AtomicU64,)* }

        impl Counters {
            /// (name, value), in the order of the route.
            pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
                [$((stringify!($name), self.$name.load(Relaxed)),)*].into_iter()
            }

            /// Sets everything back to what `all` said: what a stage counted before it panicked was not done.
            pub fn set_back(&self, to: &[(&'static str, u64)]) {
                let mut values = to.iter().map(|(_, value)| *value);
                $(if let Some(value) = values.next() { self.$name.store(value, Relaxed) })*
            }
        }
    };
}

counters! {
    frames: "Frames taken from the journal. The eight that follow add up to it.",
    frames_tick: "Ticks.",
    frames_action: "Actions on alerts.",
    frames_policy: "Alert policies.",
    frames_decoded: "Frames that gave at least one event or were understood to say nothing.",
    frames_dead: "Frames refused as a whole.",
    frames_repeated: "Redeliveries: the same id, the same content.",
    frames_conflicting: "The same id, other content: dead-lettered.",
    frames_internal: "Frames that made a stage panic or hang: dead-lettered.",
    frames_received: "Of all frames, those that came in by a door: neither ticks nor others the server wrote itself.",
    observations: "Observations decoded. Kept, repeated and dead add up to it.",
    observations_kept: "New or changed values: one row each.",
    observations_late: "Of those kept, values older than what the windows still take in: stored, in no window.",
    observations_repeated: "The same value at the same time once more: no row.",
    observations_dead: "Observations that window refused.",
    observations_rejected: "Parts of frames that decode refused.",
    observations_skipped: "Parts of frames that carry no value on purpose (OBX-11 X, header rows).",
    patients_dropped: "Patients silent for a week who made room at patients_max.",
    encounters: "ADT events taken in.",
    scores: "Scores computed.",
    scores_stored: "Scores stored: changed, or a minute after the last row.",
    alerts_opened: "Alerts opened.",
    alerts_cleared: "Alerts cleared.",
    alerts_acknowledged: "Acknowledgements.",
    alerts_snoozed: "Snoozes.",
    alerts_unsnoozed: "Snoozes that ended.",
    alerts_escalated: "Alerts passed on, by the chain or by hand.",
    alerts_reminded: "Reminders.",
    alerts_expired: "Alerts that nobody answered.",
    alerts_raised: "Alerts whose severity rose.",
    alerts_lowered: "Alerts whose severity fell.",
    alerts_moved: "Alerts that went along to another bed.",
    actions: "Actions that changed an alert.",
    actions_repeated: "Actions that had been done before: nothing changed.",
    actions_late: "Actions on an alert that was cleared before them.",
    policies_taken: "Alert policies put in force.",
    policies_refused: "Alert policies that could not be read: the one before stays in force.",
    feeds_left_out: "Frames of senders beyond the 64 whose silence is watched.",
    dead_letters: "Dead letters written.",
    clock_set_back: "Ticks that showed the clock set back by a minute or more.",
    replays: "Dead letters sent through the route again.",
}

impl Counters {
    /// The counter of a step in an alert's life.
    pub const fn of_alert(&self, kind: AlertKind) -> &AtomicU64 {
        match kind {
            AlertKind::Opened => &self.alerts_opened,
            AlertKind::Cleared => &self.alerts_cleared,
            AlertKind::Acknowledged => &self.alerts_acknowledged,
            AlertKind::Snoozed => &self.alerts_snoozed,
            AlertKind::Unsnoozed => &self.alerts_unsnoozed,
            AlertKind::Escalated => &self.alerts_escalated,
            AlertKind::Reminded => &self.alerts_reminded,
            AlertKind::Expired => &self.alerts_expired,
            AlertKind::Raised => &self.alerts_raised,
            AlertKind::Lowered => &self.alerts_lowered,
            AlertKind::Moved => &self.alerts_moved,
        }
    }
}

/// Adds to a counter. One thread counts, others read: no locked instruction is needed, and a frame has a dozen of these.
#[inline]
pub fn add(counter: &AtomicU64, n: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(n), Relaxed);
}
