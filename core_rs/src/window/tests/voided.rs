//! What a bed's monitor says of a time in a stay that was cancelled: a withdrawal reaches who got the value, nothing else reaches
//! anybody, least of all who lies there next.

use super::{S, T0, adt, by_bed, compiled, entry, merge, patient, ward};
use crate::decode::EncounterKind::{Admit, CancelAdmit, CancelDischarge, CancelTransfer, Discharge, Transfer, Update};
use crate::decode::{EncounterEvent, EncounterKind, SignalId, Status};
use crate::window::{Applied, STAYS_MAX, Ward};

fn empty() -> Ward {
    ward(&compiled(vec![entry("HR", &["last", "count"], &["24h"])]))
}

/// An event that occurred at one minute and was told of at another.
fn told(ward: &mut Ward, kind: EncounterKind, n: u8, place: Option<&str>, minute: i64, at_minute: i64) {
    let (occurred_us, at_us) = (T0 + minute * 60 * S, T0 + at_minute * 60 * S);
    let event = EncounterEvent { recorded_at_us: Some(at_us), ..adt(kind, n, place, occurred_us) };
    assert!(!ward.apply_encounter(&event, at_us).unwrap().stale);
}

fn say(ward: &mut Ward, kind: EncounterKind, n: u8, place: Option<&str>, minute: i64) {
    told(ward, kind, n, place, minute, minute);
}

/// Who is given what the bed says of a minute, or why nobody is.
fn bed_says(ward: &mut Ward, place: &str, minute: i64, status: Status) -> Result<u8, String> {
    let value = if status == Status::Withdrawn { f64::NAN } else { 80.0 + minute as f64 };
    let mut said = by_bed(place, T0 + minute * 60 * S, value);
    said.status = status;
    match ward.apply_observation(&said, T0 + 120 * 60 * S) {
        Applied::Kept { patient, .. } => Ok(patient.0[0]),
        Applied::DeadLetter(refusal) => Err(refusal.detail),
    }
}

fn held(ward: &Ward, n: u8) -> Vec<i64> {
    let found =
        ward.slot(patient(n)).and_then(|slot| ward.patient(slot)).and_then(|patient| patient.vitals().series(SignalId(0)));
    found.map_or_else(Vec::new, |series| series.held().iter().map(|sample| (sample.at_us - T0) / (60 * S)).collect())
}

const CANCELLED: &str = "the stay that held the bed when it was observed was cancelled";

/// Minutes of a bed are nobody's, whatever is said of them; withdrawals reach `whom`.
fn assert_voided(ward: &mut Ward, place: &str, minutes: &[i64], whom: u8) {
    for minute in minutes {
        for status in [Status::Final, Status::Preliminary, Status::Corrected] {
            assert_eq!(bed_says(ward, place, *minute, status), Err(CANCELLED.into()), "{status:?} of minute {minute}");
        }
        assert_eq!(bed_says(ward, place, *minute, Status::Withdrawn), Ok(whom), "minute {minute}");
    }
}

#[test]
fn p7_what_is_said_of_a_cancelled_admission_never_reaches_the_beds_next_patient() {
    let mut ward = empty();
    say(&mut ward, Admit, 1, Some("B1"), 0);
    for minute in [-3, 1] {
        assert_eq!(bed_says(&mut ward, "B1", minute, Status::Final), Ok(1));
    }
    say(&mut ward, CancelAdmit, 1, None, 2);
    say(&mut ward, Admit, 2, Some("B1"), 10);
    assert_eq!(held(&ward, 1), [-3, 1]);
    assert_voided(&mut ward, "B1", &[-3, 1], 1);
    assert_eq!((held(&ward, 1), held(&ward, 2)), (vec![], vec![]), "the withdrawals took effect where the values were");
    // Until the cancellation was known, and as far ahead as a monitor's clock may be, the bed spoke of the first patient.
    assert_voided(&mut ward, "B1", &[2, 6], 1);
    assert_eq!(bed_says(&mut ward, "B1", 7, Status::Final), Ok(2), "the grace reaches back to there");
    assert_eq!(bed_says(&mut ward, "B1", -16, Status::Final), Err("the bed was empty when it was observed".into()));
}

#[test]
fn p7_a_cancelled_transfer_leaves_its_bed_to_nobody_and_the_patient_in_the_one_before() {
    let mut ward = empty();
    say(&mut ward, Admit, 1, Some("B1"), 0);
    say(&mut ward, Transfer, 1, Some("B2"), 20);
    assert_eq!(bed_says(&mut ward, "B2", 21, Status::Final), Ok(1));
    say(&mut ward, CancelTransfer, 1, None, 25);
    say(&mut ward, Admit, 2, Some("B2"), 32);
    assert_voided(&mut ward, "B2", &[6, 21, 29], 1);
    assert_eq!((bed_says(&mut ward, "B2", 30, Status::Final), held(&ward, 1)), (Ok(2), vec![]));
    assert_eq!(bed_says(&mut ward, "B1", 22, Status::Final), Ok(1));
}

#[test]
fn p7_a_cancelled_transfer_also_undoes_where_it_led_to() {
    let mut ward = empty();
    say(&mut ward, Admit, 1, Some("B1"), 0);
    say(&mut ward, Transfer, 1, Some("B2"), 20);
    say(&mut ward, Update, 1, Some("B3"), 30);
    say(&mut ward, Admit, 2, Some("B3"), 40); // displaces
    say(&mut ward, CancelTransfer, 1, None, 50);
    assert_voided(&mut ward, "B2", &[22], 1);
    assert_voided(&mut ward, "B3", &[16, 32], 1);
    assert_eq!(bed_says(&mut ward, "B3", 41, Status::Final), Ok(2));
    assert_eq!(bed_says(&mut ward, "B1", 33, Status::Final), Ok(1));
}

