//! What each column of a plan says, for whoever explains a row to people.

use super::FeaturePlan;
use super::compile::Over;
use super::plan::Stat;
use crate::decode::SignalId;

/// What one column holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Meaning {
    /// A statistic of a signal.
    Statistic {
        /// Of which signal.
        signal: SignalId,
        /// Which one.
        stat: Stat,
        /// Over the last so many seconds; None is the stay.
        window_s: Option<i64>,
        /// Over the means of cells so wide; None is over the values themselves.
        cell_s: Option<i64>,
        /// The closed range of normal values of `time_since_abnormal`.
        normal: Option<(f64, f64)>,
    },
    /// Of the person or the encounter, named by the column.
    Demographic,
    /// The place of the category that holds a coded fact: what the plan calls its categories, else each's codes by commas.
    Coded(Vec<String>),
    /// Arithmetic of the last values of these signals.
    Derived(Vec<SignalId>),
    /// Nothing that is known here.
    Unknown,
}

impl FeaturePlan {
    /// What the columns say, in their order.
    pub fn meanings(&self) -> Vec<Meaning> {
        let mut found = vec![Meaning::Unknown; self.width()];
        let mut put = |column: usize, meaning: Meaning| {
            if let Some(place) = found.get_mut(column) {
                *place = meaning;
            }
        };
        for features in &self.signals {
            for column in &features.columns {
                let (window_s, normal) = match column.over {
                    Over::Stay => (None, None),
                    Over::Window(at) => (features.windows.get(at).map(|window| window.width_us / 1_000_000), None),
                    Over::Normal(low, high) => (None, Some((low, high))),
                };
                let cell_s = (features.cell_us > 0).then_some(features.cell_us / 1_000_000);
                let (signal, stat) = (features.signal, column.stat);
                put(column.column, Meaning::Statistic { signal, stat, window_s, cell_s, normal });
            }
        }
        for (_, column) in &self.demographics {
            put(*column, Meaning::Demographic);
        }
        for coded in &self.spec().coded {
            if let Some(column) = self.names().iter().position(|name| name == coded.feature()) {
                put(column, Meaning::Coded(coded.words().map(str::to_owned).collect()));
            }
        }
        for derived in &self.derived {
            put(derived.column, Meaning::Derived(derived.inputs.clone()));
        }
        found
    }
}
