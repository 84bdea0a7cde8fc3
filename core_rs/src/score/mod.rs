//! score: feature rows become risks and rule scores with their inputs.

mod boundary;
mod bundle;
mod calibration;
pub mod explain;
mod fault;
pub mod forest;
mod manifest;
pub mod rules;
mod scorers;

#[cfg(test)]
mod tests;

pub use boundary::{Contribution, Input, Inputs, Score};
pub use bundle::{Bundle, BundleError, CONTRIBUTIONS_MAX, Trigger, compile};
pub use calibration::{Calibration, KNOTS_MAX};
pub use explain::{Direction, Reason, Why};
pub use forest::Forest;
pub use manifest::{MANIFEST_BYTES_MAX, Manifest, Occasion, Threshold, Training, TriggerSpec};
pub use rules::Rule;
pub use scorers::{BUNDLES_MAX, ScorerName, Scorers};
