//! SIRS: Bone et al., ACCP/SCCM consensus, Chest 1992;101:1644. 4 criteria, 0 to 4 points, positive at 2.
//!
//! Temperature above 38 or below 36 C; heart rate above 90; respiratory rate above 20 or PaCO2 below 32 mmHg; leukocytes above
//! 12 or below 4 x 10^9/L or more than 10 % bands. PaCO2 and bands are listed where they are known. Alone they can fulfil
//! their criterion but not rule it out: then it stays undecided and counts as missing. A criterion is one point, borne by the
//! first of its two signals that fulfils it.

use super::item::{Evaluation, Item, banded};
use super::{BLOOD_COUNT_S_MAX, BLOOD_GAS_S_MAX, Definition, Lookup};
use crate::decode::catalogue::{BANDS, HR, PACO2, RESP, TEMP, WBC};
use crate::score::boundary::Inputs;

/// The rule as a scorer.
pub const DEFINITION: Definition = Definition {
    name: "sirs",
    version: "1992",
    title: "SIRS",
    source: "Bone RC et al. Definitions for sepsis and organ failure (ACCP/SCCM). Chest 1992;101:1644.",
    signals: &[TEMP, HR, RESP, PACO2, WBC, BANDS],
    thresholds: &[("positive", 2.0, "systemic inflammatory response")],
    evaluate,
};

/// The score; None where no criterion can be decided.
pub fn evaluate(lookup: Lookup<'_>) -> Option<Evaluation> {
    let [temp, hr, resp] = [TEMP, HR, RESP].map(|signal| Item::vital(lookup, signal));
    let paco2 = Item::take(lookup, PACO2, BLOOD_GAS_S_MAX);
    let [wbc, bands] = [WBC, BANDS].map(|signal| Item::take(lookup, signal, BLOOD_COUNT_S_MAX));
    let wbc_points = wbc.value.map(|count| u8::from(!(4.0..=12.0).contains(&count)));
    let criteria = [
        (temp, banded(temp.tenths(), &[(359.0, 1), (380.0, 0)], 1), None),
        (hr, hr.whole().map(|rate| u8::from(rate > 90.0)), None),
        (resp, resp.whole().map(|rate| u8::from(rate > 20.0)), Some((paco2, paco2.value.map(|pressure| pressure < 32.0)))),
        (wbc, wbc_points, Some((bands, bands.value.map(|share| share > 10.0)))),
    ];
    let (mut sum, mut present, mut inputs) = (0, 0, Inputs::new());
    for (item, points, other) in criteria {
        inputs.push(item.input(points));
        let mut decided = points;
        if let Some((other, fulfilled)) = other.filter(|(other, _)| other.age_s.is_some()) {
            let adds = fulfilled.map(|fulfilled| u8::from(fulfilled && points != Some(1)));
            inputs.push(other.input(adds));
            decided = if adds == Some(1) { adds } else { points };
        }
        sum += decided.unwrap_or(0);
        present += u8::from(decided.is_some());
    }
    (present > 0).then(|| Evaluation { value: f64::from(sum), band: u8::from(sum >= 2), present, expected: 4, inputs })
}
