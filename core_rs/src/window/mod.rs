//! window: events become each patient's rolling state and feature rows.
//!
//! # The definition
//! The state of a patient and a signal is the set of observations of the stay, keyed by observation time. A later frame with
//! the same time replaces the value; with the same value it is a duplicate and changes nothing; a withdrawn one deletes the
//! value. A row at time t (receipt of the frame that asks for it) sees observations up to and including t. Of those a window
//! w covers observation times in (t - w, t], a window in panes of width p those in (p floor((t - w) / p), t].
//!
//! | stat | is | of nothing |
//! |---|---|---|
//! | last, age | newest value of the stay; hours since it | NaN |
//! | last_in, first | newest, oldest value in the window | NaN |
//! | delta | newest minus oldest value in the window | NaN |
//! | count | observations in the window | 0 |
//! | min, max, mean | over the values in the window | NaN |
//! | std | sample standard deviation (ddof 1) | NaN below two |
//! | slope | least squares, per hour | NaN below two |
//! | time_since_abnormal | hours since the newest value of the stay outside the closed range `normal` | NaN |
//! | time_since_first | hours since the oldest observation of the stay | NaN |
//!
//! All but `last`, `age` and `time_since_...` take windows, and `stay` as one: all observations of the stay.
//!
//! # Cells
//! A monitor speaks every second, a chart by the hour: their counts, extremes and deviations differ where the patients do not.
//! An entry with `cell = "1h"` (or all entries without a pane, by the plan's own `cell`; `none` opts out) is over cells: cell k
//! of width c covers (k c, (k + 1) c] since 1970-01-01 UTC, lower edge excluded, and counts as one observation: the mean value at the
//! mean time (whole microseconds, rounded down) of what was observed in it. An empty cell is none. A row at time t sees the
//! cell t lies in as far as it was observed by then; a window w, a whole number of cells, covers the w / c cells that end with
//! that one, so that its lower edge is the cell's. `last` is the newest cell's mean, `count` the cells with a value (with
//! `cell = "1h"` over `stay`: hours measured); `age` and `time_since_first` stay those of raw observations.
//!
//! One observation an hour, at whatever minute, and rows at those times: every statistic is what it is without cells, bit for
//! bit. A row between two hourly observations sees one cell more begin: where that is empty still, the window holds one
//! observation less than an exact window would.
//!
//! Computed in f64, given as f32. `tests/naive.rs` says the same in as few lines as possible; the engine is held to it: counts,
//! ends and extremes exactly (those of cells, which are means, within 1e-9), mean, std and slope within 1e-9.
//!
//! # Limits in numbers
//! Raw samples are kept as long as the longest exact window of any loaded plan (an hour at least where windows are in panes or
//! cells), and always the newest 16, whatever the alert policy says; what is older is folded and can no longer
//! be corrected (`Change::Expired`): a correction older than that leaves panes, cells and the statistics of the stay as they are.
//! Where the policy looks back further, folded values stay readable for it alone, as long before the newest value as it asks.
//! A signal holds at most `signal_observations_max` raw samples; beyond that the oldest are folded early and counted. Times before a patient's newest
//! receipt are answered from what is still held.
//!
//! # Determinism
//! Reading changes nothing. Rows are a function of the writes (their order included) and t, bit for bit, also after a
//! snapshot; arrival in another order, or other plans loaded beside, may change the last bits of mean, std and slope in f64.

mod bed;
mod block;
mod cancel;
mod cell;
mod coded;
mod compile;
mod course;
mod derived;
mod encounter;
mod folded;
mod meaning;
mod merge;
mod monitor;
mod packed;
mod pane;
mod passing;
mod patient;
mod person;
mod plan;
mod recording;
mod room;
mod series;
mod track;
mod union;
mod vitals;
mod walk;
mod ward;

#[cfg(test)]
mod tests;

pub use bed::{GRACE_US, STAYS_MAX};
pub use block::{HOUR_US, Sample};
pub use cancel::TRANSFERS_MAX;
pub use cell::{CELL_S_MAX, CELL_S_MIN};
pub use coded::{CATEGORIES_MAX, CATEGORY_BYTES_MAX, CODED_MAX, CodedSpec};
pub use compile::{FeaturePlan, Window, catalogue_signal};
pub use course::{Course, Lasting};
pub use derived::{DerivedRule, RATIOS};
pub use encounter::Moved;
pub use meaning::Meaning;
pub use merge::{ALIASES_MAX, Aliases};
pub use monitor::Monitor;
pub use patient::Patient;
pub use person::Person;
pub use plan::{Demographic, FEATURES_MAX, FeatureSpec, PANES_MAX, PlanError, PlanSpec, Stat, WINDOW_S_MAX, WINDOWS_MAX};
pub use recording::Recording;
pub use room::SILENT_US;
pub use series::{BLOCK, Change, Said, Series};
pub use track::{Extremes, SETTLED_MAX};
pub use union::{CellRetention, PANED_RAW_US, Retention, Union};
pub use vitals::{SIGNALS_MAX, Vitals};
pub use ward::{Applied, LINGER_US, SWEEP_US, Slot, UNADMITTED_US, Ward};
