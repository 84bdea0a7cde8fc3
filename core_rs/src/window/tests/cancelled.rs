//! A11, A12, A13 undo what they name; A40 joins two records.

use super::{H, S, T0, adt, bed, by_bed, by_patient, compiled, entry, merge, patient, ward};
use crate::decode::EncounterKind::{
    Admit, CancelAdmit, CancelDischarge, CancelTransfer, Discharge, Register, Transfer, Update,
};
use crate::decode::{EncounterEvent, EncounterKind, SignalId};
use crate::error::Code;
use crate::window::{Applied, LINGER_US, Moved, Ward};

fn empty() -> Ward {
    ward(&compiled(vec![entry("HR", &["last", "count"], &["1h"])]))
}

/// An event so many minutes after the beginning.
fn say(ward: &mut Ward, kind: EncounterKind, n: u8, place: Option<&str>, minute: i64) -> Result<Moved, Code> {
    let at_us = T0 + minute * 60 * S;
    ward.apply_encounter(&adt(kind, n, place, at_us), at_us).map_err(|refusal| refusal.code)
}

fn watch(ward: &mut Ward, place: &str, minute: i64) -> Result<u8, Code> {
    match ward.apply_observation(&by_bed(place, T0 + minute * 60 * S, 80.0), T0 + minute * 60 * S) {
        Applied::Kept { patient, .. } => Ok(patient.0[0]),
        Applied::DeadLetter(refusal) => Err(refusal.code),
    }
}

fn lies(ward: &Ward, n: u8) -> Option<String> {
    ward.bed_of(ward.slot(patient(n))?).map(|bed| bed.bed.to_string())
}

fn newest(ward: &Ward, n: u8) -> Option<f64> {
    ward.patient(ward.slot(patient(n))?)?.latest(SignalId(0), i64::MAX).map(|(value, _)| value)
}

#[test]
fn a_cancelled_discharge_brings_the_patient_back_with_the_state_as_it_was() {
    let mut ward = empty();
    say(&mut ward, Admit, 1, Some("B1"), 0).unwrap();
    watch(&mut ward, "B1", 1).unwrap();
    assert!(say(&mut ward, Discharge, 1, None, 30).unwrap().left);
    assert_eq!(watch(&mut ward, "B1", 40), Err(Code::EmptyBed));
    let moved = say(&mut ward, CancelDischarge, 1, None, 60).unwrap();
    assert_eq!((moved.here, moved.to, moved.stale), (true, Some(bed("B1")), false));
    assert_eq!(newest(&ward, 1), Some(80.0));
    assert_eq!(watch(&mut ward, "B1", 40), Ok(1), "the patient never left the bed");
    assert!(say(&mut ward, CancelDischarge, 1, None, 60).unwrap().stale, "the same once more");
    assert_eq!(say(&mut ward, CancelDischarge, 1, None, 61).unwrap_err(), Code::NothingToCancel);
    assert!(ward.tick(T0 + 2 * LINGER_US).is_empty(), "nobody who is here is dropped");
    assert!(say(&mut ward, Discharge, 1, None, 50).unwrap().stale, "a discharge from before the cancellation");
}

#[test]
fn a_cancelled_discharge_takes_a_bed_from_nobody_and_needs_its_state() {
    let mut ward = empty();
    say(&mut ward, Admit, 1, Some("B1"), 0).unwrap();
    say(&mut ward, Discharge, 1, None, 10).unwrap();
    say(&mut ward, Admit, 2, Some("B1"), 20).unwrap();
    let moved = say(&mut ward, CancelDischarge, 1, Some("B1"), 30).unwrap();
    assert_eq!((moved.here, moved.to, moved.displaced), (true, None, None));
    assert_eq!(ward.occupant(&bed("B1")), Some(patient(2)));
    assert_eq!(watch(&mut ward, "B1", 15), Ok(2), "within the grace before the newcomer");
    say(&mut ward, Discharge, 1, None, 40).unwrap();
    say(&mut ward, Admit, 1, Some("B2"), 50).unwrap();
    say(&mut ward, CancelAdmit, 1, None, 60).unwrap();
    assert_eq!(say(&mut ward, CancelDischarge, 1, None, 70).unwrap_err(), Code::NothingToCancel, "its state is gone");
    ward.tick(T0 + 2 * LINGER_US);
    assert_eq!(say(&mut ward, CancelDischarge, 1, None, 80).unwrap_err(), Code::UnknownPatient);
}

