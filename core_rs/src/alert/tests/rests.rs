//! What a condition rests on: what it says of values, what ends it when it is taken back, what lies before a gap or is forgotten.

use super::conditions::{Bedside, S, cleared, opened, shock};
use super::*;
use crate::decode::Status;
use crate::decode::catalogue::{HR, LACTATE, MAP};

#[test]
fn p7_a_trend_sees_what_a_monitor_hands_in_hours_late_and_does_not_clear_by_what_is_forgotten() {
    let mut bedside = Bedside::under(&shock("{ signal = \"HR\", rising_by = 30, within_s = 3600 }", ""));
    bedside.now(0, HR, 60.0);
    let mut told = Vec::new();
    // Back after five hours: its samples in order, each far older than the rule looks back from now.
    for (at_s, place) in (10..5_000).step_by(10).zip(0..) {
        told.extend(bedside.frame(18_000 + place, &[(HR, at_s, 60.0 + (at_s / 100) as f64, Status::Final)]));
    }
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].1, "heart rate 90 /min, 4 h old, up 30 from 60 within 1 h");
    // A rule that is new and looks back further than anything was kept: not risen is not known yet.
    let mut fresh = Bedside::under(&shock(
        "{ any = [ { signal = \"HR\", rising_by = 30, within_s = 3600 }, { signal = \"MAP\", below = 65 } ] }",
        "",
    ));
    fresh.ward.keep(Vec::new());
    (0..100).for_each(|place| drop(fresh.now(place * 10, HR, 60.0)));
    fresh.ward.keep(fresh.engine.policy().looks_back());
    assert_eq!(fresh.now(1_000, MAP, 60.0).len(), 1);
    for at_s in (1_010..4_000).step_by(10) {
        assert_eq!(fresh.frame(at_s, &[(HR, at_s, 60.0, Status::Final), (MAP, at_s, 80.0, Status::Final)]), [], "at {at_s}");
    }
    let known = (4_000..6_000).step_by(10);
    let cleared =
        known.map(|at_s| fresh.frame(at_s, &[(HR, at_s, 60.0, Status::Final), (MAP, at_s, 80.0, Status::Final)]).len());
    assert_eq!(cleared.sum::<usize>(), 1);
}

#[test]
fn p7_a_correction_of_something_else_ends_no_alert_and_passes_over_no_evaluation() {
    let not_yet = vec![];
    let text = shock("{ signal = \"MAP\", below = 65, clear = 70 }", "clear_evaluations = 3");
    let withdrawn = cleared("the values it rested on were withdrawn");
    // A corrected report says an old result again and brings a new one: the old one is from before, of the same side, the same.
    for (old_s, old, repeated) in [(0, 90.0, 92.0), (20, 60.0, 58.0), (20, 60.0, 60.0)] {
        let mut bedside = Bedside::under(&text);
        bedside.now(0, MAP, 90.0);
        bedside.now(old_s, MAP, old);
        bedside.now(30, MAP, 60.0);
        let report = [(MAP, old_s, repeated, Status::Corrected), (MAP, 40, 80.0, Status::Corrected)];
        assert_eq!(bedside.frame(40, &report), not_yet, "{old} to {repeated}");
        assert_eq!(bedside.now(50, MAP, 80.0), not_yet);
        assert_eq!(bedside.now(60, MAP, 80.0), cleared("no longer: mean arterial pressure 80 mmHg, 0 s old, not below 65"));
    }
    // What it rested on turns out otherwise, and a new value comes along.
    let mut bedside = Bedside::under(&text);
    bedside.now(0, MAP, 60.0);
    let report = [(MAP, 0, 80.0, Status::Corrected), (MAP, 40, 80.0, Status::Corrected)];
    assert_eq!(bedside.frame(40, &report), withdrawn);
    // Of a trend counts what lies within its time.
    let rise = shock("{ signal = \"Lactate\", rising_by = 2.0, within_s = 3600 }", "clear_evaluations = 3");
    for (old_s, ends) in [(1_000, false), (3_000, true)] {
        let mut bedside = Bedside::under(&rise);
        bedside.now(1_000, LACTATE, 1.0);
        bedside.now(3_000, LACTATE, 1.0);
        assert_eq!(bedside.now(6_000, LACTATE, 4.0).len(), 1);
        let report =
            [(LACTATE, old_s, 3.9, Status::Corrected), (LACTATE, 6_010, 4.0 - f64::from(u8::from(!ends)) * 2.0, Status::Final)];
        let expected = if ends { withdrawn.clone() } else { vec![] };
        assert_eq!(bedside.frame(6_010, &report), expected, "corrected at {old_s}");
    }
}

