//! Room at `patients_max`: a record nobody has spoken of for a week makes room for somebody who is here now.
//!
//! Who was admitted and never discharged stays known, however silent: the discharge may have been lost, the patient not. Only
//! where the limit would otherwise turn a new patient away, the one heard of longest ago goes, if that was `SILENT_US` ago or
//! longer, by frame time alone; between two heard of at the same time the lower slot. Nobody heard of since then is ever
//! dropped: the newcomer is refused (`patient_limit`). Whoever goes has left as by a discharge, open alerts included; should they
//! be heard of again, they are known anew.

use crate::decode::{BedKey, PatientId};

use super::ward::Ward;

/// How long nothing must have been heard of who makes room, microseconds.
pub const SILENT_US: i64 = 7 * 86_400_000_000;

/// Who made room, for the route to end what it holds of them.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Nobody was heard of before this: a look for the silent can wait until `SILENT_US` later. It only grows while the clock does, so that many
    /// newcomers at the limit cost one look over all patients and not one each.
    none_before_us: Option<i64>,
    made_by: Vec<(PatientId, Option<BedKey>)>,
}

impl Room {
    /// What was heard of may be earlier than was thought: the clock was set back.
    pub(super) fn look_again(&mut self) {
        self.none_before_us = None;
    }

    /// Somebody becomes known who was heard of then.
    pub(super) fn known(&mut self, heard_us: i64) {
        self.none_before_us = self.none_before_us.map(|none_before| none_before.min(heard_us));
    }
}

impl Ward {
    /// Drops who has been silent longest, if long enough. False where nobody has been.
    pub(super) fn make_room(&mut self, now_us: i64) -> bool {
        let is_silent = |heard_us: i64| now_us.saturating_sub(heard_us) >= SILENT_US;
        if self.room.none_before_us.is_some_and(|none_before| !is_silent(none_before)) {
            return false;
        }
        let found = self.iter().map(|(slot, patient)| (patient.heard_us(), slot, patient.id())).min();
        let Some((heard_us, slot, id)) = found else { return false };
        self.room.none_before_us = Some(heard_us);
        if !is_silent(heard_us) {
            return false;
        }
        let bed = self.bed_of(slot).cloned();
        self.remove(id, now_us);
        self.room.made_by.push((id, bed));
        true
    }

    /// Who made room since this was asked, with the bed they lay in.
    pub fn made_room(&mut self) -> Vec<(PatientId, Option<BedKey>)> {
        std::mem::take(&mut self.room.made_by)
    }
}
