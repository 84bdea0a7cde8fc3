//! Random wards with ADT of all kinds, swaps, merges, corrections, late and repeated frames: no value ever crosses to another
//! patient, and what is held equals the definition over what is held true now.
//!
//! Between two acts pass 1 to 20 minutes, in one ward always as many: less than the grace before an admission, and more. Each value
//! says whose it is.

mod model;

use std::sync::Arc;

use proptest::prelude::*;

use self::model::{Answer, GONE, Model};
use super::{S, T0, adt, bed, compiled, entry, observation, patient};
use crate::decode::{EncounterEvent, EncounterKind, PatientId, Status, Subject};
use crate::limits::Limits;
use crate::window::{Applied, FeaturePlan, GRACE_US, Moved, Ward};

const PATIENTS: u8 = 5;
const BEDS: usize = 3;
const MINUTE_US: i64 = 60 * S;
/// How long before an admission the bed is the newcomer's, minutes.
const GRACE: i64 = GRACE_US / MINUTE_US;
/// How far a monitor's clock may be ahead (`future_s_max`), minutes.
const AHEAD: i64 = 5;

#[derive(Debug, Clone)]
enum Act {
    Adt(EncounterKind, u8, usize),
    /// A bed's monitor, so many half paces ago; below 0 minutes ahead.
    Bed(usize, i64, Status),
    /// A result under a patient's name.
    Named(u8, i64, Status),
    Merge(u8, u8),
    /// The last ADT event once more.
    Again,
    Tick,
}

/// The minutes between two acts, and the acts.
fn acts() -> impl Strategy<Value = (i64, Vec<Act>)> {
    use EncounterKind::{Admit, CancelAdmit, CancelDischarge, CancelTransfer, Discharge, Register, Transfer, Update};
    let kind = prop_oneof![
        5 => Just(Admit), 5 => Just(Transfer), 3 => Just(Discharge), 1 => Just(Register), 2 => Just(Update),
        2 => Just(CancelAdmit), 3 => Just(CancelTransfer), 3 => Just(CancelDischarge)
    ];
    let status = || prop_oneof![6 => Just(Status::Final), 1 => Just(Status::Preliminary), 1 => Just(Status::Corrected), 2 => Just(Status::Withdrawn)];
    let ago = || prop_oneof![3 => Just(0i64), 4 => 0i64..9, 1 => 1 - AHEAD..0];
    let one = prop_oneof![
        16 => (kind, 0..PATIENTS, 0..BEDS).prop_map(|(kind, who, place)| Act::Adt(kind, who, place)),
        16 => (0..BEDS, ago(), status()).prop_map(|(place, ago, status)| Act::Bed(place, ago, status)),
        12 => (0..PATIENTS, ago(), status()).prop_map(|(who, ago, status)| Act::Named(who, ago, status)),
        2 => (0..PATIENTS, 0..PATIENTS).prop_map(|(from, into)| Act::Merge(from, into)),
        2 => Just(Act::Again),
        2 => Just(Act::Tick),
    ];
    let pace = prop::sample::select(vec![1i64, 2, 4, 7, 20]);
    let several = prop_oneof![49 => one.prop_map(|act| vec![act]), 3 => mistake()];
    (pace, prop::collection::vec(several, 20..140).prop_map(|several| several.concat()))
}

/// Somebody is put into a bed by mistake, the bed speaks, that is cancelled, the next one comes, and the bed speaks of before.
fn mistake() -> impl Strategy<Value = Vec<Act>> {
    use EncounterKind::{Admit, CancelAdmit, CancelTransfer, Transfer};
    let kinds = prop_oneof![Just((Admit, CancelAdmit)), Just((Transfer, CancelTransfer))];
    let said = || (3i64..10, prop_oneof![Just(Status::Withdrawn), Just(Status::Corrected), Just(Status::Final)]);
    let people = (0..PATIENTS, 0..PATIENTS, 0..BEDS);
    (kinds, people, said(), said()).prop_map(|((done, undone), (who, next, place), first, second)| {
        vec![
            Act::Adt(done, who, place),
            Act::Bed(place, 0, Status::Final),
            Act::Adt(undone, who, place),
            Act::Adt(Admit, next, place),
            Act::Bed(place, first.0, first.1),
            Act::Bed(place, second.0, second.1),
        ]
    })
}