#[test]
fn p7_a_reason_says_of_values_between_the_thresholds_that_they_are_and_since_when() {
    let text = shock(
        "{ all = [ { signal = \"MAP\", below = 65, clear = 70, for_s = 600 }, { signal = \"Lactate\", above = 2.0 } ] }",
        "",
    );
    let mut bedside = Bedside::under(&text);
    for at_s in (0..600).step_by(60) {
        bedside.now(at_s, MAP, 64.0);
    }
    for at_s in (600..720).step_by(60) {
        bedside.now(at_s, MAP, 67.0);
    }
    let reason = "mean arterial pressure 67 mmHg, 1 min old, below 65 12 min ago and not back to 70; lactate 3.0 mmol/L, 0 s old, above 2";
    assert_eq!(bedside.now(720, LACTATE, 3.0), opened(reason));
    let mut wavering = Bedside::under(&text);
    wavering.now(0, MAP, 64.0);
    wavering.now(300, MAP, 67.0);
    wavering.now(600, MAP, 63.0);
    let reason = "mean arterial pressure 63 mmHg, 1 min old, below 65 and not back to 70 for 11 min; lactate 3.0 mmol/L, 0 s old, above 2";
    assert_eq!(wavering.now(660, LACTATE, 3.0), opened(reason));
    let mut short = Bedside::under(&text);
    short.now(0, LACTATE, 3.0);
    short.now(0, MAP, 64.0);
    assert_eq!(short.tick(600).len(), 1);
    let frame =
        [(MAP, 610, 70.0), (MAP, 615, 64.0), (MAP, 620, 67.0)].map(|(signal, s, value)| (signal, s, value, Status::Final));
    let reason = "no longer: mean arterial pressure 67 mmHg, 0 s old, below 65 only 5 s ago";
    assert_eq!(short.frame(620, &frame), cleared(reason));
    let mut at_once = Bedside::under(&shock("{ signal = \"MAP\", below = 65, clear = 70 }", "enter_evaluations = 2"));
    at_once.now(0, MAP, 64.0);
    assert_eq!(
        at_once.now(60, MAP, 67.0),
        opened("mean arterial pressure 67 mmHg, 0 s old, below 65 1 min ago and not back to 70; 2 times running")
    );
}

#[test]
fn p7_a_value_from_before_a_gap_decides_nothing_about_one_between_the_thresholds() {
    let leaf = "{ signal = \"MAP\", below = 65, clear = 70, stale_s = 3600 }";
    let mut bedside = Bedside::under(&shock(leaf, "units = [\"icu\"]"));
    bedside.unit = "ward";
    bedside.now(0, MAP, 60.0);
    bedside.unit = "icu";
    assert_eq!(bedside.now(18_000, MAP, 67.0), [], "five hours later, in a unit of the rule");
    assert_eq!(bedside.now(18_060, MAP, 67.0), []);
    assert_eq!(bedside.now(18_120, MAP, 64.0).len(), 1);
    // A value that is on, and one that is fresh, still decide.
    let mut fresh = Bedside::under(&shock(leaf, "units = [\"icu\"]"));
    fresh.unit = "ward";
    fresh.now(0, MAP, 60.0);
    fresh.unit = "icu";
    assert_eq!(
        fresh.now(1_800, MAP, 67.0),
        opened("mean arterial pressure 67 mmHg, 0 s old, below 65 30 min ago and not back to 70")
    );
    let mut scored =
        Bedside::under(&shock("{ score = \"news2\", at_least = 5, clear = 2, stale_s = 60 }", "enter_evaluations = 2"));
    let rules = scored.engine.lookout().of_scorer(0);
    scored.frame(0, &[(HR, 0, 80.0, Status::Final)].map(|one| one));
    let slot = scored.ward.slot(patient(1)).unwrap();
    for (at_s, value, opens) in [(0, 6.0, 0), (100, 3.0, 0), (110, 6.0, 0), (120, 3.0, 1)] {
        (scored.at_s, scored.score) = (at_s, Some((value, at_s * S, 7)));
        assert_eq!(scored.look(1, slot, rules, &|_| Default::default()).len(), opens, "at {at_s}");
    }
}
