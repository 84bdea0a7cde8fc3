//! People come, move, merge and go; monitors know beds only.

use super::{H, S, T0, adt, bed, by_bed, by_patient, compiled, entry, merge, patient, ward};
use crate::decode::EncounterKind::{Admit, Discharge, Register, Transfer, Update};
use crate::decode::Status;
use crate::error::Code;
use crate::limits::Limits;
use crate::window::{Applied, Change, GRACE_US, LINGER_US, SETTLED_MAX, UNADMITTED_US, Ward};

fn empty() -> Ward {
    ward(&compiled(vec![entry("HR", &["last", "count"], &["1h"])]))
}

fn whose(applied: Applied) -> Result<u8, Code> {
    match applied {
        Applied::Kept { patient, .. } => Ok(patient.0[0]),
        Applied::DeadLetter(refusal) => Err(refusal.code),
    }
}

fn watch(ward: &mut Ward, place: &str, at_us: i64) -> Result<u8, Code> {
    whose(ward.apply_observation(&by_bed(place, at_us, 80.0), at_us))
}

#[test]
fn an_empty_bed_is_dead_lettered_and_the_same_observation_is_taken_once_somebody_is_admitted() {
    let mut ward = empty();
    assert_eq!(watch(&mut ward, "B1", T0), Err(Code::EmptyBed));
    ward.apply_encounter(&adt(Admit, 1, Some("B1"), T0 + 60 * S), T0 + 61 * S).unwrap();
    assert_eq!(watch(&mut ward, "B1", T0), Ok(1));
    assert_eq!(watch(&mut ward, "B1", T0 + 60 * S - GRACE_US - S), Err(Code::EmptyBed));
    ward.apply_encounter(&adt(Discharge, 1, None, T0 + H), T0 + H).unwrap();
    assert_eq!(watch(&mut ward, "B1", T0 + H + S), Err(Code::EmptyBed));
}

#[test]
fn late_monitor_data_goes_to_who_lay_in_the_bed_then() {
    let mut ward = empty();
    ward.apply_encounter(&adt(Admit, 1, Some("B1"), T0), T0).unwrap();
    ward.apply_encounter(&adt(Transfer, 1, Some("B2"), T0 + H), T0 + H).unwrap();
    ward.apply_encounter(&adt(Admit, 2, Some("B1"), T0 + 2 * H), T0 + 2 * H).unwrap();
    for (at_us, expected) in [
        (T0 + H - S, Ok(1)),
        (T0 + H, Err(Code::EmptyBed)),
        (T0 + 2 * H - GRACE_US, Ok(2)),
        (T0 + 2 * H, Ok(2)),
        (T0 + 3 * H, Ok(2)),
    ] {
        assert_eq!(watch(&mut ward, "B1", at_us), expected, "{}", at_us - T0);
    }
    assert_eq!(watch(&mut ward, "B2", T0 + H), Ok(1));
}

#[test]
fn an_admission_into_an_occupied_bed_displaces_who_lay_there() {
    let mut ward = empty();
    ward.apply_encounter(&adt(Admit, 1, Some("B1"), T0), T0).unwrap();
    let moved = ward.apply_encounter(&adt(Admit, 2, Some("B1"), T0 + H), T0 + H).unwrap();
    assert_eq!((moved.displaced, moved.created), (Some(patient(1)), true));
    assert_eq!(ward.occupant(&bed("B1")), Some(patient(2)));
    assert_eq!(ward.bed_of(ward.slot(patient(1)).unwrap()), None);
    assert_eq!(watch(&mut ward, "B1", T0 + H), Ok(2));
}

