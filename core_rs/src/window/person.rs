//! What a row may say of the person and the encounter, and how ADT events tell it.
//!
//! Events are ordered by when they occurred: an older one fills what is unknown and never overwrites a newer. A new stay begins
//! without the former one's admission, unit and codes.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::decode::{EncounterEvent, EncounterKind, Fact, Facts};

use super::block::hours;
use super::plan::Demographic;

/// Days in a mean Gregorian year.
const YEAR_DAYS: f64 = 365.2425;
const DAY_US: i64 = 86_400_000_000;

/// The unit, since when, and when that was told: what a cancelled transfer brings back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Place {
    unit: CompactString,
    entered_at_us: Option<i64>,
    told_at_us: Option<i64>,
}

/// How an event stands to those that were taken in before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Standing {
    /// None that occurred later told of the person.
    pub newer: bool,
    /// It moves nobody.
    pub stale: bool,
    /// It is from before a cancellation.
    pub overtaken: bool,
}

/// Person and encounter as ADT told them. Times are microseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// Days since 1970-01-01.
    pub birth_day: Option<i32>,
    /// PID-8.
    pub sex: Option<char>,
    /// PV1-44, else when the admission occurred.
    pub admitted_at_us: Option<i64>,
    /// PV1-45, else when the discharge occurred.
    pub left_at_us: Option<i64>,
    /// Point of care (PV1-3.1), or empty.
    pub unit: CompactString,
    /// When the patient came to `unit`.
    pub unit_entered_at_us: Option<i64>,
    /// When the newest event that named a unit occurred.
    unit_told_at_us: Option<i64>,
    /// What ADT said in codes.
    pub facts: Facts,
}

impl Person {
    /// Age in years of 365.2425 days at a time.
    pub fn age_years(&self, t_us: i64) -> Option<f64> {
        self.birth_day.map(|day| (t_us.div_euclid(DAY_US) - i64::from(day)) as f64 / YEAR_DAYS)
    }

    /// Another stay of the same person.
    pub(super) fn begin_stay(&mut self) {
        *self = Self { birth_day: self.birth_day, sex: self.sex, facts: self.facts.of_person(), ..Self::default() };
    }

    /// Takes in an event.
    pub(super) fn learn(&mut self, event: &EncounterEvent, standing: Standing) {
        let Standing { newer, stale, overtaken } = standing;
        if newer || self.birth_day.is_none() {
            self.birth_day = event.birth_day.or(self.birth_day);
        }
        if newer || self.sex.is_none() {
            self.sex = event.sex.or(self.sex);
        }
        self.facts.learn(&event.facts, newer);
        let begins = matches!(event.kind, EncounterKind::Admit).then_some(event.occurred_at_us);
        if let Some(admitted) = event.admitted_at_us.or(begins.filter(|_| self.admitted_at_us.is_none()))
            && (newer || self.admitted_at_us.is_none())
        {
            self.admitted_at_us = Some(admitted);
        }
        if event.kind == EncounterKind::Discharge {
            if !stale && (newer || self.left_at_us.is_none()) {
                self.left_at_us = Some(event.discharged_at_us.unwrap_or(event.occurred_at_us));
            }
        } else if !overtaken && !event.unit.is_empty() && self.unit_told_at_us.is_none_or(|told| event.occurred_at_us >= told) {
            self.unit_told_at_us = Some(event.occurred_at_us);
            if self.unit != event.unit {
                (self.unit, self.unit_entered_at_us) = (event.unit.clone(), Some(event.occurred_at_us));
            }
        }
    }

    /// Where the patient is.
    pub(super) fn place(&self) -> Place {
        Place { unit: self.unit.clone(), entered_at_us: self.unit_entered_at_us, told_at_us: self.unit_told_at_us }
    }

    /// Back to where the patient was before, unless the message names another unit.
    pub(super) fn restore(&mut self, place: &Place, named: &str) {
        self.unit_told_at_us = place.told_at_us;
        if named.is_empty() || named == place.unit {
            (self.unit, self.unit_entered_at_us) = (place.unit.clone(), place.entered_at_us);
        }
    }

    /// The record of the same person under another identifier: it fills what is unknown here.
    pub(super) fn absorb(&mut self, gone: &Person) {
        self.birth_day = self.birth_day.or(gone.birth_day);
        self.sex = self.sex.or(gone.sex);
        self.admitted_at_us = match (self.admitted_at_us, gone.admitted_at_us) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        if self.unit_told_at_us.is_none() {
            self.unit.clone_from(&gone.unit);
            (self.unit_entered_at_us, self.unit_told_at_us) = (gone.unit_entered_at_us, gone.unit_told_at_us);
        }
        self.facts.learn(&gone.facts, false);
    }

    /// Where and when, as the other record says.
    pub(super) fn locate_as(&mut self, other: &Person) {
        self.unit.clone_from(&other.unit);
        (self.unit_entered_at_us, self.unit_told_at_us) = (other.unit_entered_at_us, other.unit_told_at_us);
        self.left_at_us = other.left_at_us;
    }

    pub(super) fn demographic(&self, which: Demographic, t_us: i64) -> f64 {
        let since = |at_us: Option<i64>, t_us: i64| at_us.map_or(f64::NAN, |at_us| hours(t_us - at_us));
        match which {
            Demographic::AgeYears => self.age_years(t_us).unwrap_or(f64::NAN),
            Demographic::SexMale => match self.sex {
                Some('M') => 1.0,
                Some('F') => 0.0,
                _ => f64::NAN,
            },
            Demographic::HoursSinceAdmission => since(self.admitted_at_us, t_us),
            Demographic::HoursOfStay => since(self.admitted_at_us, self.left_at_us.unwrap_or(t_us)),
            Demographic::HoursInUnit => since(self.unit_entered_at_us, t_us),
            Demographic::HoursBeforeUnit => {
                self.unit_entered_at_us.map_or(f64::NAN, |entered| since(self.admitted_at_us, entered))
            }
            Demographic::ServiceMedical => self.is_service("MED"),
            Demographic::ServiceSurgical => self.is_service("SUR"),
            Demographic::DiagnosesCount => match self.facts.diagnoses_count {
                0 => f64::NAN,
                count => f64::from(count),
            },
        }
    }

    fn is_service(&self, code: &str) -> f64 {
        match self.facts.code(Fact::Service) {
            "" => f64::NAN,
            service => f64::from(u8::from(service == code)),
        }
    }
}
