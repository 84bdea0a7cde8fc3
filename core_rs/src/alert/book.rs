//! Which alerts are not cleared, and where: for doors, which must answer without the database. The pipeline writes, doors look.

use std::sync::Arc;

use compact_str::CompactString;
use hashbrown::HashMap;
use parking_lot::RwLock;

use super::{AlertEvent, AlertKind};

/// Alerts that are not cleared, by id. Clones share one memory.
#[derive(Debug, Clone, Default)]
pub struct Book {
    units: Arc<RwLock<HashMap<u64, CompactString>>>,
}

impl Book {
    /// Begins anew with what a state holds.
    pub(super) fn restart(&self, alerts: impl Iterator<Item = (u64, CompactString)>) {
        *self.units.write() = alerts.collect();
    }

    /// After one more step of an alert.
    pub fn follow(&self, event: &AlertEvent) {
        if event.kind == AlertKind::Cleared {
            self.units.write().remove(&event.alert_id);
            return;
        }
        let unit = event.bed.as_ref().map_or_else(CompactString::default, |bed| bed.unit.clone());
        self.units.write().insert(event.alert_id, unit);
    }

    /// The unit of an alert that is not cleared, empty where it is in none; None where there is no such alert.
    pub fn unit(&self, alert_id: u64) -> Option<CompactString> {
        self.units.read().get(&alert_id).cloned()
    }
}
