//! Random wards with ADT of all kinds, swaps, merges, corrections, late and repeated frames: no value ever crosses to another
//! patient, and what is held equals the definition over what is held true now.
//!
//! The model knows beds by slots of 20 minutes and values by a map; it shares no code with the ward. Each value says whose it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::{S, T0, adt, bed, compiled, entry, observation, patient};
use crate::decode::{EncounterEvent, EncounterKind, PatientId, Status, Subject};
use crate::limits::Limits;
use crate::window::{Applied, FeaturePlan, Moved, Ward};

const PATIENTS: u8 = 5;
const BEDS: usize = 3;
/// Longer than the grace before an admission.
const STEP_US: i64 = 20 * 60 * S;

#[derive(Debug, Clone)]
enum Act {
    Adt(EncounterKind, u8, usize),
    /// A bed's monitor, so many steps ago.
    Bed(usize, usize, Status),
    /// A result under a patient's name.
    Named(u8, usize, Status),
    Merge(u8, u8),
    /// The last ADT event once more.
    Again,
    Tick,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    use EncounterKind::{Admit, CancelAdmit, CancelDischarge, CancelTransfer, Discharge, Register, Transfer, Update};
    let kind = prop_oneof![
        5 => Just(Admit), 5 => Just(Transfer), 3 => Just(Discharge), 1 => Just(Register), 2 => Just(Update),
        1 => Just(CancelAdmit), 3 => Just(CancelTransfer), 3 => Just(CancelDischarge)
    ];
    let status = || prop_oneof![6 => Just(Status::Final), 1 => Just(Status::Preliminary), 1 => Just(Status::Corrected), 1 => Just(Status::Withdrawn)];
    let ago = || prop_oneof![4 => Just(0usize), 3 => 0usize..6];
    let one = prop_oneof![
        8 => (kind, 0..PATIENTS, 0..BEDS).prop_map(|(kind, who, place)| Act::Adt(kind, who, place)),
        8 => (0..BEDS, ago(), status()).prop_map(|(place, ago, status)| Act::Bed(place, ago, status)),
        6 => (0..PATIENTS, ago(), status()).prop_map(|(who, ago, status)| Act::Named(who, ago, status)),
        1 => (0..PATIENTS, 0..PATIENTS).prop_map(|(from, into)| Act::Merge(from, into)),
        1 => Just(Act::Again),
        1 => Just(Act::Tick),
    ];
    prop::collection::vec(one, 20..160)
}

/// One record as the definition has it.
#[derive(Debug, Clone, Default)]
struct Record {
    known: bool,
    admitted: bool,
    here: bool,
    /// A discharge that can be cancelled left this bed.
    left: Option<Option<usize>>,
    lies: Option<usize>,
    located: i64,
    /// The first admission of the stay.
    arrived: Option<i64>,
    /// When each transfer of the stay happened, and the bed before.
    moves: Vec<(i64, Option<usize>)>,
    values: BTreeMap<i64, f64>,
    settled: BTreeSet<i64>,
}

/// The ward by definition.
#[derive(Debug, Default)]
struct Model {
    now: i64,
    records: Vec<Record>,
    /// Who lay in each bed in each step.
    lain: Vec<Vec<Option<u8>>>,
    survivor: BTreeMap<u8, u8>,
}

impl Model {
    fn new() -> Self {
        let records = vec![Record { located: i64::MIN, ..Record::default() }; usize::from(PATIENTS)];
        Self { now: -1, records, lain: vec![Vec::new(); BEDS], survivor: BTreeMap::new() }
    }

    fn who(&self, who: u8) -> u8 {
        self.survivor.get(&who).copied().unwrap_or(who)
    }

    fn record(&mut self, who: u8) -> &mut Record {
        &mut self.records[usize::from(who)]
    }

    fn step(&mut self) {
        self.now += 1;
        for place in 0..BEDS {
            let lies = (0..PATIENTS).find(|who| self.records[usize::from(*who)].lies == Some(place));
            self.lain[place].push(lies);
        }
    }

    /// From this step on `who` lies in the bed, alone and nowhere else.
    fn lie(&mut self, who: u8, place: Option<usize>) {
        if let Some(old) = self.record(who).lies.take().filter(|old| Some(*old) != place) {
            *self.lain[old].last_mut().unwrap() = None;
        }
        let Some(place) = place else { return };
        for other in (0..PATIENTS).filter(|other| *other != who) {
            if self.record(other).lies == Some(place) {
                self.record(other).lies = None;
            }
        }
        self.record(who).lies = Some(place);
        *self.lain[place].last_mut().unwrap() = Some(who);
    }

