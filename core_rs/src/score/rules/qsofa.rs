//! qSOFA: Singer et al., Sepsis-3, JAMA 2016;315:801. 3 items, 0 to 3 points, positive at 2.
//!
//! Respiratory rate 22 and more, Glasgow coma score below 15, systolic pressure 100 mmHg and less. Anything but Alert in ACVPU
//! is altered mentation as well; the newer of the two decides.

use super::item::{Evaluation, Item, positive_at, total};
use super::{Definition, Lookup};
use crate::decode::catalogue::{CONSCIOUSNESS, GCS, RESP, SBP};

/// The rule as a scorer.
pub const DEFINITION: Definition = Definition {
    name: "qsofa",
    version: "2016",
    title: "qSOFA",
    source: "Singer M et al. The Third International Consensus Definitions for Sepsis (Sepsis-3). JAMA 2016;315:801.",
    signals: &[RESP, CONSCIOUSNESS, GCS, SBP],
    thresholds: &[("positive", 2.0, "look for organ dysfunction")],
    evaluate,
};

/// The score; None where no item is present.
pub fn evaluate(lookup: Lookup<'_>) -> Option<Evaluation> {
    let (resp, sbp, mentation) = (Item::vital(lookup, RESP), Item::vital(lookup, SBP), Item::mentation(lookup));
    let items = [
        (resp, resp.whole().map(|rate| u8::from(rate >= 22.0))),
        (mentation, mentation.is_altered().map(u8::from)),
        (sbp, sbp.whole().map(|pressure| u8::from(pressure <= 100.0))),
    ];
    total(&items, positive_at(2))
}
