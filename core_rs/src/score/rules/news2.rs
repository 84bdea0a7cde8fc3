//! NEWS2: Royal College of Physicians, National Early Warning Score 2, 2017. 7 items, 0 to 20 points.
//!
//! For adults from 16, not in pregnancy; the rule does not know either and leaves that to the ward. Oxygen saturation is scored
//! on scale 1; scale 2 (hypercapnic respiratory failure) is only ever chosen by an explicit order for the patient, never
//! inferred. Bands: 0 none, 1 low (1-4), 2 low-medium (any single item with 3), 3 medium (5-6), 4 high (7 and more).

use super::item::{Evaluation, Item, banded, total};
use super::{Definition, Lookup};
use crate::decode::catalogue::{CONSCIOUSNESS, FIO2, GCS, HR, O2SAT, OXYGEN, RESP, SBP, TEMP};

/// The rule as a scorer, on scale 1.
pub const DEFINITION: Definition = Definition {
    name: "news2",
    version: "2017",
    title: "NEWS2",
    source: "Royal College of Physicians. National Early Warning Score (NEWS) 2. London, 2017.",
    signals: &[RESP, O2SAT, OXYGEN, FIO2, SBP, HR, CONSCIOUSNESS, GCS, TEMP],
    thresholds: &[("urgent", 5.0, "urgent review"), ("emergency", 7.0, "emergency team, continuous monitoring")],
    evaluate: |lookup| evaluate(lookup, Scale::One),
};

/// Which saturations are normal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// For everybody without an order.
    One,
    /// Target 88 to 92 %, by order.
    Two,
}

/// The score; None where no item is present.
pub fn evaluate(lookup: Lookup<'_>, scale: Scale) -> Option<Evaluation> {
    let [resp, spo2, sbp, hr, temp] = [RESP, O2SAT, SBP, HR, TEMP].map(|signal| Item::vital(lookup, signal));
    let oxygen = Item::oxygen(lookup);
    let mentation = Item::mentation(lookup);
    let items = [
        (resp, banded(resp.whole(), &[(8.0, 3), (11.0, 1), (20.0, 0), (24.0, 2)], 3)),
        (spo2, saturation(spo2.whole(), scale, oxygen.is_oxygen())),
        (oxygen, oxygen.is_oxygen().map(|given| if given { 2 } else { 0 })),
        (sbp, banded(sbp.whole(), &[(90.0, 3), (100.0, 2), (110.0, 1), (219.0, 0)], 3)),
        (hr, banded(hr.whole(), &[(40.0, 3), (50.0, 1), (90.0, 0), (110.0, 1), (130.0, 2)], 3)),
        (mentation, mentation.is_altered().map(|altered| if altered { 3 } else { 0 })),
        (temp, banded(temp.tenths(), &[(350.0, 3), (360.0, 1), (380.0, 0), (390.0, 1)], 2)),
    ];
    let any_three = items.iter().any(|(_, points)| *points == Some(3));
    total(&items, |sum| band(sum, any_three))
}

fn band(sum: u8, any_three: bool) -> u8 {
    match sum {
        7.. => 4,
        5..=6 => 3,
        1..=4 if any_three => 2,
        1..=4 => 1,
        0 => 0,
    }
}

/// On scale 2 a saturation from 93 means nothing without knowing whether oxygen is given: the item is then undecided.
fn saturation(spo2: Option<f64>, scale: Scale, oxygen: Option<bool>) -> Option<u8> {
    match scale {
        Scale::One => banded(spo2, &[(91.0, 3), (93.0, 2), (95.0, 1)], 0),
        Scale::Two => match (spo2?, oxygen) {
            (spo2, _) if spo2 <= 92.0 => banded(Some(spo2), &[(83.0, 3), (85.0, 2), (87.0, 1)], 0),
            (spo2, Some(true)) => banded(Some(spo2), &[(94.0, 1), (96.0, 2)], 3),
            (_, Some(false)) => Some(0),
            (_, None) => None,
        },
    }
}