    /// Back into a bed nobody else has: if nobody else had it meanwhile, `who` never left it.
    fn lie_again(&mut self, who: u8, place: Option<usize>) {
        let Some(place) = place else { return };
        if (0..PATIENTS).any(|other| other != who && self.records[usize::from(other)].lies == Some(place)) {
            return;
        }
        self.lie(who, Some(place));
        let row = &mut self.lain[place];
        let last = row.len() - 1;
        if let Some(before) = row[..last].iter().rposition(Option::is_some).filter(|at| row[*at] == Some(who)) {
            row[before..last].fill(Some(who));
        }
    }

    fn forget_stay(&mut self, who: u8, place: usize, since: i64) {
        let from = usize::try_from(since).unwrap();
        self.lain[place][from..].iter_mut().filter(|lies| **lies == Some(who)).for_each(|lies| *lies = None);
    }

    /// Whether the event is taken. A cancellation that is refused still says when the patient was where.
    fn adt(&mut self, kind: EncounterKind, who: u8, place: usize) -> bool {
        let taken = self.try_adt(kind, self.who(who), place);
        let (who, now) = (self.who(who), self.now);
        if !taken && self.record(who).known {
            self.record(who).located = now;
        }
        taken
    }

    fn try_adt(&mut self, kind: EncounterKind, who: u8, place: usize) -> bool {
        let now = self.now;
        let one = self.record(who).clone();
        match kind {
            EncounterKind::Admit | EncounterKind::Register => {
                if one.known && !one.here {
                    *self.record(who) = Record { located: one.located, ..Record::default() };
                }
                let record = self.record(who);
                (record.known, record.admitted, record.here) = (true, true, true);
                record.located = now;
                record.arrived.get_or_insert(now);
                self.lie(who, Some(place));
            }
            EncounterKind::Transfer | EncounterKind::Update => {
                let record = self.record(who);
                (record.here, record.known, record.admitted) = (one.here || !one.known, true, true);
                if !record.here {
                    return true;
                }
                if kind == EncounterKind::Transfer {
                    record.moves.push((now, one.lies));
                    let over = record.moves.len().saturating_sub(8);
                    record.moves.drain(..over);
                }
                record.located = now;
                self.lie(who, Some(place));
            }
            EncounterKind::Discharge => {
                if !one.known {
                    return true;
                }
                self.lie(who, None);
                let record = self.record(who);
                record.left = Some(if one.here { one.lies } else { one.left.flatten() });
                (record.here, record.located) = (false, now);
            }
            EncounterKind::CancelAdmit if one.known && one.here && one.admitted => {
                self.lie(who, None);
                (0..BEDS).for_each(|place| self.forget_stay(who, place, one.arrived.unwrap_or(0)));
                let record = self.record(who);
                (record.here, record.located, record.left, record.arrived) = (false, now, None, None);
                record.moves.clear();
            }
            EncounterKind::CancelAdmit => {
                if !one.known {
                    (self.record(who).known, self.record(who).located) = (true, now);
                }
                return false;
            }
            EncounterKind::CancelTransfer => {
                let Some((began, back)) = self.record(who).moves.pop().filter(|_| one.here) else {
                    self.record(who).moves = one.moves;
                    return false;
                };
                if back != one.lies {
                    self.lie(who, None);
                    if let Some(place) = one.lies {
                        self.forget_stay(who, place, began);
                    }
                }
                self.record(who).located = now;
                self.record(who).lies = None;
                self.lie_again(who, back);
            }
            EncounterKind::CancelDischarge => {
                let Some(back) = one.left.filter(|_| one.known && !one.here) else { return false };
                let record = self.record(who);
                (record.here, record.left, record.located) = (true, None, now);
                self.lie_again(who, back);
            }
            EncounterKind::Merge => unreachable!(),
        }
        true
    }

