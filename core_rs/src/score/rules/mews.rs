//! MEWS: Subbe et al., QJM 2001;94:521. 5 items, 0 to 14 points, positive at 5 (the paper's critical score).
//!
//! Consciousness is AVPU. The paper has no new confusion; whoever is confused reacts without being spoken to and is Alert
//! there, so code C gives 0 points here (NEWS2 gives 3). The Glasgow coma score is not part of the table and is not read.

use super::item::{Evaluation, Item, banded, positive_at, total};
use super::{Definition, Lookup};
use crate::decode::catalogue::{CONSCIOUSNESS, HR, RESP, SBP, TEMP};

/// The rule as a scorer.
pub const DEFINITION: Definition = Definition {
    name: "mews",
    version: "2001",
    title: "MEWS",
    source: "Subbe CP et al. Validation of a modified Early Warning Score in medical admissions. QJM 2001;94:521.",
    signals: &[SBP, HR, RESP, TEMP, CONSCIOUSNESS],
    thresholds: &[("critical", 5.0, "associated with death and intensive care")],
    evaluate,
};

/// The score; None where no item is present.
pub fn evaluate(lookup: Lookup<'_>) -> Option<Evaluation> {
    let [sbp, hr, resp, temp, avpu] = [SBP, HR, RESP, TEMP, CONSCIOUSNESS].map(|signal| Item::vital(lookup, signal));
    let items = [
        (sbp, banded(sbp.whole(), &[(70.0, 3), (80.0, 2), (100.0, 1), (199.0, 0)], 2)),
        (hr, banded(hr.whole(), &[(40.0, 2), (50.0, 1), (100.0, 0), (110.0, 1), (129.0, 2)], 3)),
        (resp, banded(resp.whole(), &[(8.0, 2), (14.0, 0), (20.0, 1), (29.0, 2)], 3)),
        (temp, banded(temp.tenths(), &[(349.0, 2), (384.0, 0)], 2)),
        (avpu, banded(avpu.whole(), &[(1.0, 0), (2.0, 1), (3.0, 2)], 3)),
    ];
    total(&items, positive_at(5))
}
