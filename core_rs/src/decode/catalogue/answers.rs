//! Coded answers: what a sender may say for consciousness and for oxygen.
//!
//! LOINC answers of 67775-7 (LA6560-2 for confusion, which that list lacks and FHIR implementations of NEWS2 use), SNOMED CT
//! of UK Core ACVPU, the letters of NEWS2 (RCP 2017), and the plain words.

use super::signals::Kind;

type Answer = (&'static str, f64);

static CONSCIOUSNESS: &[Answer] = &[
    ("LA9340-6", 0.0),
    ("LA6560-2", 1.0),
    ("LA17108-4", 2.0),
    ("LA9341-4", 2.0),
    ("LA17107-6", 3.0),
    ("LA9342-2", 3.0),
    ("LA9343-0", 4.0),
    ("248234008", 0.0),
    ("130987000", 1.0),
    ("300202002", 2.0),
    ("450847001", 3.0),
    ("422768004", 4.0),
    ("a", 0.0),
    ("alert", 0.0),
    ("c", 1.0),
    ("confusion", 1.0),
    ("new confusion", 1.0),
    ("v", 2.0),
    ("voice", 2.0),
    ("verbal", 2.0),
    ("responds to voice", 2.0),
    ("p", 3.0),
    ("pain", 3.0),
    ("painful", 3.0),
    ("responds to pain", 3.0),
    ("u", 4.0),
    ("unresponsive", 4.0),
];

/// LA33-6 yes, LA32-8 no; SNOMED CT 373066001 yes, 373067005 no; HL7 table 0136 Y, N.
static OXYGEN: &[Answer] = &[
    ("LA33-6", 1.0),
    ("LA32-8", 0.0),
    ("373066001", 1.0),
    ("373067005", 0.0),
    ("y", 1.0),
    ("yes", 1.0),
    ("oxygen", 1.0),
    ("n", 0.0),
    ("no", 0.0),
    ("air", 0.0),
    ("room air", 0.0),
];

/// The numeric code of an answer, or None where the answer is not one of the list.
pub fn answer(kind: Kind, text: &[u8]) -> Option<f64> {
    let list = match kind {
        Kind::Consciousness => CONSCIOUSNESS,
        Kind::Oxygen => OXYGEN,
        Kind::Quantity | Kind::Dimensionless | Kind::Points => return None,
    };
    list.iter().find(|(word, _)| word.as_bytes().eq_ignore_ascii_case(text)).map(|(_, code)| *code)
}
