//! An event that was cancelled and is told again: it occurred before its cancellation, and was recorded after it.

use super::{H, S, T0, adt, bed, by_patient, compiled, entry, merge, patient, ward};
use crate::decode::EncounterEvent;
use crate::decode::EncounterKind::{
    self, Admit, CancelAdmit, CancelDischarge, CancelTransfer, Discharge, Register, Transfer, Update,
};
use crate::error::Code;
use crate::window::{Applied, Moved, Ward};

fn empty() -> Ward {
    ward(&compiled(vec![entry("HR", &["last"], &[])]))
}

/// Occurred at one minute, recorded and told at another.
fn event(kind: EncounterKind, place: Option<&str>, occurred: i64, recorded: i64) -> EncounterEvent {
    let at = |minute: i64| T0 + minute * 60 * S;
    EncounterEvent {
        recorded_at_us: Some(at(recorded)),
        unit: place.unwrap_or_default().into(),
        ..adt(kind, 1, place, at(occurred))
    }
}

fn say(ward: &mut Ward, kind: EncounterKind, place: Option<&str>, occurred: i64, recorded: i64) -> Moved {
    ward.apply_encounter(&event(kind, place, occurred, recorded), T0 + recorded * 60 * S).unwrap()
}

fn lies(ward: &Ward) -> Option<String> {
    ward.bed_of(ward.slot(patient(1))?).map(|bed| bed.bed.to_string())
}

fn unit(ward: &Ward) -> String {
    ward.patient(ward.slot(patient(1)).unwrap()).unwrap().person().unit.to_string()
}

#[test]
fn p7_who_is_admitted_by_mistake_and_then_in_truth_is_here_since_they_came() {
    for arrival in [Admit, Register] {
        let mut ward = empty();
        say(&mut ward, Admit, Some("B1"), 0, 1);
        let moved = say(&mut ward, CancelAdmit, None, 30, 30);
        assert_eq!((moved.left, moved.undone_since_us), (true, Some(T0)));
        for place in ["B1", "B2"] {
            let moved = say(&mut ward, arrival, Some(place), 5, 40);
            assert_eq!((moved.stale, moved.here, moved.to), (false, true, Some(bed(place))), "{arrival:?}");
        }
        assert_eq!((lies(&ward).as_deref(), unit(&ward).as_str()), (Some("B2"), "B2"));
        let person = ward.patient(ward.slot(patient(1)).unwrap()).unwrap().person();
        assert_eq!(person.unit_entered_at_us, Some(T0 + 300 * S));
    }
}

#[test]
fn p7_a_late_copy_of_the_cancelled_admission_admits_nobody() {
    let mut ward = empty();
    let first = event(Admit, Some("B1"), 0, 1);
    ward.apply_encounter(&first, T0).unwrap();
    say(&mut ward, CancelAdmit, None, 30, 30);
    for copy in [first, event(Register, Some("B1"), 0, 29), event(Transfer, Some("B1"), 20, 21)] {
        let moved = ward.apply_encounter(&copy, T0 + 31 * 60 * S).unwrap();
        assert!(!moved.here && moved.to.is_none() && moved.stale, "{:?}", copy.kind);
    }
    // Nor does one that comes after a cancellation of nothing known.
    let mut ward = empty();
    let late = ward.apply_encounter(&event(CancelAdmit, None, 30, 30), T0 + 30 * 60 * S);
    assert_eq!(late.unwrap_err().code, Code::UnknownPatient);
    assert!(say(&mut ward, Admit, Some("B1"), 0, 29).stale);
    assert!(say(&mut ward, Admit, Some("B1"), 0, 31).here, "recorded since");
}

#[test]
fn p4_an_event_that_may_be_either_is_refused_and_says_why() {
    for (first, cancel, place) in
        [(Admit, CancelAdmit, Some("B1")), (Transfer, CancelTransfer, Some("B2")), (Discharge, CancelDischarge, None)]
    {
        let mut ward = empty();
        say(&mut ward, Admit, Some("B1"), 0, 0);
        say(&mut ward, first, place, 10, 10);
        say(&mut ward, cancel, None, 30, 30);
        let undated = EncounterEvent { recorded_at_us: None, ..event(first, place, 12, 40) };
        let refusal = ward.apply_encounter(&undated, T0 + 40 * 60 * S).unwrap_err();
        assert_eq!((refusal.code, refusal.location.as_str()), (Code::MissingTime, "EVN^1^2"), "{first:?}");
        assert!(refusal.detail.contains("EVN-2"));
        // What occurred after the cancellation needs no such word.
        let undated = EncounterEvent { recorded_at_us: None, ..event(first, place, 31, 40) };
        assert!(!ward.apply_encounter(&undated, T0 + 40 * 60 * S).unwrap().stale, "{first:?}");
    }
}