fn plan() -> Arc<FeaturePlan> {
    compiled(vec![entry("HR", &["last", "count", "mean"], &["168h"])])
}

fn owner(value: f64) -> u8 {
    (value / 1e6) as u8
}

/// Sends the acts to a ward and to the definition; `through_snapshots` writes and reads the ward in between.
fn run((pace, acts): &(i64, Vec<Act>), through_snapshots: bool) -> (Ward, [u32; 7]) {
    let plan = plan();
    let limits = Limits::default();
    let (mut ward, mut model) = (Ward::new(limits, std::slice::from_ref(&plan)), Model::new());
    let (mut last, mut seen): (Option<EncounterEvent>, [u32; 7]) = (None, [0; 7]);
    for (serial, act) in acts.iter().enumerate() {
        model.pass(*pace);
        let now_us = T0 + model.now * MINUTE_US;
        match act {
            Act::Adt(kind, who, place) => {
                let named = (!kind.cancels()).then(|| format!("B{place}"));
                let event = adt(*kind, *who, named.as_deref(), now_us);
                let told = ward.apply_encounter(&event, now_us);
                let expected = model.adt(*kind, *who, *place);
                assert_eq!(told.is_ok(), expected, "{serial}: {act:?}: {told:?}");
                seen[0] += u32::from(kind.cancels() && expected);
                last = Some(event);
            }
            Act::Again => {
                let again = last.as_ref().filter(|event| event.kind.cancels());
                if let Some(Ok(Moved { stale, .. })) = again.map(|event| ward.apply_encounter(event, now_us)) {
                    assert!(stale, "{serial}: a cancellation that comes again does nothing");
                }
            }
            Act::Merge(from, into) => {
                let told = super::merge(&mut ward, *from, *into, now_us);
                let expected = model.merge(*from, *into);
                assert_eq!(told.is_ok(), expected, "{serial}: {act:?}: {told:?}");
                seen[1] += u32::from(expected);
                last = None; // it may name what the other record did
            }
            Act::Bed(place, ago, status) => {
                let minute = minute(model.now, *pace, *ago);
                if model.may_have_forgotten(*place, minute) {
                    continue;
                }
                let answer = model.answer(*place, minute);
                let at_us = T0 + minute * MINUTE_US + 30 * S;
                let (whose, is_withdrawn) = match answer {
                    Answer::Lies(who) => (Some(who), false),
                    Answer::Voided(who) => (Some(who).filter(|_| *status == Status::Withdrawn), true),
                    Answer::Nobody => (None, false),
                };
                let whose = whose.filter(|who| *who != GONE);
                let is_told = matches!(status, Status::Final | Status::Preliminary);
                let is_superseded = |who: u8| is_told && model.settled(who, at_us);
                let expected = whose.filter(|who| !is_superseded(*who));
                let value = f64::from(whose.unwrap_or(99)) * 1e6 + serial as f64;
                let told = say(&mut ward, Subject::Bed(bed(&format!("B{place}"))), at_us, now_us, value, *status);
                assert_eq!(told, expected.map(patient), "{serial}: {act:?} of minute {minute}, {answer:?}");
                if let Some(who) = expected {
                    model.say(who, at_us, value, *status);
                }
                seen[2] += u32::from(expected.is_some());
                seen[4] += u32::from(is_withdrawn && expected.is_some());
                seen[5] += u32::from(is_withdrawn && expected.is_none());
                seen[6] += u32::from(model.is_by_grace(*place, minute));
            }
            Act::Named(who, ago, status) => {
                let at_us = T0 + minute(model.now, *pace, *ago) * MINUTE_US + 45 * S;
                let whose = model.who(*who);
                let value = f64::from(whose) * 1e6 + serial as f64;
                if let Some(told) = say(&mut ward, Subject::Patient(patient(*who)), at_us, now_us, value, *status) {
                    assert_eq!(told, patient(whose), "{serial}: {act:?}");
                    seen[3] += u32::from(whose != *who);
                }
                model.say(whose, at_us, value, *status);
            }
            Act::Tick => {
                for gone in ward.tick(now_us) {
                    model.forget(gone.0[0]);
                }
            }
        }
        compare(&ward, &mut model, &format!("{serial}: {act:?}"));
        if through_snapshots && serial % 7 == 3 {
            let bytes = postcard::to_stdvec(&ward).unwrap();
            ward = postcard::from_bytes(&bytes).unwrap();
            ward.resume(limits, std::slice::from_ref(&plan));
        }
    }
    (ward, seen)
}

