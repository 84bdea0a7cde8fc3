//! At `patients_max`: who makes room, and who never does.

use super::super::room::SILENT_US;
use super::super::{Applied, Ward};
use super::{adt, bed, by_patient, patient};
use crate::decode::{EncounterKind, PatientId};
use crate::error::Code;
use crate::limits::Limits;

const DAY_US: i64 = SILENT_US / 7;

fn hear(ward: &mut Ward, n: u8, at_us: i64) -> Result<PatientId, Code> {
    match ward.apply_observation(&by_patient(n, at_us, 80.0), at_us) {
        Applied::Kept { patient, .. } => Ok(patient),
        Applied::DeadLetter(refusal) => Err(refusal.code),
    }
}

/// Three patients, all there is room for, heard of last at these times.
fn full(heard: [i64; 3]) -> Ward {
    let mut ward = Ward::new(Limits { patients_max: 3, ..Limits::default() }, &[]);
    for (n, at_us) in (1..).zip(heard) {
        hear(&mut ward, n, at_us).unwrap();
    }
    ward
}

#[test]
fn p5_the_patient_silent_longest_makes_room_for_who_is_here_now() {
    let mut ward = full([2 * DAY_US, DAY_US, 3 * DAY_US]);
    assert_eq!(hear(&mut ward, 4, 8 * DAY_US - 1), Err(Code::PatientLimit), "a week is not over for anybody");
    assert_eq!(ward.made_room(), []);
    assert_eq!(hear(&mut ward, 4, 8 * DAY_US), Ok(patient(4)));
    assert_eq!(ward.made_room(), [(patient(2), None)]);
    assert_eq!(hear(&mut ward, 2, 8 * DAY_US), Err(Code::PatientLimit), "the next has a day left");
    assert_eq!(hear(&mut ward, 2, 9 * DAY_US), Ok(patient(2)), "known anew");
    assert_eq!(ward.made_room(), [(patient(1), None)]);
    assert_eq!(ward.len(), 3);
}

#[test]
fn p5_nobody_goes_who_was_heard_of_within_a_week_however_many_come() {
    let mut ward = full([0, 0, 0]);
    for n in 1..=3 {
        hear(&mut ward, n, 30 * DAY_US).unwrap();
    }
    for n in 5..=9 {
        assert_eq!(hear(&mut ward, n, 37 * DAY_US - 1), Err(Code::PatientLimit));
    }
    assert_eq!(ward.made_room(), []);
    // A clock that went back makes somebody known who is silent already: they are found all the same.
    ward.remove(patient(3), 37 * DAY_US);
    hear(&mut ward, 4, DAY_US).unwrap();
    assert_eq!(hear(&mut ward, 5, 36 * DAY_US), Ok(patient(5)));
    assert_eq!(ward.made_room(), [(patient(4), None)]);
}

#[test]
fn the_choice_is_the_same_after_a_snapshot() {
    let mut ward = full([2 * DAY_US, DAY_US, DAY_US]);
    assert_eq!(hear(&mut ward, 4, 2 * DAY_US), Err(Code::PatientLimit));
    let mut read: Ward = postcard::from_bytes(&postcard::to_allocvec(&ward).unwrap()).unwrap();
    read.resume(ward.limits, &[]);
    for mut ward in [ward, read] {
        assert_eq!(hear(&mut ward, 4, 9 * DAY_US), Ok(patient(4)));
        assert_eq!(ward.made_room(), [(patient(2), None)]);
    }
}

#[test]
fn whoever_goes_leaves_an_empty_bed_to_the_newcomer() {
    let mut ward = Ward::new(Limits { patients_max: 1, ..Limits::default() }, &[]);
    ward.apply_encounter(&adt(EncounterKind::Admit, 1, Some("B1"), 0), 0).unwrap();
    let moved = ward.apply_encounter(&adt(EncounterKind::Admit, 2, Some("B1"), SILENT_US), SILENT_US).unwrap();
    assert_eq!(ward.made_room(), [(patient(1), Some(bed("B1")))]);
    assert_eq!((moved.displaced, ward.occupant(&bed("B1"))), (None, Some(patient(2))));
}
