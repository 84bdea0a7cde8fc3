//! Tests of the window stage, named after what they promise.
#![allow(clippy::unwrap_used, clippy::panic)]

mod beds;
mod cancelled;
mod cells;
mod course;
mod crossing;
mod equality;
mod facts;
mod naive;
mod past;
mod plans;
mod repeated;
mod room;
mod snapshot;
mod voided;
mod wards;

use std::sync::Arc;

use super::{FeaturePlan, FeatureSpec, Moved, PlanSpec, Ward};
use crate::decode::{BedKey, EncounterEvent, EncounterKind, Observation, PatientId, SignalId, Status, Subject};
use crate::error::Refusal;
use crate::limits::Limits;

pub const S: i64 = 1_000_000;
pub const H: i64 = 3_600 * S;
pub const T0: i64 = 1_700_000_000 * S;

/// Signals of the tests: number = position.
pub const NAMES: [&str; 8] = ["HR", "SBP", "DBP", "MAP", "O2Sat", "FiO2", "BUN", "Creatinine"];

pub fn resolve(name: &str) -> Option<SignalId> {
    NAMES.iter().position(|n| *n == name).map(|at| SignalId(at as u16))
}

pub fn entry(signal: &str, stats: &[&str], windows: &[&str]) -> FeatureSpec {
    let owned = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect();
    FeatureSpec { signal: signal.into(), stats: owned(stats), windows: owned(windows), ..FeatureSpec::default() }
}

pub fn compiled(features: Vec<FeatureSpec>) -> Arc<FeaturePlan> {
    Arc::new(FeaturePlan::compile(&PlanSpec { features, ..PlanSpec::default() }, &resolve, &[]).unwrap())
}

pub fn ward(plan: &Arc<FeaturePlan>) -> Ward {
    Ward::new(Limits::default(), std::slice::from_ref(plan))
}

pub fn patient(n: u8) -> PatientId {
    PatientId([n; 16])
}

pub fn bed(name: &str) -> BedKey {
    BedKey { unit: "W1".into(), bed: name.into() }
}

pub fn by_bed(name: &str, at_us: i64, value: f64) -> Observation {
    observation(Subject::Bed(bed(name)), 0, at_us, value)
}

pub fn by_patient(n: u8, at_us: i64, value: f64) -> Observation {
    observation(Subject::Patient(patient(n)), 0, at_us, value)
}

pub fn observation(subject: Subject, signal: u16, at_us: i64, value: f64) -> Observation {
    Observation { subject, signal: SignalId(signal), value, observed_at_us: at_us, status: Status::Final, ordinal: 0 }
}

pub fn adt(kind: EncounterKind, n: u8, place: Option<&str>, at_us: i64) -> EncounterEvent {
    EncounterEvent {
        kind,
        patient: patient(n),
        identity: Default::default(),
        birth_day: Some(-3_653),
        sex: Some('M'),
        visit: Default::default(),
        class: "I".into(),
        bed: place.map(bed),
        admitted_at_us: None,
        discharged_at_us: None,
        unit: Default::default(),
        facts: Default::default(),
        occurred_at_us: at_us,
        recorded_at_us: Some(at_us),
        undoes_at_us: None,
        former: None,
        ordinal: 0,
    }
}

/// A40: record `from` is patient `into`.
pub fn merge(ward: &mut Ward, from: u8, into: u8, at_us: i64) -> Result<Moved, Refusal> {
    let event = EncounterEvent { former: Some(patient(from)), ..adt(EncounterKind::Merge, into, None, at_us) };
    ward.apply_encounter(&event, at_us)
}
