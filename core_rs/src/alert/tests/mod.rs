//! The alert stage against its definition: by hand for each rule of the policy's language, and against a naive model.

use proptest::prelude::*;

mod answers;
mod away;
mod changes;
mod conditions;
mod invariants;
mod moves;
mod promises;
mod quiet;
mod rests;
mod when;

use super::*;
use crate::decode::{BedKey, PatientId};
use crate::score::{Contribution, Score, Why};

const SCORERS: [&str; 4] = ["news2", "qsofa", "sepsis", "deterioration"];

fn policy(text: &str) -> Policy {
    Policy::parse(text, &SCORERS).unwrap()
}

fn rule(extra: &str) -> String {
    format!(
        "[[rule]]\nname = \"high\"\nscore = \"news2\"\nlabel = \"NEWS2\"\nseverity = \"high\"\nenter = 7\nclear = 4\n{extra}\n"
    )
}

fn patient(number: u8) -> PatientId {
    PatientId([number; 16])
}

fn bed(unit: &str) -> BedKey {
    BedKey { unit: unit.into(), bed: "1".into() }
}

/// A NEWS2 score of patient 1 in frame `seq`, which was received at second `seq`.
fn news2(seq: u64, value: f64, present: u8) -> Score {
    Score {
        seq,
        ordinal: 0,
        patient: patient(1),
        scorer: 0,
        at_us: seq as i64 * 1_000_000,
        raw: value,
        value,
        present,
        expected: 7,
        band: 0,
        inputs: Default::default(),
        features: Vec::new(),
    }
}

fn no_explanation(_: &Score) -> Why {
    Why::default()
}

/// Feeds NEWS2 values in frames 1, 2, 3... and returns (seq, opened) of the events.
fn run(engine: &mut AlertEngine, values: &[f64]) -> Vec<(u64, bool)> {
    let mut out = Vec::new();
    for (value, seq) in values.iter().zip(1..) {
        engine.on_score(&news2(seq, *value, 7), None, &mut no_explanation, &mut out);
    }
    out.iter().map(|event| (event.seq, event.kind == AlertKind::Opened)).collect()
}

#[test]
fn an_alert_opens_at_enter_and_clears_at_clear_and_says_why() {
    let mut engine = AlertEngine::new(policy(&rule("")), 10);
    let mut out = Vec::new();
    let mut explained = 0;
    let mut explainer = |score: &Score| {
        explained += 1;
        Why { contributions: vec![Contribution { feature: "resp".into(), value: 30.0, share: score.value }], ..Why::default() }
    };
    for (value, seq) in [6.0, 7.0, 5.0, 4.0].into_iter().zip(1..) {
        engine.on_score(&news2(seq, value, 7), Some(&bed("icu")), &mut explainer, &mut out);
    }
    let [opened, cleared] = &out[..] else { panic!("{out:?}") };
    assert_eq!(opened.reason, "NEWS2 7 reached 7 (7 of 7 items)");
    assert_eq!(cleared.reason, "NEWS2 4 fell to 4 or less (7 of 7 items)");
    assert_eq!((opened.seq, opened.ordinal, opened.alert_id, opened.at_us), (2, 0, 2 << 16, 2_000_000));
    assert_eq!((cleared.seq, cleared.alert_id, cleared.kind), (4, opened.alert_id, AlertKind::Cleared));
    assert_eq!((opened.severity, opened.bed.clone(), opened.why.contributions.len()), (Severity::High, Some(bed("icu")), 1));
    assert_eq!((explained, cleared.why.contributions.len()), (1, 0), "only openings are explained");
    let counters = RuleCounters { opened: 1, cleared: 1, suppressed_lockout: 0 };
    assert_eq!(engine.counters().collect::<Vec<_>>(), vec![("high", counters)]);
}

#[test]
fn crossings_must_run_for_k_to_open_and_m_to_clear() {
    let mut engine = AlertEngine::new(policy(&rule("enter_evaluations = 3\nclear_evaluations = 2")), 10);
    let values = [7.0, 8.0, 6.0, 7.0, 7.0, 7.0, 4.0, 5.0, 4.0, 3.0];
    assert_eq!(run(&mut engine, &values), vec![(6, true), (10, false)]);
    let mut out = Vec::new();
    for seq in 20..23 {
        engine.on_score(&news2(seq, 7.0, 6), None, &mut no_explanation, &mut out);
    }
    assert_eq!(out[0].reason, "NEWS2 7 reached 7, 3 times running (6 of 7 items)");
}