    fn merge(&mut self, from: u8, into: u8) -> bool {
        let known = self.survivor.get(&from).copied();
        let into = self.who(into);
        if known == Some(into) || known.is_some() || from == into {
            return known == Some(into) && known.is_some();
        }
        self.survivor.values_mut().filter(|survivor| **survivor == from).for_each(|survivor| *survivor = into);
        self.survivor.insert(from, into);
        let gone = std::mem::replace(self.record(from), Record { located: i64::MIN, ..Record::default() });
        let mut one = self.record(into).clone();
        if !gone.known {
            return true;
        }
        if !one.known {
            one = gone.clone();
        } else {
            for (at, value) in &gone.values {
                if !(one.settled.contains(at) || one.values.contains_key(at)) {
                    one.values.insert(*at, *value);
                }
            }
            one.settled.extend(&gone.settled);
            let key = |record: &Record| (record.admitted, record.here, record.located);
            let idle = if key(&gone) > key(&one) {
                let idle = one.lies;
                (one.here, one.left, one.lies, one.located) = (gone.here, gone.left, gone.lies, gone.located);
                (one.moves, one.arrived) = (gone.moves.clone(), gone.arrived);
                idle
            } else {
                gone.lies
            };
            if let Some(idle) = idle {
                *self.lain[idle].last_mut().unwrap() = None;
            }
            one.admitted |= gone.admitted;
        }
        *self.record(into) = one;
        for row in &mut self.lain {
            row.iter_mut().filter(|lies| **lies == Some(from)).for_each(|lies| *lies = Some(into));
        }
        true
    }

    fn say(&mut self, who: u8, at_us: i64, value: f64, status: Status) {
        let record = self.record(who);
        if !record.known {
            (record.known, record.here) = (true, true);
        }
        match status {
            Status::Final | Status::Preliminary if record.settled.contains(&at_us) => {}
            Status::Withdrawn => {
                record.settled.insert(at_us);
                record.values.remove(&at_us);
            }
            _ => {
                record.values.insert(at_us, value);
                if status == Status::Corrected {
                    record.settled.insert(at_us);
                }
            }
        }
    }
}

fn plan() -> Arc<FeaturePlan> {
    compiled(vec![entry("HR", &["last", "count", "mean"], &["168h"])])
}

fn owner(value: f64) -> u8 {
    (value / 1e6) as u8
}

/// Sends the acts to a ward and to the definition; `through_snapshots` writes and reads the ward in between.
fn run(acts: &[Act], through_snapshots: bool) -> (Ward, [u32; 4]) {
    let plan = plan();
    let limits = Limits::default();
    let (mut ward, mut model) = (Ward::new(limits, std::slice::from_ref(&plan)), Model::new());
    let (mut last, mut seen): (Option<EncounterEvent>, [u32; 4]) = (None, [0; 4]);
    for (serial, act) in acts.iter().enumerate() {
        model.step();
        let now_us = T0 + model.now * STEP_US;
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
                let step = model.now - (*ago as i64).min(model.now);
                let at_us = T0 + step * STEP_US + 60 * S;
                let lay = model.lain[*place][usize::try_from(step).unwrap()];
                let value = f64::from(lay.unwrap_or(99)) * 1e6 + serial as f64;
                let told = say(&mut ward, Subject::Bed(bed(&format!("B{place}"))), at_us, now_us, value, *status);
                match (told, lay) {
                    (Some(whose), Some(who)) => {
                        assert_eq!(whose, patient(who), "{serial}: {act:?}");
                        model.say(who, at_us, value, *status);
                        seen[2] += 1;
                    }
                    (Some(_), None) => panic!("{serial}: {act:?} of an empty bed was taken"),
                    (None, Some(who)) => {
                        let settled = model.record(who).settled.contains(&at_us);
                        assert!(settled || *ago > 0, "{serial}: {act:?} of who lies there was refused");
                    }
                    (None, None) => {}
                }
            }
            Act::Named(who, ago, status) => {
                let at_us = now_us - *ago as i64 * STEP_US + 120 * S;
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
                    let who = gone.0[0];
                    model.lie(who, None);
                    *model.record(who) = Record { located: i64::MIN, ..Record::default() };
                    // Who has left memory is nobody to a bed's late data.
                    model.lain.iter_mut().for_each(|row| row.iter_mut().filter(|l| **l == Some(who)).for_each(|l| *l = None));
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
    let mut seen = [0; 4];
    for _ in 0..60 {
        let acts = acts().new_tree(&mut runner).unwrap().current();
        for (sum, n) in seen.iter_mut().zip(run(&acts, false).1) {
            *sum += n;
        }
    }
    assert!(seen.iter().all(|n| *n > 30), "cancellations, merges, values by bed, values under a retired name: {seen:?}");
}
