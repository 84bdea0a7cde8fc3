//! What an encounter says in codes: how the patient came, who treats, how the patient left, and the diagnoses.
//!
//! Limits: 64 bytes a code, 64 diagnoses kept (all are counted). A code that is longer is absent: half a code is another code.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// Longest code kept, bytes.
pub const CODE_BYTES_MAX: usize = 64;
/// Most diagnoses kept of an encounter.
pub const DIAGNOSES_MAX: usize = 64;

/// A fact that an ADT message gives as one code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Fact {
    /// PID-10 (HL7 table 0005).
    Race = 0,
    /// PV1-4 (0007).
    AdmissionType = 1,
    /// PV1-10, hospital service (0069): `MED`, `SUR`, ...
    Service = 2,
    /// PV1-14 (0023).
    AdmitSource = 3,
    /// PV1-20.1 (0064).
    FinancialClass = 4,
    /// PV1-36 (0112).
    DischargeDisposition = 5,
}

impl Fact {
    /// All of them, in the order of their numbers, by the names that plans use.
    pub const ALL: [(&'static str, Fact); 6] = [
        ("race", Fact::Race),
        ("admission_type", Fact::AdmissionType),
        ("service", Fact::Service),
        ("admit_source", Fact::AdmitSource),
        ("financial_class", Fact::FinancialClass),
        ("discharge_disposition", Fact::DischargeDisposition),
    ];

    /// The fact of that name in a plan.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, fact)| *fact)
    }
}

/// Whose codes a diagnosis is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Coding {
    /// ICD-9-CM.
    Icd9 = 1,
    /// ICD-10 in any national version.
    Icd10 = 2,
    /// Another system, or none named.
    Other = 3,
}

impl Coding {
    /// The coding system of this name (DG1-3.3 or DG1-2; HL7 table 0396 and what is sent in its stead).
    pub fn named(system: &str) -> Self {
        let letters: String = system.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
        match letters.as_str() {
            "I9" | "I9C" | "I9CDX" | "ICD9" | "ICD9CM" => Self::Icd9,
            "I10" | "I10C" | "I10CDX" | "I10G" | "ICD10" | "ICD10CM" | "ICD10GM" => Self::Icd10,
            _ => Self::Other,
        }
    }
}

/// One diagnosis (DG1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Of an ICD: upper case, without the dot. Of anything else: as sent. Empty where none was given.
    pub code: CompactString,
    /// Whose code it is.
    pub coding: Coding,
}

impl Diagnosis {
    /// A diagnosis in canonical writing.
    pub fn new(code: &str, coding: Coding) -> Self {
        let code = match coding {
            Coding::Other => CompactString::from(code),
            _ => code.chars().filter(|c| *c != '.').map(|c| c.to_ascii_uppercase()).collect(),
        };
        Self { code, coding }
    }
}

/// All coded facts of an encounter, as far as they were told; absent ones are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    codes: [CompactString; Fact::ALL.len()],
    /// In the order of the message.
    pub diagnoses: Vec<Diagnosis>,
    /// DG1 segments of the message, those beyond the limit or without a code included.
    pub diagnoses_count: u32,
}

impl Facts {
    /// The code of a fact, or empty.
    pub fn code(&self, fact: Fact) -> &str {
        self.codes.get(fact as usize).map_or("", CompactString::as_str)
    }

    /// Sets a code; one beyond the limit is left absent.
    pub fn set(&mut self, fact: Fact, code: CompactString) {
        if let Some(place) = self.codes.get_mut(fact as usize).filter(|_| code.len() <= CODE_BYTES_MAX) {
            *place = code;
        }
    }

    /// Takes over what another message says: all of it where that message is the newer one, else only what was unknown.
    pub fn learn(&mut self, told: &Facts, newer: bool) {
        for (mine, theirs) in self.codes.iter_mut().zip(&told.codes) {
            if !theirs.is_empty() && (newer || mine.is_empty()) {
                mine.clone_from(theirs);
            }
        }
        if told.diagnoses_count > 0 && (newer || self.diagnoses_count == 0) {
            self.diagnoses.clone_from(&told.diagnoses);
            self.diagnoses_count = told.diagnoses_count;
        }
    }

    /// What of it belongs to the person and not to the stay.
    pub fn of_person(&self) -> Self {
        let mut kept = Self::default();
        kept.set(Fact::Race, self.code(Fact::Race).into());
        kept
    }
}