#[test]
fn within_the_lock_out_nothing_opens_and_after_it_what_still_holds_does() {
    let mut engine = AlertEngine::new(policy(&rule("lockout_s = 5")), 10);
    let values = [7.0, 4.0, 7.0, 7.0, 7.0, 7.0, 7.0];
    assert_eq!(run(&mut engine, &values), vec![(1, true), (2, false), (7, true)]);
    assert_eq!(engine.counters().next().unwrap().1.suppressed_lockout, 1, "one opening was suppressed, not five");
}

#[test]
fn missing_inputs_neither_open_below_min_present_nor_count_as_recovery() {
    let mut engine = AlertEngine::new(policy(&rule("min_present = 3\nclear_min_present = 6")), 10);
    let mut out = Vec::new();
    let mut step = |seq, value, present| {
        engine.on_score(&news2(seq, value, present), None, &mut no_explanation, &mut out);
        out.len()
    };
    assert_eq!(step(1, 9.0, 2), 0);
    assert_eq!(step(2, f64::NAN, 7), 0);
    assert_eq!(step(3, 9.0, 3), 1);
    assert_eq!(step(4, 0.0, 5), 1, "a score that fell because its inputs went missing is no recovery");
    assert_eq!(step(5, f64::NAN, 7), 1);
    assert_eq!(step(6, 4.0, 6), 2);
}

#[test]
fn a_rule_for_units_sees_only_those_and_clears_when_the_patient_is_moved_out() {
    let mut engine = AlertEngine::new(policy(&rule("units = [\"icu\"]")), 10);
    let mut out = Vec::new();
    for (seq, unit) in [(1, None), (2, Some(bed("ward"))), (3, Some(bed("icu"))), (4, Some(bed("ward")))] {
        engine.on_score(&news2(seq, 9.0, 7), unit.as_ref(), &mut no_explanation, &mut out);
    }
    assert_eq!(out.iter().map(|event| event.seq).collect::<Vec<_>>(), vec![3, 4]);
    assert_eq!(out[1].reason, "the patient was moved out of the rule's units");
}

#[test]
fn leaving_clears_all_alerts_of_the_patient_with_ids_of_their_own() {
    let text = rule("") + "[[rule]]\nname = \"medium\"\nscore = \"news2\"\nseverity = \"medium\"\nenter = 5\nclear = 3\n";
    let mut engine = AlertEngine::new(policy(&text), 10);
    let mut out = Vec::new();
    engine.on_score(&news2(9, 8.0, 7), Some(&bed("icu")), &mut no_explanation, &mut out);
    engine.on_left(patient(2), Departure::Left, (10, 10_000_000), &mut out);
    assert_eq!((out.len(), engine.open_alerts()), (2, 2));
    engine.on_left(patient(1), Departure::Left, (10, 10_000_000), &mut out);
    let ids: Vec<_> = out.iter().map(|event| (event.seq, event.ordinal, event.alert_id)).collect();
    assert_eq!(ids, vec![(9, 0, 9 << 16), (9, 1, 9 << 16 | 1), (10, 0, 9 << 16), (10, 1, 9 << 16 | 1)]);
    assert_eq!((out[2].bed.clone(), out[2].value, out[2].reason.as_str()), (Some(bed("icu")), 8.0, "the patient left"));
    assert_eq!((engine.open_alerts(), engine.patients()), (0, 0));
}