#[test]
fn an_older_event_never_overrides_a_newer_location() {
    let mut ward = empty();
    ward.apply_encounter(&adt(Transfer, 1, Some("B2"), T0 + H), T0 + H).unwrap();
    let moved = ward.apply_encounter(&adt(Admit, 1, Some("B1"), T0), T0 + H + S).unwrap();
    assert!(moved.stale);
    assert_eq!(moved.to, Some(bed("B2")));
    // A newcomer's older admission to a bed that was given away since: the later occupant keeps it.
    let moved = ward.apply_encounter(&adt(Admit, 3, Some("B2"), T0 + 60 * S), T0 + 2 * H).unwrap();
    assert_eq!((moved.to, moved.displaced), (None, None));
    assert_eq!(ward.occupant(&bed("B2")), Some(patient(1)));
    assert_eq!(watch(&mut ward, "B2", T0 + 120 * S), Ok(3));
    // A discharge older than the transfer does not empty the bed.
    let moved = ward.apply_encounter(&adt(Discharge, 1, None, T0 + 10 * S), T0 + 2 * H).unwrap();
    assert!(moved.stale && !moved.left);
    assert_eq!(ward.occupant(&bed("B2")), Some(patient(1)));
}

#[test]
fn register_needs_no_bed_and_update_restates_without_bringing_anybody_back() {
    let mut ward = empty();
    let moved = ward.apply_encounter(&adt(Register, 1, None, T0), T0).unwrap();
    assert_eq!((moved.created, moved.to), (true, None));
    let mut update = adt(Update, 1, Some("B1"), T0 + S);
    (update.sex, update.birth_day, update.visit) = (Some('F'), None, "V7".into());
    assert_eq!(ward.apply_encounter(&update, T0 + S).unwrap().to, Some(bed("B1")));
    let found = ward.patient(ward.slot(patient(1)).unwrap()).unwrap();
    assert_eq!((found.person().sex, found.person().birth_day, found.visit()), (Some('F'), Some(-3_653), "V7"));
    assert!(ward.apply_encounter(&adt(Discharge, 1, None, T0 + 2 * S), T0 + 2 * S).unwrap().left);
    let moved = ward.apply_encounter(&adt(Update, 1, Some("B1"), T0 + 3 * S), T0 + 3 * S).unwrap();
    assert_eq!(moved.to, None);
    assert_eq!(ward.occupant(&bed("B1")), None);
}

#[test]
fn a_new_stay_after_a_discharge_begins_empty_and_a_lingering_state_is_dropped_in_time() {
    let mut ward = empty();
    ward.apply_encounter(&adt(Admit, 1, Some("B1"), T0), T0).unwrap();
    watch(&mut ward, "B1", T0 + S).unwrap();
    ward.apply_encounter(&adt(Discharge, 1, None, T0 + H), T0 + H).unwrap();
    assert_eq!(whose(ward.apply_observation(&by_patient(1, T0 + 2 * S, 81.0), T0 + H + S)), Ok(1), "late results still come");
    let moved = ward.apply_encounter(&adt(Admit, 1, Some("B1"), T0 + 2 * H), T0 + 2 * H).unwrap();
    assert!(moved.readmitted);
    assert_eq!(ward.patient(moved.slot.unwrap()).unwrap().latest(crate::decode::SignalId(0), T0 + 2 * H), None);
    ward.apply_encounter(&adt(Discharge, 1, None, T0 + 3 * H), T0 + 3 * H).unwrap();
    assert!(ward.tick(T0 + 3 * H + LINGER_US - S).is_empty());
    assert_eq!(ward.tick(T0 + 3 * H + LINGER_US + 60 * S), [patient(1)]);
    assert!(ward.is_empty());
    assert_eq!(watch(&mut ward, "B1", T0 + 2 * H + S), Err(Code::EmptyBed), "who lay there has left");
}

#[test]
fn a_patient_named_without_an_admission_is_taken_in_and_leaves_when_nothing_more_comes() {
    let mut ward = empty();
    assert_eq!(whose(ward.apply_observation(&by_patient(1, T0, 80.0), T0)), Ok(1));
    ward.apply_encounter(&adt(Admit, 2, Some("B1"), T0), T0).unwrap();
    assert_eq!(ward.tick(T0 + UNADMITTED_US), [patient(1)]);
    assert_eq!(ward.len(), 1, "who is admitted stays, however silent");
}