#[test]
fn p7_a_transfer_within_the_bed_cut_off_by_its_cancellation_leaves_the_rest_marked() {
    let mut ward = empty();
    say(&mut ward, Admit, 1, Some("B1"), 0);
    say(&mut ward, Transfer, 1, Some("B1"), 20);
    say(&mut ward, CancelTransfer, 1, Some("B2"), 30);
    say(&mut ward, Admit, 2, Some("B1"), 40);
    assert_voided(&mut ward, "B1", &[20, 34], 1);
    assert_eq!((bed_says(&mut ward, "B1", 19, Status::Final), bed_says(&mut ward, "B1", 36, Status::Final)), (Ok(1), Ok(2)));
}

#[test]
fn a_stay_that_is_real_covers_one_that_was_cancelled() {
    let mut ward = empty();
    say(&mut ward, Admit, 1, Some("B1"), 0);
    say(&mut ward, CancelAdmit, 1, None, 10);
    // Told late: the right patient came before.
    told(&mut ward, Admit, 2, Some("B1"), 5, 12);
    assert_voided(&mut ward, "B1", &[-2, 4], 1);
    for status in [Status::Final, Status::Withdrawn, Status::Corrected] {
        assert_eq!(bed_says(&mut ward, "B1", 6, status), Ok(2));
    }
    // That one was a mistake too: of both cancelled stays the later had it.
    say(&mut ward, CancelAdmit, 2, None, 20);
    say(&mut ward, Admit, 3, Some("B1"), 30);
    assert_voided(&mut ward, "B1", &[4], 1);
    assert_voided(&mut ward, "B1", &[6, 24], 2);
    assert_eq!(bed_says(&mut ward, "B1", 26, Status::Final), Ok(3));
}

#[test]
fn who_comes_back_into_the_bed_never_left_it_though_somebody_was_put_there_by_mistake() {
    let mut ward = empty();
    say(&mut ward, Admit, 1, Some("B1"), 0);
    say(&mut ward, Discharge, 1, None, 20);
    say(&mut ward, Admit, 2, Some("B1"), 30);
    say(&mut ward, CancelAdmit, 2, None, 35);
    assert_voided(&mut ward, "B1", &[21, 33], 2);
    say(&mut ward, CancelDischarge, 1, None, 50);
    assert_eq!(bed_says(&mut ward, "B1", 34, Status::Final), Ok(1));
    // The same patient, admitted by mistake and then in truth.
    say(&mut ward, Admit, 2, Some("B2"), 60);
    say(&mut ward, CancelAdmit, 2, None, 62);
    say(&mut ward, Admit, 2, Some("B2"), 70);
    assert_voided(&mut ward, "B2", &[61, 66], 2);
    assert_eq!(bed_says(&mut ward, "B2", 68, Status::Final), Ok(2));
}

#[test]
fn p2_cancelled_stays_follow_their_patient_through_merges_and_snapshots() {
    let mut ward = empty();
    say(&mut ward, Admit, 1, Some("B1"), 0);
    assert_eq!(bed_says(&mut ward, "B1", 1, Status::Final), Ok(1));
    say(&mut ward, CancelAdmit, 1, None, 2);
    merge(&mut ward, 1, 4, T0 + 180 * S).unwrap();
    say(&mut ward, Admit, 2, Some("B1"), 5);
    let bytes = postcard::to_stdvec(&ward).unwrap();
    let mut ward: Ward = postcard::from_bytes(&bytes).unwrap();
    ward.resume(Default::default(), &[compiled(vec![entry("HR", &["last", "count"], &["24h"])])]);
    assert_eq!(postcard::to_stdvec(&ward).unwrap(), bytes);
    assert_voided(&mut ward, "B1", &[-1, 1], 4);
    assert_eq!((held(&ward, 4), held(&ward, 2)), (vec![], vec![]));
    ward.remove(patient(4), T0 + 600 * S);
    assert_eq!(bed_says(&mut ward, "B1", 1, Status::Withdrawn), Err("who lay in this bed has left".into()));
}

#[test]
fn p5_a_bed_remembers_so_many_stays_and_what_it_has_forgotten_is_nobodys() {
    let mut ward = empty();
    let n = STAYS_MAX as i64;
    // One more than are remembered, a minute each, and the next patient within the grace of them all.
    for minute in 0..=n {
        say(&mut ward, Admit, 1, Some("B1"), minute);
        say(&mut ward, CancelAdmit, 1, None, minute);
    }
    say(&mut ward, Admit, 2, Some("B1"), n + 1);
    for minute in -14..=n {
        assert_ne!(bed_says(&mut ward, "B1", minute, Status::Final), Ok(2), "minute {minute}");
    }
    // The same with stays that were real: each displaces the one before.
    for minute in 0..=n {
        say(&mut ward, Admit, 10 + minute as u8, Some("B2"), minute);
    }
    for minute in -14..1 {
        let empty = Err("the bed was empty when it was observed".into());
        assert_eq!(bed_says(&mut ward, "B2", minute, Status::Final), empty, "the first is forgotten, the second is not it");
    }
    assert_eq!(bed_says(&mut ward, "B2", 1, Status::Final), Ok(11));
}