/// The minute that lies so many half paces, or below 0 minutes ahead, of another.
fn minute(now: i64, pace: i64, ago: i64) -> i64 {
    if ago < 0 { now - ago } else { (now - (ago * pace + 1) / 2).max(0) }
}

fn say(ward: &mut Ward, subject: Subject, at_us: i64, now_us: i64, value: f64, status: Status) -> Option<PatientId> {
    let value = if status == Status::Withdrawn { f64::NAN } else { value };
    let mut told = observation(subject, 0, at_us, value);
    told.status = status;
    match ward.apply_observation(&told, now_us) {
        Applied::Kept { patient, .. } => Some(patient),
        Applied::DeadLetter(_) => None,
    }
}

fn compare(ward: &Ward, model: &mut Model, after: &str) {
    for who in 0..PATIENTS {
        let record = model.record(who).clone();
        let slot = ward.slot(patient(who));
        assert_eq!(slot.is_some(), record.known, "{after}: patient {who}");
        let Some(found) = slot.and_then(|slot| ward.patient(slot)) else { continue };
        assert_eq!(found.discharged_at_us().is_none(), record.here, "{after}: patient {who} here");
        let lies = ward.bed_of(slot.unwrap()).map(|bed| bed.bed.to_string());
        assert_eq!(lies, record.lies.map(|place| format!("B{place}")), "{after}: bed of patient {who}");
        let held: Vec<(i64, f64)> = found
            .vitals()
            .series(crate::decode::SignalId(0))
            .map(|series| series.held().iter().map(|sample| (sample.at_us, sample.value)).collect())
            .unwrap_or_default();
        for (_, value) in &held {
            assert_eq!(model.who(owner(*value)), who, "{after}: a value of {} is held of {who}", owner(*value));
        }
        assert!(held.iter().copied().eq(record.values), "{after}: what is held of {who}");
    }
}

/// 400, or what the environment says, for a long run.
fn cases() -> u32 {
    std::env::var("NIGHTLAMP_CROSSING_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn p7_no_value_ever_crosses_to_another_patient(acts in acts()) {
        run(&acts, false);
    }

    #[test]
    fn p2_through_snapshots_the_same_ward_comes_out(acts in acts()) {
        let bytes = |through: bool| postcard::to_stdvec(&run(&acts, through).0).unwrap();
        assert_eq!(bytes(false), bytes(true));
    }
}

#[test]
fn everything_that_is_compared_occurs() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut seen = [0; 7];
    for _ in 0..60 {
        let acts = acts().new_tree(&mut runner).unwrap().current();
        for (sum, n) in seen.iter_mut().zip(run(&acts, false).1) {
            *sum += n;
        }
    }
    let what = "cancellations, merges, values by bed, values under a retired name, withdrawals in cancelled stays, values refused \
                there, values by grace";
    assert!(seen.iter().all(|n| *n > 30), "{what}: {seen:?}");
}
