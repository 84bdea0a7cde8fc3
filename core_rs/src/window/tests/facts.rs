//! Person, unit and codes: what ADT tells of an encounter, in rows.

use super::{H, NAMES, S, T0, adt, bed, compiled, entry, observation, patient, resolve, ward};
use crate::decode::EncounterKind::{self, Admit, Discharge, Transfer, Update};
use crate::decode::{Coding, Diagnosis, EncounterEvent, Fact, Subject};
use crate::window::{CODED_MAX, CodedSpec, FeaturePlan, PlanSpec, Recording, Ward};

const TIMES: [&str; 4] = ["hours_since_admission", "hours_in_unit", "hours_before_unit", "hours_of_stay"];

fn told(kind: EncounterKind, unit: &str, at_us: i64) -> EncounterEvent {
    EncounterEvent { unit: unit.into(), bed: Some(bed("B1")), ..adt(kind, 1, None, at_us) }
}

fn plan(demographics: &[&str], coded: Vec<CodedSpec>) -> FeaturePlan {
    let demographics = demographics.iter().map(|name| (*name).to_owned()).collect();
    FeaturePlan::compile(&PlanSpec { demographics, coded, ..PlanSpec::default() }, &resolve, &[]).unwrap()
}

fn coded(field: &str, categories: &[&str]) -> CodedSpec {
    CodedSpec {
        field: field.into(),
        categories: categories.iter().map(|text| (*text).to_owned()).collect(),
        ..CodedSpec::default()
    }
}

fn row(ward: &Ward, plan: &FeaturePlan, t_us: i64) -> Vec<f32> {
    let mut row = vec![0.0; plan.width()];
    assert!(ward.row(ward.slot(patient(1)).unwrap(), plan, t_us, &mut row));
    row
}

fn ward_after(events: &[EncounterEvent]) -> Ward {
    let mut ward = ward(&compiled(vec![entry("HR", &["last"], &[])]));
    for event in events {
        ward.apply_encounter(event, event.occurred_at_us).unwrap();
    }
    ward
}

#[test]
fn the_time_in_a_unit_runs_from_the_event_that_named_another_and_an_older_event_changes_nothing() {
    let plan = plan(&TIMES, Vec::new());
    let admission = EncounterEvent { admitted_at_us: Some(T0 - 5 * H), ..told(Admit, "ER", T0) };
    let events = [
        admission,
        told(Transfer, "ICU", T0 + 2 * H),
        told(Update, "ICU", T0 + 3 * H),
        told(Transfer, "ER", T0 + H), // late
        told(Update, "", T0 + 4 * H),
    ];
    for (known, expected) in [
        (1, [10.0, 5.0, 5.0, 10.0]),
        (2, [10.0, 3.0, 7.0, 10.0]),
        (3, [10.0, 3.0, 7.0, 10.0]),
        (4, [10.0, 3.0, 7.0, 10.0]),
        (5, [10.0, 3.0, 7.0, 10.0]),
    ] {
        assert_eq!(row(&ward_after(&events[..known]), &plan, T0 + 5 * H), expected, "{known} events");
    }
}

#[test]
fn a_stay_ends_with_its_discharge_and_the_next_knows_nothing_of_it() {
    let demographics = [TIMES.as_slice(), &["sex_male", "service_medical", "service_surgical", "diagnoses_count"]].concat();
    let plan = plan(&demographics, vec![coded("race", &["W"]), coded("diagnosis_1", &["250"])]);
    let mut admission = told(Admit, "ICU", T0);
    admission.facts.set(Fact::Service, "SUR".into());
    admission.facts.set(Fact::Race, "W".into());
    let mut discharge = told(Discharge, "ICU", T0 + 30 * H);
    discharge.discharged_at_us = Some(T0 + 29 * H);
    discharge.facts.diagnoses = vec![Diagnosis::new("250.83", Coding::Icd9)];
    discharge.facts.diagnoses_count = 9;
    let mut events = vec![admission, discharge];
    let after = row(&ward_after(&events), &plan, T0 + 31 * H);
    assert_eq!(after, [31.0, 31.0, 0.0, 29.0, 1.0, 0.0, 1.0, 9.0, 0.0, 0.0]);
    events.push(told(Admit, "ICU", T0 + 40 * H));
    let again = row(&ward_after(&events), &plan, T0 + 41 * H);
    assert_eq!(again[..5], [1.0, 1.0, 0.0, 1.0, 1.0]);
    assert!(again[5..8].iter().all(|value| value.is_nan()) && again[9].is_nan());
    assert_eq!(again[8], 0.0, "race is the person's");
}

