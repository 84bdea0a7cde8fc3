//! The union of all loaded plans: how much of each signal the state has to keep.

use std::sync::Arc;

use crate::decode::SignalId;

use super::compile::{FeaturePlan, Over, SignalFeatures};

/// A signal keeps raw samples at least this long where its windows are in panes or cells, so that late data still finds its place.
pub const PANED_RAW_US: i64 = 3_600_000_000;

/// What the state must keep of one signal so that every loaded plan can be answered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Retention {
    /// Raw samples are folded once they are older than this (and 16 newer ones exist).
    pub raw_us: i64,
    /// Of those that are folded, the ones at most this old beside the newest stay readable: the alert policy looks back on them. What
    /// can be corrected, and what plans read, does not depend on it.
    pub asked_us: i64,
    /// Pane width, 0 for none: the greatest common divisor of the plans' widths.
    pub pane_us: i64,
    /// Panes older than this are dropped.
    pub panes_us: i64,
    /// Normal ranges asked for.
    pub normals: Vec<(f64, f64)>,
    /// Whether anything but the newest values is read.
    pub planned: bool,
    /// Cell widths asked for, and what is kept of the means of each.
    pub cells: Vec<CellRetention>,
}

/// What is kept of cells of one width.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CellRetention {
    /// Microseconds.
    pub width_us: i64,
    /// Of the means; it has no panes and no cells.
    pub means: Retention,
}

/// The union of all loaded plans: one retention a signal, indexed by `SignalId`.
#[derive(Debug, Clone, Default)]
pub struct Union {
    signals: Vec<Retention>,
    other: Retention,
}

impl Union {
    /// What all these plans need together.
    pub fn of(plans: &[Arc<FeaturePlan>]) -> Self {
        let mut union = Self::default();
        for features in plans.iter().flat_map(|plan| &plan.signals) {
            let at = usize::from(features.signal.0);
            if union.signals.len() <= at {
                union.signals.resize(at + 1, Retention::default());
            }
            if let Some(retention) = union.signals.get_mut(at) {
                retention.extend(features);
            }
        }
        union
    }

    /// Values of these signals stay readable so long, microseconds, whatever the plans need.
    pub fn ask(&mut self, asked: &[(SignalId, i64)]) {
        self.signals.iter_mut().for_each(|retention| retention.asked_us = 0);
        for (signal, raw_us) in asked {
            let at = usize::from(signal.0);
            if self.signals.len() <= at {
                self.signals.resize(at + 1, Retention::default());
            }
            if let Some(retention) = self.signals.get_mut(at) {
                retention.asked_us = retention.asked_us.max(*raw_us);
            }
        }
    }

    /// What is kept of a signal; of one in no plan, its newest samples.
    #[inline]
    pub fn signal(&self, signal: SignalId) -> &Retention {
        self.signals.get(usize::from(signal.0)).unwrap_or(&self.other)
    }
}

impl Retention {
    fn extend(&mut self, features: &SignalFeatures) {
        if features.cell_us > 0 {
            self.raw_us = self.raw_us.max(PANED_RAW_US);
            let width_us = features.cell_us;
            let at = self.cells.iter().position(|cell| cell.width_us == width_us).unwrap_or_else(|| {
                self.cells.push(CellRetention { width_us, ..CellRetention::default() });
                self.cells.len() - 1
            });
            if let Some(cell) = self.cells.get_mut(at) {
                cell.means.read(features);
            }
        } else {
            self.read(features);
        }
    }

    fn read(&mut self, features: &SignalFeatures) {
        self.planned = true;
        for window in &features.windows {
            if window.pane_us == 0 {
                self.raw_us = self.raw_us.max(window.width_us);
            } else {
                self.raw_us = self.raw_us.max(PANED_RAW_US);
                self.pane_us = gcd(self.pane_us, window.pane_us);
                self.panes_us = self.panes_us.max(window.width_us + window.pane_us);
            }
        }
        for column in &features.columns {
            if let Over::Normal(low, high) = column.over
                && !self.normals.contains(&(low, high))
            {
                self.normals.push((low, high));
            }
        }
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