#[test]
fn slots_are_used_again_and_never_shared() {
    let mut ward = empty();
    ward.apply_encounter(&adt(Admit, 1, Some("B1"), T0), T0).unwrap();
    let slot = ward.slot(patient(1)).unwrap();
    assert!(ward.remove(patient(1), T0 + S));
    ward.apply_encounter(&adt(Admit, 2, Some("B2"), T0 + 2 * S), T0 + 2 * S).unwrap();
    assert_eq!(ward.slot(patient(2)), Some(slot));
    assert_eq!(watch(&mut ward, "B1", T0), Err(Code::EmptyBed), "the slot's new patient never lay there");
}

#[test]
fn patients_beyond_the_limit_are_refused_and_those_present_go_on() {
    let mut ward = Ward::new(Limits { patients_max: 2, ..Limits::default() }, &[]);
    for n in 1..=2 {
        assert_eq!(whose(ward.apply_observation(&by_patient(n, T0, 80.0), T0)), Ok(n));
    }
    assert_eq!(whose(ward.apply_observation(&by_patient(3, T0, 80.0), T0)), Err(Code::PatientLimit));
    assert_eq!(ward.apply_encounter(&adt(Admit, 3, Some("B1"), T0), T0).unwrap_err().code, Code::PatientLimit);
    assert_eq!(whose(ward.apply_observation(&by_patient(2, T0 + S, 80.0), T0)), Ok(2));
}

#[test]
fn merged_patients_share_one_history_and_one_bed() {
    let plan = compiled(vec![entry("HR", &["last", "count", "mean"], &["1h"])]);
    let mut ward = ward(&plan);
    ward.apply_encounter(&adt(Admit, 1, Some("B1"), T0), T0).unwrap();
    for n in 0..40 {
        ward.apply_observation(&by_patient(1, T0 + n * 60 * S, 80.0), T0 + n * 60 * S);
        ward.apply_observation(&by_patient(2, T0 + (n * 60 + 30) * S, 90.0), T0 + n * 60 * S);
    }
    let t_us = T0 + 40 * 60 * S;
    assert_eq!(merge(&mut ward, 1, 2, t_us).unwrap().gone, Some(patient(1)));
    assert!(merge(&mut ward, 1, 2, t_us).unwrap().stale, "the same once more does nothing");
    let slot = ward.slot(patient(2)).unwrap();
    let mut row = [0.0f32; 3];
    ward.row(slot, &plan, t_us, &mut row);
    assert_eq!(row, [90.0, 80.0, 85.0]);
    assert_eq!(ward.bed_of(slot), Some(&bed("B1")));
    assert_eq!(watch(&mut ward, "B1", t_us), Ok(2));
}

/// What becomes of a value of one time; None where it is refused.
fn word(ward: &mut Ward, value: f64, status: Status) -> Result<Change, Code> {
    let value = if status == Status::Withdrawn { f64::NAN } else { value };
    let mut observation = by_patient(1, T0, value);
    observation.status = status;
    match ward.apply_observation(&observation, T0) {
        Applied::Kept { change, .. } => Ok(change),
        Applied::DeadLetter(refusal) => Err(refusal.code),
    }
}

#[test]
fn corrections_and_withdrawals_are_told_apart() {
    let mut ward = empty();
    assert_eq!(word(&mut ward, 80.0, Status::Preliminary), Ok(Change::Added));
    assert_eq!(word(&mut ward, 80.0, Status::Final), Ok(Change::Duplicate));
    assert_eq!(word(&mut ward, 81.0, Status::Final), Ok(Change::Replaced));
    assert_eq!(word(&mut ward, 82.0, Status::Corrected), Ok(Change::Replaced));
    assert_eq!(word(&mut ward, 83.0, Status::Corrected), Ok(Change::Replaced));
    assert_eq!(word(&mut ward, 83.0, Status::Corrected), Ok(Change::Duplicate));
    assert_eq!(word(&mut ward, 0.0, Status::Withdrawn), Ok(Change::Withdrawn));
    assert_eq!(word(&mut ward, 0.0, Status::Withdrawn), Ok(Change::Duplicate));
    assert_eq!(word(&mut ward, 84.0, Status::Corrected), Ok(Change::Added), "a correction stands against a withdrawal");
}