#[test]
fn a_code_is_the_place_of_the_first_category_that_holds_it() {
    let plan = plan(
        &[],
        vec![
            coded("admit_source", &["7,EMER", "1"]),
            coded("diagnosis_1", &["icd9:390-459,785,icd10:I00-I99", "icd9:250.8", "250,E11-E14", "V"]),
            CodedSpec { name: Some("any_renal".into()), ..coded("diagnosis_any", &["580-589,N17-N19"]) },
        ],
    );
    assert_eq!(plan.names(), ["admit_source", "diagnosis_1", "any_renal"]);
    assert_eq!(plan.categorical(), ["admit_source", "diagnosis_1", "any_renal"]);
    let value = |source: &str, diagnoses: &[(&str, Coding)]| {
        let mut event = told(Admit, "W", T0);
        event.facts.set(Fact::AdmitSource, source.into());
        event.facts.diagnoses = diagnoses.iter().map(|(code, coding)| Diagnosis::new(code, *coding)).collect();
        event.facts.diagnoses_count = diagnoses.len() as u32;
        row(&ward_after(&[event]), &plan, T0).iter().map(|value| (!value.is_nan()).then_some(*value)).collect::<Vec<_>>()
    };
    assert_eq!(value("EMER", &[("428.0", Coding::Icd9)]), [Some(0.0), Some(0.0), None]);
    assert_eq!(value("1", &[("785.5", Coding::Other), ("585", Coding::Icd9)]), [Some(1.0), Some(0.0), Some(0.0)]);
    assert_eq!(value("9", &[("428.0", Coding::Other), ("n18.3", Coding::Icd10)]), [None, None, Some(0.0)]);
    assert_eq!(value("", &[("250.83", Coding::Icd9)])[1], Some(1.0));
    assert_eq!(value("", &[("250.83", Coding::Icd10)])[1], Some(2.0));
    assert_eq!(value("", &[("e11.9", Coding::Icd10)])[1], Some(2.0));
    assert_eq!(value("", &[("I50.9", Coding::Icd10)])[1], Some(0.0));
    assert_eq!(value("", &[("V27", Coding::Icd9)])[1], Some(3.0));
    assert_eq!(value("", &[("", Coding::Other)]), [None, None, None]);
}

#[test]
fn each_mistake_in_a_coded_field_is_named_and_any_change_changes_the_fingerprint() {
    let why = |coded: Vec<CodedSpec>| {
        let spec = PlanSpec { coded, demographics: vec!["age_years".into()], ..PlanSpec::default() };
        FeaturePlan::compile(&spec, &resolve, &[]).unwrap_err().0
    };
    for (field, categories, words) in [
        ("mood", vec!["1"], "unknown coded field \"mood\""),
        ("diagnosis_0", vec!["1"], "unknown coded field"),
        ("race", vec![], "0 categories"),
        ("race", vec!["1,,2"], "empty code"),
        ("race", vec!["1,2", "2"], "\"2\" is listed twice"),
        ("diagnosis_1", vec!["459-390"], "no range"),
        ("diagnosis_1", vec!["39-459"], "no range"),
        ("diagnosis_1", vec!["snomed:12"], "no range"),
        ("diagnosis_any", vec!["2*"], "no code"),
    ] {
        assert!(why(vec![coded(field, &categories)]).contains(words), "{field} {categories:?}");
    }
    let labelled = CodedSpec { labels: vec!["one".into(), "two".into()], ..coded("race", &["1"]) };
    assert!(why(vec![labelled]).contains("2 labels for 1 categories"));
    assert!(why(vec![coded("race", &["1"]), coded("race", &["2"])]).contains("race is listed twice"));
    assert!(why(vec![coded("race", &["1"]); CODED_MAX + 1]).contains("more than 32 coded"));
    let print = |categories: &[&str]| plan(&["age_years"], vec![coded("race", categories)]).fingerprint().to_owned();
    assert_ne!(print(&["1", "2"]), print(&["2", "1"]));
    assert_ne!(print(&["1", "2"]), print(&["1,2"]));
}