#[test]
fn p7_a_transfer_told_again_moves_as_of_when_it_happened() {
    let mut ward = empty();
    say(&mut ward, Admit, Some("B1"), 0, 0);
    say(&mut ward, Transfer, Some("B2"), 20, 20);
    say(&mut ward, CancelTransfer, Some("B1"), 30, 30);
    assert_eq!((lies(&ward).as_deref(), unit(&ward).as_str()), (Some("B1"), "B1"));
    assert!(say(&mut ward, Transfer, Some("B3"), 25, 26).stale, "recorded before the cancellation");
    assert!(say(&mut ward, Transfer, Some("B3"), -10, 40).stale, "before the location that stands");
    assert_eq!((lies(&ward).as_deref(), unit(&ward).as_str()), (Some("B1"), "B1"));
    let moved = say(&mut ward, Transfer, Some("B2"), 15, 40);
    assert_eq!((moved.stale, moved.to), (false, Some(bed("B2"))));
    assert_eq!(unit(&ward), "B2");
    for (place, minute, whose) in [("B1", 14, Ok(1)), ("B1", 16, Err(Code::EmptyBed)), ("B2", 16, Ok(1))] {
        let told = ward.apply_observation(&super::by_bed(place, T0 + minute * 60 * S, 80.0), T0 + H);
        let found = match told {
            Applied::Kept { patient, .. } => Ok(patient.0[0]),
            Applied::DeadLetter(refusal) => Err(refusal.code),
        };
        assert_eq!(found, whose, "{place} at {minute}");
    }
    assert!(say(&mut ward, Transfer, Some("B4"), 14, 41).stale, "older than where the patient is now");
    say(&mut ward, CancelTransfer, None, 50, 50);
    assert_eq!(lies(&ward).as_deref(), Some("B1"), "it can be cancelled as any other");
}

#[test]
fn p7_a_discharge_told_again_discharges_and_a_late_copy_does_not() {
    let mut ward = empty();
    say(&mut ward, Admit, Some("B1"), 0, 0);
    say(&mut ward, Discharge, None, 20, 20);
    say(&mut ward, CancelDischarge, None, 30, 30);
    let copy = say(&mut ward, Discharge, None, 20, 20);
    assert!(copy.stale && copy.here && !copy.left);
    let left_at_us = |ward: &Ward| ward.patient(ward.slot(patient(1)).unwrap()).unwrap().person().left_at_us;
    assert_eq!(left_at_us(&ward), None, "who is here has not left");
    let again = say(&mut ward, Discharge, None, 25, 40);
    assert!(again.left && !again.here && ward.occupant(&bed("B1")).is_none());
    assert_eq!(left_at_us(&ward), Some(T0 + 25 * 60 * S));
    assert!(say(&mut ward, CancelDischarge, None, 50, 50).here);
    assert_eq!(lies(&ward).as_deref(), Some("B1"));
}

#[test]
fn a_cancellation_means_nothing_that_was_recorded_after_it() {
    let mut ward = empty();
    say(&mut ward, Admit, Some("B1"), 0, 1);
    say(&mut ward, CancelAdmit, None, 30, 30);
    say(&mut ward, Admit, Some("B1"), 5, 40);
    for late in [30, 35] {
        let moved = say(&mut ward, CancelAdmit, None, late, late);
        assert!(moved.stale && moved.here, "recorded at {late}");
    }
    say(&mut ward, Transfer, Some("B2"), 6, 50);
    let before = ward.apply_encounter(&event(CancelTransfer, None, 45, 45), T0 + H).unwrap_err();
    assert_eq!(before.code, Code::NothingToCancel);
    assert!(say(&mut ward, Discharge, None, 46, 60).left);
    assert!(say(&mut ward, CancelDischarge, None, 55, 55).stale);
    assert!(!say(&mut ward, Update, Some("B1"), 61, 61).here);
}

#[test]
fn what_was_told_of_a_cancelled_stay_is_not_told_of_the_next() {
    let mut ward = empty();
    let visit = |event: EncounterEvent, number: &str| EncounterEvent { visit: number.into(), ..event };
    let told = [
        visit(event(Admit, Some("B1"), 0, 1), "V1"),
        visit(event(Update, Some("B1"), 20, 20), "V1"),
        visit(event(CancelAdmit, None, 30, 30), "V1"),
        visit(event(Admit, Some("B1"), 5, 40), "V2"),
        visit(event(Update, Some("B9"), 25, 25), "V1"), // late
    ];
    for event in told {
        ward.apply_encounter(&event, T0 + H).unwrap();
    }
    let found = ward.patient(ward.slot(patient(1)).unwrap()).unwrap();
    assert_eq!((found.visit(), found.person().unit.as_str(), lies(&ward).as_deref()), ("V2", "B1", Some("B1")));
}

#[test]
fn p2_a_merged_record_brings_its_cancellation_with_it() {
    let mut ward = empty();
    say(&mut ward, Admit, Some("B1"), 0, 1);
    say(&mut ward, Transfer, Some("B2"), 20, 20);
    say(&mut ward, CancelTransfer, None, 30, 30);
    ward.apply_observation(&by_patient(2, T0, 70.0), T0);
    merge(&mut ward, 1, 2, T0 + 31 * 60 * S).unwrap();
    let bytes = postcard::to_stdvec(&ward).unwrap();
    let mut ward: Ward = postcard::from_bytes(&bytes).unwrap();
    ward.resume(Default::default(), &[]);
    assert!(say(&mut ward, Transfer, Some("B2"), 20, 20).stale);
    assert_eq!(say(&mut ward, Transfer, Some("B2"), 15, 40).to, Some(bed("B2")));
}
