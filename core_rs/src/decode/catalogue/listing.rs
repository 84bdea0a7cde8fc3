//! The catalogue as a list for people, documentation and the console.

use serde::Serialize;

use super::{SIGNALS, codes};

/// One signal with everything that leads to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SignalListing {
    /// The stored number.
    pub number: u16,
    /// The stable name.
    pub name: &'static str,
    /// For a person.
    pub title: &'static str,
    /// Canonical unit, UCUM; empty for coded signals.
    pub unit: &'static str,
    /// quantity, dimensionless, points or coded.
    pub kind: &'static str,
    /// Smallest plausible canonical value.
    pub low: f64,
    /// Largest plausible canonical value.
    pub high: f64,
    /// LOINC codes.
    pub loinc: Vec<&'static str>,
    /// MDC numbers with their reference ids.
    pub mdc: Vec<(&'static str, &'static str)>,
    /// SNOMED CT codes.
    pub snomed: Vec<&'static str>,
    /// Accepted units, UCUM.
    pub units: Vec<&'static str>,
}

/// All signals, by number.
pub fn listing() -> Vec<SignalListing> {
    (0u16..)
        .zip(SIGNALS)
        .map(|(number, row)| {
            let loinc = codes::LOINC.iter().filter(|code| code.1.0 == number);
            let narrowed = loinc.clone().filter_map(|code| code.2).flatten().map(|(unit, _)| unit.ucum());
            let mut accepted: Vec<&'static str> = row.accepts.iter().map(|(unit, _)| unit.ucum()).chain(narrowed).collect();
            accepted.dedup();
            SignalListing {
                number,
                name: row.name,
                title: row.title,
                unit: row.unit,
                kind: row.kind.name(),
                low: row.low,
                high: row.high,
                loinc: loinc.map(|code| code.0).collect(),
                mdc: codes::MDC.iter().filter(|code| code.2.0 == number).map(|code| (code.0, code.1)).collect(),
                snomed: codes::SNOMED.iter().filter(|code| code.1.0 == number).map(|code| code.0).collect(),
                units: accepted,
            }
        })
        .collect()
}