#[test]
fn p7_an_alert_whose_values_were_withdrawn_ends_and_says_so() {
    let mut engine = AlertEngine::new(policy(&rule("lockout_s = 10")), 10);
    let mut out = Vec::new();
    engine.on_score(&news2(9, 8.0, 7), Some(&bed("icu")), &mut no_explanation, &mut out);
    engine.on_withdrawn(patient(1), 1, (10, 10_000_000), &mut out);
    assert_eq!(engine.open_alerts(), 1, "another scorer fell silent");
    engine.on_withdrawn(patient(1), 0, (10, 10_000_000), &mut out);
    engine.on_withdrawn(patient(1), 0, (11, 11_000_000), &mut out);
    assert_eq!((out.len(), out[1].reason.as_str()), (2, "the values it rested on were withdrawn"));
    for (why, reason) in [
        (Departure::AdmissionCancelled, "the admission was cancelled"),
        (Departure::Merged, "the record was merged into another"),
    ] {
        out.clear();
        engine.on_score(&news2(99, 8.0, 7), Some(&bed("icu")), &mut no_explanation, &mut out);
        engine.on_left(patient(1), why, (100, 100_000_000), &mut out);
        assert_eq!((out.len(), out[1].reason.as_str()), (2, reason));
    }
}

#[test]
fn state_is_bounded_and_forgotten_when_nothing_of_it_matters() {
    let mut engine = AlertEngine::new(policy(&rule("lockout_s = 10")), 2);
    let mut out = Vec::new();
    for number in 1..=3 {
        let score = Score { patient: patient(number), ..news2(1, 9.0, 7) };
        engine.on_score(&score, None, &mut no_explanation, &mut out);
    }
    assert_eq!((out.len(), engine.patients(), engine.over_limit()), (2, 2, 1));
    for number in 1..=2 {
        let score = Score { patient: patient(number), ..news2(2, 0.0, 7) };
        engine.on_score(&score, None, &mut no_explanation, &mut out);
    }
    engine.on_tick((11, 11_000_000), 0, &mut out);
    assert_eq!(engine.patients(), 2, "locked out until second 12");
    engine.on_tick((12, 12_000_000), 0, &mut out);
    assert_eq!((engine.patients(), out.len()), (0, 4));
}

#[test]
fn a_changed_policy_keeps_open_alerts_by_name_and_clears_those_of_removed_rules() {
    let text = rule("") + "[[rule]]\nname = \"gone\"\nscore = \"news2\"\nseverity = \"low\"\nenter = 5\nclear = 3\n";
    let mut engine = AlertEngine::new(policy(&text), 10);
    let mut out = Vec::new();
    engine.on_score(&news2(1, 8.0, 7), None, &mut no_explanation, &mut out);
    let stored = postcard::to_stdvec(engine.state()).unwrap();
    let new_first = "[[rule]]\nname = \"new\"\nscore = \"qsofa\"\nseverity = \"low\"\nenter = 2\nclear = 0\n".to_owned();
    let state = postcard::from_bytes(&stored).unwrap();
    let mut engine = AlertEngine::restore(policy(&(new_first + &rule(""))), 10, state);
    out.clear();
    engine.on_tick((2, 2_000_000), 0, &mut out);
    let [gone] = &out[..] else { panic!("{out:?}") };
    assert_eq!((gone.rule.as_str(), gone.kind, gone.severity), ("gone", AlertKind::Cleared, Severity::Low));
    engine.on_score(&news2(3, 4.0, 7), None, &mut no_explanation, &mut out);
    assert_eq!((out.len(), out[1].rule.as_str(), out[1].alert_id), (2, "high", 1 << 16));
    assert_eq!(engine.open_alerts(), 0);
}