#[test]
fn p8_a_recording_gives_the_rows_the_ward_gives() {
    let mut spec = PlanSpec { features: vec![entry("HR", &["last", "count"], &["6h", "stay"])], ..PlanSpec::default() };
    spec.demographics = ["age_years", "sex_male"].iter().chain(&TIMES).map(|name| (*name).to_owned()).collect();
    spec.coded = vec![coded("service", &["MED", "SUR"])];
    let plan = std::sync::Arc::new(FeaturePlan::compile(&spec, &resolve, &[]).unwrap());
    let mut medical = told(Admit, "ICU", T0 + 50 * H);
    medical.facts.set(Fact::Service, "MED".into());
    let events = [told(Admit, "ER", T0), told(Transfer, "ICU", T0 + 2 * H), told(Discharge, "", T0 + 40 * H), medical];
    let at: Vec<i64> = (0..60).map(|hour| T0 + hour * H).collect();
    let observed: Vec<i64> = at.iter().flat_map(|t| [*t - 10 * S, *t]).collect();
    let mut live = ward(&plan);
    let mut expected: Vec<Vec<u32>> = Vec::new();
    let (mut next_event, mut next_observation) = (events.iter().peekable(), observed.iter().zip(0..).peekable());
    for t in &at {
        while next_event.peek().is_some() || next_observation.peek().is_some() {
            let told_us = next_event.peek().map_or(i64::MAX, |event| event.occurred_at_us);
            let seen_us = next_observation.peek().map_or(i64::MAX, |(at_us, _)| **at_us);
            if told_us.min(seen_us) > *t {
                break;
            }
            if told_us <= seen_us {
                live.apply_encounter(next_event.next().unwrap(), told_us).unwrap();
            } else {
                let (_, n) = next_observation.next().unwrap();
                live.apply_observation(&observation(Subject::Patient(patient(1)), 0, seen_us, f64::from(n)), seen_us);
            }
        }
        let mut row = vec![0.0; plan.width()];
        if let Some(slot) = live.slot(patient(1)) {
            live.row(slot, &plan, *t, &mut row);
        }
        expected.push(row.iter().map(|value| value.to_bits()).collect());
    }
    // A patient before and one after without rows must not disturb.
    let whose = |mine: usize| [vec![3], vec![5; mine], vec![9]].concat();
    let around = |mine: &[i64]| [vec![T0], mine.to_vec(), vec![T0]].concat();
    let stranger = told(Admit, "X", T0);
    let encounters: Vec<_> = std::iter::once(&stranger).chain(&events).chain([&stranger]).cloned().collect();
    let recording = Recording {
        patient: &whose(observed.len()),
        signal: &vec![0; observed.len() + 2],
        at_us: &around(&observed),
        value: &[vec![7.0], (0..observed.len()).map(|n| n as f64).collect(), vec![7.0]].concat(),
        row_patient: &vec![5; at.len()],
        row_at_us: &at,
        encounter_patient: &whose(events.len()),
        encounters: &encounters,
        known_at_us: &[],
        told_at_us: &[],
    };
    let mut rows: Vec<Vec<u32>> = Vec::new();
    recording.rows(&plan, 1_000, |_, row| rows.push(row.iter().map(|value| value.to_bits()).collect())).unwrap();
    assert_eq!(rows, expected);
    assert_eq!(NAMES[0], "HR");
    let unsorted = Recording { encounter_patient: &[9, 5, 5, 5, 5, 3], ..recording };
    assert!(unsorted.rows(&plan, 1_000, |_, _| ()).unwrap_err().0.contains("sorted"));
}