#[test]
fn a_cancelled_transfer_goes_back_and_its_bed_was_never_the_patients() {
    let mut ward = empty();
    say(&mut ward, Admit, 1, Some("B1"), 0).unwrap();
    say(&mut ward, Transfer, 1, Some("B2"), 60).unwrap();
    let moved = say(&mut ward, CancelTransfer, 1, None, 120).unwrap();
    assert_eq!((moved.from, moved.to, moved.here), (Some(bed("B2")), Some(bed("B1")), true));
    assert_eq!(watch(&mut ward, "B2", 90), Err(Code::EmptyBed));
    assert_eq!(watch(&mut ward, "B1", 90), Ok(1));
    assert!(say(&mut ward, CancelTransfer, 1, None, 120).unwrap().stale);
    assert_eq!(say(&mut ward, CancelTransfer, 1, None, 121).unwrap_err(), Code::NothingToCancel);
    // Where somebody else lies there now, the patient has no bed.
    say(&mut ward, Transfer, 1, Some("B2"), 130).unwrap();
    say(&mut ward, Admit, 2, Some("B1"), 140).unwrap();
    let moved = say(&mut ward, CancelTransfer, 1, Some("B1"), 150).unwrap();
    assert_eq!((moved.to, moved.here, moved.displaced), (None, true, None));
    assert_eq!((watch(&mut ward, "B1", 151), watch(&mut ward, "B2", 151)), (Ok(2), Err(Code::EmptyBed)));
}

#[test]
fn transfers_are_cancelled_newest_first_or_as_named() {
    let mut ward = empty();
    say(&mut ward, Admit, 1, Some("B1"), 0).unwrap();
    for (place, minute) in [("B2", 60), ("B3", 120), ("B4", 180)] {
        say(&mut ward, Transfer, 1, Some(place), minute).unwrap();
    }
    let named = |minute: i64, of: i64| EncounterEvent {
        undoes_at_us: Some(T0 + of * 60 * S),
        ..adt(CancelTransfer, 1, None, T0 + minute * 60 * S)
    };
    // The one in the middle: the patient stays where the newest led.
    assert!(ward.apply_encounter(&named(200, 120), T0 + 200 * 60 * S).unwrap().stale);
    assert_eq!(lies(&ward, 1).as_deref(), Some("B4"));
    say(&mut ward, CancelTransfer, 1, None, 210).unwrap();
    assert_eq!(lies(&ward, 1).as_deref(), Some("B2"), "the bed before, less the one that was cancelled");
    assert_eq!(ward.apply_encounter(&named(220, 10), T0).unwrap_err().code, Code::NothingToCancel);
    // A cancellation from before a newer location comes late: the newer stands, and the transfer is gone all the same.
    say(&mut ward, Transfer, 1, Some("B3"), 300).unwrap();
    say(&mut ward, Update, 1, Some("B4"), 320).unwrap();
    assert!(say(&mut ward, CancelTransfer, 1, None, 310).unwrap().stale);
    assert_eq!(lies(&ward, 1).as_deref(), Some("B4"));
}

#[test]
fn a_cancelled_admission_leaves_nobody_here() {
    let mut ward = empty();
    say(&mut ward, Register, 1, Some("B1"), 0).unwrap();
    say(&mut ward, Admit, 1, Some("B1"), 10).unwrap();
    watch(&mut ward, "B1", 11).unwrap();
    let moved = say(&mut ward, CancelAdmit, 1, None, 20).unwrap();
    assert_eq!((moved.left, moved.here, moved.to), (true, false, None));
    assert_eq!((watch(&mut ward, "B1", 21), ward.occupant(&bed("B1"))), (Err(Code::EmptyBed), None));
    assert!(say(&mut ward, CancelAdmit, 1, None, 20).unwrap().stale);
    assert_eq!(say(&mut ward, CancelAdmit, 1, None, 25).unwrap_err(), Code::NothingToCancel);
    assert!(!say(&mut ward, Transfer, 1, Some("B1"), 30).unwrap().here);
    assert!(say(&mut ward, Admit, 1, Some("B1"), 40).unwrap().readmitted);
    assert_eq!(ward.tick(T0 + 2 * LINGER_US), []);
}