#[test]
fn p7_an_original_that_comes_after_its_correction_changes_nothing() {
    let mut ward = empty();
    assert_eq!(word(&mut ward, 0.0, Status::Withdrawn), Ok(Change::NoMatch));
    assert_eq!(word(&mut ward, 80.0, Status::Final), Err(Code::Superseded));
    assert_eq!(word(&mut ward, 82.0, Status::Corrected), Ok(Change::Added));
    for status in [Status::Final, Status::Preliminary] {
        assert_eq!(word(&mut ward, 80.0, status), Err(Code::Superseded));
    }
    assert_eq!(word(&mut ward, 82.0, Status::Final), Ok(Change::Duplicate));
    let found = ward.patient(ward.slot(patient(1)).unwrap()).unwrap();
    assert_eq!(found.latest(crate::decode::SignalId(0), T0), Some((82.0, T0)));
}

#[test]
fn p4_a_correction_of_what_is_folded_is_refused_and_a_late_value_is_not() {
    let mut paned = entry("HR", &["mean"], &["6h"]);
    paned.pane = Some("5m".into());
    let plan = compiled(vec![paned]);
    let mut ward = ward(&plan);
    for n in 0..3 * 3_600 {
        ward.apply_observation(&by_patient(1, T0 + n * S, 80.0), T0 + n * S);
    }
    let now_us = T0 + 3 * H;
    for status in [Status::Corrected, Status::Withdrawn] {
        let mut observation = by_patient(1, T0 + 60 * S, 200.0);
        observation.status = status;
        assert_eq!(whose(ward.apply_observation(&observation, now_us)), Err(Code::TooLate));
    }
    let late = ward.apply_observation(&by_patient(1, T0 + 60 * S + 1, 81.0), now_us);
    assert!(matches!(late, Applied::Kept { change: Change::Expired, .. }), "{late:?}");
    let mut row = [0.0f32];
    ward.row(ward.slot(patient(1)).unwrap(), &plan, now_us, &mut row);
    assert_eq!(row, [80.0]);
}

#[test]
fn what_corrections_have_settled_is_remembered_within_its_limit() {
    let mut ward = Ward::new(Limits::default(), &[compiled(vec![entry("HR", &["count"], &["168h"])])]);
    let mut say = |n: i64, status: Status| {
        let mut observation = by_patient(1, T0 + n * S, 80.0);
        observation.status = status;
        whose(ward.apply_observation(&observation, T0 + H))
    };
    for n in 0..=SETTLED_MAX as i64 {
        assert_eq!(say(n, Status::Withdrawn), Ok(1));
    }
    assert_eq!(say(1, Status::Final), Err(Code::Superseded));
    assert_eq!(say(0, Status::Final), Ok(1), "the oldest is forgotten");
}

#[test]
fn recent_points_and_memory_are_told() {
    let mut ward = empty();
    for n in 0..10 {
        ward.apply_observation(&by_patient(1, T0 + n * S, n as f64), T0 + n * S);
    }
    let found = ward.patient(ward.slot(patient(1)).unwrap()).unwrap();
    let values = |n| found.recent(crate::decode::SignalId(0), T0 + 7 * S, n).iter().map(|s| s.value).collect::<Vec<_>>();
    assert_eq!(values(3), [5.0, 6.0, 7.0]);
    assert_eq!(values(100).len(), 8);
    assert!(ward.bytes() > found.bytes() && found.bytes() > 10 * 16);
}