#[test]
fn a_wrong_policy_is_refused_with_its_line() {
    let cases = [
        ("lookout_s = 5", 8, "unknown field"),
        ("clear_evaluations = 0", 8, "clear_evaluations is 1 to"),
        ("lockout_s = 9999999", 8, "lockout_s is 0 to"),
        ("units = 5", 8, "invalid type"),
        ("optional = maybe", 8, ""),
        ("[[rule]]\nname = \"high\"\nscore = \"news2\"\nseverity = \"low\"\nenter = 2\nclear = 1", 9, "used twice"),
        ("[[rule]]\nname = \"No\"\nscore = \"news2\"\nseverity = \"low\"\nenter = 2\nclear = 1", 9, "a-z"),
        ("[[rule]]\nname = \"x\"\nscore = \"mews\"\nseverity = \"low\"\nenter = 2\nclear = 1", 10, "no score \"mews\""),
        ("[[rule]]\nname = \"x\"\nscore = \"news2\"\nseverity = \"red\"\nenter = 2\nclear = 1", 11, "unknown variant"),
        ("[[rule]]\nname = \"x\"\nscore = \"news2\"\nseverity = \"low\"\nenter = nan\nclear = 1", 12, "finite"),
        ("[[rule]]\nname = \"x\"\nscore = \"news2\"\nseverity = \"low\"\nenter = 2\nclear = 2", 13, "less than enter"),
        ("[[rule]]\nname = \"x\"\nscore = \"news2\"\nseverity = \"low\"\nenter = 2", 8, "missing field"),
        ("[other]\na = 1", 8, "unknown field"),
        ("cause = \"News 2\"", 8, "a cause has 1 to"),
        ("downgrade_s = 90000", 8, "downgrade_s is 0 to"),
        ("[[escalation]]\nseverity = \"high\"\nsteps = []", 10, "1 to 8 steps"),
        (
            "[[escalation]]\nseverity = \"high\"\nsteps = [\n{after_s = 5, to = \"nurse\"},\n{after_s = 5, to = \"sre\"}]",
            12,
            "more than that",
        ),
        ("[[escalation]]\nseverity = \"high\"\nsteps = [{after_s = 5, to = \"device\"}]", 10, "is none of"),
        ("[[escalation]]\nseverity = \"high\"\nsteps = [{after_s = 5, to = \"nurse\"}]\nrepeat_s = 1", 11, "repeat_s is 10 to"),
        ("[[escalation]]\nseverity = \"high\"\nsteps = [{after_s = 5, to = \"nurse\"}]\nexpire_s = 5", 11, "expire_s is 6 to"),
        ("[[escalation]]\nseverity = \"high\"\nsteps = [{after_s = 5, to = \"nurse\"}]\nexpires = 5", 11, "unknown field"),
        ("[storm]\nper_minute = 0", 9, "per_minute is 1 to"),
        ("[storm]\nper_minute = 5\nseverities = []", 10, "names none"),
        ("[quiet]\nfrom = \"22:00\"\nto = \"24:00\"", 10, "no time of day"),
        ("[quiet]\nfrom = \"22:00\"\nto = \"22:00\"", 8, "are the same"),
        ("[quiet]\nfrom = \"2200\"\nto = \"06:00\"", 9, "no time of day"),
        ("[technical]\nmonitor_silent_s = 1", 9, "monitor_silent_s is 5 to"),
        ("[technical]\nfeed_silent = 1", 9, "unknown field"),
        ("[[technical.score_stale]]\nscore = \"mews\"\nmin_present = 5\nstale_s = 60", 9, "no score"),
    ];
    for (extra, line, message) in cases {
        let error = Policy::parse(&rule(extra), &SCORERS).unwrap_err();
        assert_eq!(error.line, line, "{extra}: {error}");
        assert!(error.message.contains(message), "{extra}: {error}");
    }
    let many: String = (0..=RULES_MAX).map(|i| rule("").replace("\"high\"\nscore", &format!("\"r{i}\"\nscore"))).collect();
    assert!(Policy::parse(&many, &SCORERS).unwrap_err().message.contains("more than 64"));
}

#[test]
fn the_default_policy_is_valid_with_and_without_the_models() {
    let with = policy(DEFAULT_POLICY_TOML);
    assert_eq!(with.notes, Vec::<String>::new());
    let names: Vec<_> = with.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["news2-high", "news2-medium", "qsofa", "sepsis-high"]);
    let without = Policy::parse(DEFAULT_POLICY_TOML, &SCORERS[..2]).unwrap();
    assert_eq!((without.rules.len(), without.notes.len()), (3, 1));
    for severity in [Severity::High, Severity::Medium, Severity::Technical] {
        let chain = with.escalation.iter().find(|chain| chain.severity == severity && chain.units.is_empty());
        assert!(
            chain.is_some_and(|chain| chain.repeat_s.is_some() && chain.expire_s.is_some()),
            "{severity:?} goes to somebody"
        );
    }
    assert!(with.technical.monitor_silent_s.is_some() && with.technical.feed_silent_s.is_some());
    assert_eq!(with.rules[0].cause, with.rules[1].cause, "NEWS2 is one alert, however high");
}