#[test]
fn a_cancellation_before_its_event_keeps_it_from_happening() {
    let mut ward = empty();
    assert_eq!(say(&mut ward, CancelAdmit, 1, None, 20).unwrap_err(), Code::UnknownPatient);
    let moved = say(&mut ward, Admit, 1, Some("B1"), 10).unwrap();
    assert!(moved.stale && !moved.here && moved.to.is_none());
    assert!(say(&mut ward, Admit, 1, Some("B1"), 30).unwrap().here, "a later admission is one");
    assert_eq!(say(&mut ward, CancelDischarge, 1, None, 50).unwrap_err(), Code::NothingToCancel);
    assert!(say(&mut ward, Discharge, 1, None, 40).unwrap().stale);
    assert_eq!(say(&mut ward, CancelTransfer, 1, None, 70).unwrap_err(), Code::NothingToCancel);
    assert!(say(&mut ward, Transfer, 1, Some("B2"), 60).unwrap().stale);
    assert_eq!(lies(&ward, 1).as_deref(), Some("B1"));
    for kind in [CancelTransfer, CancelDischarge] {
        assert_eq!(say(&mut ward, kind, 9, None, 80).unwrap_err(), Code::UnknownPatient);
    }
    assert_eq!(ward.slot(patient(9)), None);
}

#[test]
fn a_retired_name_means_the_survivor_through_chains_and_snapshots() {
    let mut ward = empty();
    say(&mut ward, Admit, 1, Some("B1"), 0).unwrap();
    say(&mut ward, Admit, 2, Some("B2"), 1).unwrap();
    assert_eq!(merge(&mut ward, 1, 2, T0 + H).unwrap().gone, Some(patient(1)));
    assert_eq!((lies(&ward, 2).as_deref(), ward.occupant(&bed("B1"))), (Some("B2"), None), "the newer location");
    assert_eq!(merge(&mut ward, 2, 3, T0 + 2 * H).unwrap().to, Some(bed("B2")), "an unknown survivor takes the record over");
    let bytes = postcard::to_stdvec(&ward).unwrap();
    let mut ward: Ward = postcard::from_bytes(&bytes).unwrap();
    ward.resume(Default::default(), &[]);
    for n in 1..=3 {
        assert_eq!(ward.survivor(patient(n)), patient(3));
        let told = ward.apply_observation(&by_patient(n, T0 + i64::from(n) * H, 90.0), T0 + 3 * H);
        assert!(matches!(told, Applied::Kept { patient: whose, .. } if whose == patient(3)), "{told:?}");
    }
    assert_eq!(watch(&mut ward, "B1", 30), Ok(3), "late data of the former record's bed");
    assert!(say(&mut ward, Discharge, 1, None, 240).unwrap().left, "ADT under the retired name");
    assert_eq!((ward.len(), ward.former(patient(3)).count()), (1, 2));
}

#[test]
fn merges_that_cannot_be_are_refused_and_those_of_nobody_are_remembered() {
    let mut ward = empty();
    let code = |told: Result<Moved, crate::error::Refusal>| told.unwrap_err().code;
    assert_eq!(code(merge(&mut ward, 1, 1, T0)), Code::MergeConflict);
    assert_eq!(merge(&mut ward, 1, 2, T0).unwrap().slot, None, "nobody is here, and nobody is made up");
    assert!(merge(&mut ward, 1, 2, T0 + S).unwrap().stale);
    assert_eq!(code(merge(&mut ward, 2, 1, T0)), Code::MergeConflict, "a loop");
    assert_eq!(code(merge(&mut ward, 1, 3, T0)), Code::MergeConflict, "merged into another before");
    assert!(ward.is_empty());
    say(&mut ward, Admit, 1, Some("B1"), 10).unwrap();
    assert_eq!((ward.occupant(&bed("B1")), ward.slot(patient(1))), (Some(patient(2)), None));
}

#[test]
fn who_is_here_under_one_name_is_here() {
    let mut ward = empty();
    // The surviving name was discharged, the former lies here; results alone say nothing of presence.
    say(&mut ward, Admit, 1, Some("B1"), 0).unwrap();
    say(&mut ward, Discharge, 1, None, 10).unwrap();
    say(&mut ward, Admit, 2, Some("B2"), 5).unwrap();
    let moved = merge(&mut ward, 2, 1, T0 + H).unwrap();
    assert_eq!((moved.here, moved.to), (true, Some(bed("B2"))));
    ward.apply_observation(&by_patient(3, T0, 70.0), T0);
    say(&mut ward, Discharge, 1, None, 70).unwrap();
    assert!(!merge(&mut ward, 3, 1, T0 + 2 * H).unwrap().here);
    assert_eq!(newest(&ward, 1), Some(70.0));
}
