//! When the monitor of a bed last spoke: what watches over silence asks here. One store per observation that names a bed.

use crate::decode::{BedKey, PatientId};

use super::bed::Bed;
use super::patient::Patient;
use super::ward::Ward;

/// A bed's monitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Monitor {
    /// Receipt of its newest word, microseconds since 1970-01-01 UTC; None where it never spoke.
    pub spoke_us: Option<i64>,
    /// Who lies there, and since when.
    pub lies: Option<(PatientId, i64)>,
}

impl Monitor {
    fn of(bed: &Bed) -> Self {
        Self { spoke_us: bed.spoke_us, lies: bed.occupant().map(|stay| (stay.patient, stay.from_us)) }
    }
}

impl Ward {
    /// The monitor of a bed; None for a bed nobody was ever admitted to.
    pub fn monitor(&self, key: &BedKey) -> Option<Monitor> {
        self.beds.get(key).map(Monitor::of)
    }

    /// The bed at a place, from 0 to `beds_len`, and its monitor.
    pub fn monitor_at(&self, place: usize) -> Option<(&BedKey, Monitor)> {
        self.beds.get_index(place).map(|(key, bed)| (key, Monitor::of(bed)))
    }

    /// Beds known.
    pub fn beds_len(&self) -> usize {
        self.beds.len()
    }
}

impl Patient {
    /// When the newest event occurred that says where the patient lies.
    pub fn located_at_us(&self) -> i64 {
        self.located_at_us
    }
}

impl Bed {
    /// Its monitor spoke.
    #[inline]
    pub(super) fn hear(&mut self, received_at_us: i64) {
        self.spoke_us = Some(received_at_us).max(self.spoke_us);
    }
}