/// One evaluation of the naive model.
#[derive(Debug, Clone)]
struct Step {
    patient: u8,
    value: f64,
    present: u8,
    at_s: i64,
}

/// What the rule's definition says, from the whole history each time: indices at which it opens and clears.
fn naive(rule: &Rule, steps: &[(usize, &Step)]) -> Vec<(usize, AlertKind)> {
    let mut events = Vec::new();
    let mut open = false;
    let mut locked_until_s = i64::MIN;
    let mut since: Vec<&Step> = Vec::new();
    for (index, step) in steps {
        if step.value.is_nan() || step.present < rule.min_present {
            continue;
        }
        since.push(step);
        let neutral = |step: &&&Step| open && step.value <= rule.clear && step.present < rule.clear_min_present;
        let counted: Vec<_> = since.iter().filter(|step| !neutral(step)).collect();
        let needed = if open { rule.clear_evaluations } else { rule.enter_evaluations } as usize;
        let crossed = |step: &&&&Step| if open { step.value <= rule.clear } else { step.value >= rule.enter };
        let running = counted.len() >= needed && counted.iter().rev().take(needed).filter(crossed).count() == needed;
        if running && (open || step.at_s >= locked_until_s) {
            events.push((*index, if open { AlertKind::Cleared } else { AlertKind::Opened }));
            if open {
                locked_until_s = step.at_s + i64::from(rule.lockout_s);
            }
            open = !open;
            since.clear();
        }
    }
    events
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let value = prop_oneof![9 => (0u8..10).prop_map(f64::from), 1 => Just(f64::NAN)];
    let step = (1u8..4, value, 0u8..8, 0i64..4);
    proptest::collection::vec(step, 0..200).prop_map(|raw| {
        let mut now = 0;
        let later = |(patient, value, present, wait)| {
            now += wait;
            Step { patient, value, present, at_s: now }
        };
        raw.into_iter().map(later).collect()
    })
}

proptest! {
    #[test]
    fn the_engine_does_what_the_definition_says_also_across_a_snapshot(
        steps in steps(), enter in 5u8..9, gap in 1u8..5, k in 1u32..4, m in 1u32..4, lockout in 0u32..20,
        min in 0u8..4, clear_min in 0u8..7, snapshot_at in 0usize..200,
    ) {
        let extra = format!("enter_evaluations = {k}\nclear_evaluations = {m}\nlockout_s = {lockout}\nmin_present = {min}\nclear_min_present = {clear_min}\n");
        let first = rule(&extra).replace("enter = 7\n", &format!("enter = {enter}\n"));
        let text = first.replace("clear = 4\n", &format!("clear = {}\n", enter - gap)) + &rule("").replace("\"high\"\nscore", "\"other\"\nscore");
        let mut engine = AlertEngine::new(policy(&text), 10);
        let mut out = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            if index == snapshot_at {
                let stored = postcard::to_stdvec(engine.state()).unwrap();
                engine = AlertEngine::restore(policy(&text), 10, postcard::from_bytes(&stored).unwrap());
            }
            let score = Score {
                patient: patient(step.patient), at_us: step.at_s * 1_000_000, ..news2(index as u64 + 1, step.value, step.present)
            };
            engine.on_score(&score, None, &mut no_explanation, &mut out);
            if index % 3 == 0 {
                engine.on_tick((index as u64 + 1, step.at_s * 1_000_000), 0, &mut out);
            }
        }
        for rule in &policy(&text).rules {
            for number in 1..4 {
                let history: Vec<_> = steps.iter().enumerate().filter(|(_, step)| step.patient == number).collect();
                let got: Vec<_> = out
                    .iter()
                    .filter(|event| event.rule == rule.name && event.patient == Some(patient(number)))
                    .map(|event| (event.seq as usize - 1, event.kind))
                    .collect();
                prop_assert_eq!(got, naive(rule, &history));
            }
        }
        prop_assert!(out.is_sorted_by_key(|event| (event.seq, event.ordinal)));
        let opened = out.iter().filter(|event| event.kind == AlertKind::Opened).count() as u64;
        prop_assert_eq!(engine.open_alerts(), opened * 2 - out.len() as u64);
    }
}
