//! Coded facts as features: the place of the first category that holds the encounter's code, NaN where none does.
//!
//! A category is a list of codes, separated by commas, so that a site's own codes map in the bundle: `"7,EMER"`. Of diagnoses
//! a code holds everything that begins with it (`250` holds 250.83), and a range everything between two beginnings of one
//! length, both included (`390-459`, `E11-E14`); `icd9:` or `icd10:` before it holds codes of that system alone. Diagnoses are
//! compared in canonical writing: upper case, without the dot.
//!
//! | field | is |
//! |---|---|
//! | race, admission_type, service, admit_source, financial_class, discharge_disposition | PID-10, PV1-4, 10, 14, 20, 36 |
//! | diagnosis_1 ... diagnosis_9 | the DG1-3 of that place in the message |
//! | diagnosis_any | the first category that holds any DG1-3 |
//!
//! Limits: 32 fields a plan, 256 categories a field, 4,096 bytes a category.

use serde::{Deserialize, Serialize};

use crate::decode::{Coding, Diagnosis, Fact, Facts};

use super::plan::{PlanError, refuse};

/// Most coded fields of a plan.
pub const CODED_MAX: usize = 32;
/// Most categories of a field.
pub const CATEGORIES_MAX: usize = 256;
/// Longest category.
pub const CATEGORY_BYTES_MAX: usize = 4_096;

/// A coded field of a plan (`[[plan.coded]]`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodedSpec {
    /// See the table above.
    pub field: String,
    /// Of the feature; absent: the field's.
    #[serde(default)]
    pub name: Option<String>,
    /// Each a list of codes; the feature's value is the place of the first that holds, from 0.
    pub categories: Vec<String>,
    /// What people call the categories, in their order; absent: the categories' own text.
    #[serde(default)]
    pub labels: Vec<String>,
}

impl CodedSpec {
    /// The feature's name.
    pub fn feature(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.field)
    }

    /// What people call the categories.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        let words = if self.labels.is_empty() { &self.categories } else { &self.labels };
        words.iter().map(String::as_str)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Field {
    Fact(Fact),
    /// From 0.
    Diagnosis(usize),
    AnyDiagnosis,
}

impl Field {
    fn named(name: &str) -> Option<Self> {
        match name.strip_prefix("diagnosis_") {
            Some("any") => Some(Self::AnyDiagnosis),
            Some(place) => match place.parse::<usize>() {
                Ok(place @ 1..=9) => Some(Self::Diagnosis(place - 1)),
                _ => None,
            },
            None => Fact::named(name).map(Self::Fact),
        }
    }
}

/// Holds a diagnosis that begins with something from `low` to `high`, which are of one length.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Range {
    coding: Option<Coding>,
    low: String,
    high: String,
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let (coding, codes) = match text.split_once(':') {
            Some(("icd9", codes)) => (Some(Coding::Icd9), codes),
            Some(("icd10", codes)) => (Some(Coding::Icd10), codes),
            Some(_) => return None,
            None => (None, text),
        };
        let (low, high) = codes.split_once('-').unwrap_or((codes, codes));
        let canonical = |code: &str| code.trim().replace('.', "").to_ascii_uppercase();
        let (low, high) = (canonical(low), canonical(high));
        let is_code = |code: &str| !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (is_code(&low) && is_code(&high) && low.len() == high.len() && low <= high).then_some(Self { coding, low, high })
    }

    fn holds(&self, diagnosis: &Diagnosis) -> bool {
        let fits = self.coding.is_none_or(|coding| coding == diagnosis.coding);
        fits && diagnosis
            .code
            .get(..self.low.len())
            .is_some_and(|start| self.low.as_str() <= start && start <= self.high.as_str())
    }
}

#[derive(Debug, Clone)]
enum Categories {
    Codes(Vec<Vec<String>>),
    Ranges(Vec<Vec<Range>>),
}

/// A compiled coded field.
#[derive(Debug, Clone)]
pub(super) struct Coded {
    field: Field,
    categories: Categories,
    pub column: usize,
}

impl Coded {
    /// Checks and compiles a field for a column of the row.
    pub fn compile(spec: &CodedSpec, column: usize) -> Result<Self, PlanError> {
        let name = &spec.field;
        let Some(field) = Field::named(name) else { return refuse(format!("unknown coded field {name:?}")) };
        if !(1..=CATEGORIES_MAX).contains(&spec.categories.len()) {
            return refuse(format!("coded {name}: {} categories, not 1 to {CATEGORIES_MAX}", spec.categories.len()));
        }
        if !spec.labels.is_empty() && spec.labels.len() != spec.categories.len() {
            return refuse(format!("coded {name}: {} labels for {} categories", spec.labels.len(), spec.categories.len()));
        }
        let mut seen: Vec<&str> = Vec::new();
        let mut parts: Vec<Vec<&str>> = Vec::with_capacity(spec.categories.len());
        for category in &spec.categories {
            if category.len() > CATEGORY_BYTES_MAX {
                return refuse(format!("coded {name}: a category is longer than {CATEGORY_BYTES_MAX} bytes"));
            }
            let codes: Vec<&str> = category.split(',').map(str::trim).collect();
            for code in &codes {
                if code.is_empty() {
                    return refuse(format!("coded {name}: category {category:?} has an empty code"));
                }
                if seen.contains(code) {
                    return refuse(format!("coded {name}: {code:?} is listed twice"));
                }
                seen.push(code);
            }
            parts.push(codes);
        }
        let categories = match field {
            Field::Fact(_) => {
                Categories::Codes(parts.iter().map(|codes| codes.iter().map(|c| (*c).to_owned()).collect()).collect())
            }
            Field::Diagnosis(_) | Field::AnyDiagnosis => Categories::Ranges(ranges(name, &parts)?),
        };
        Ok(Self { field, categories, column })
    }

    /// The place of the first category that holds; NaN where none does or nothing is known.
    pub fn value(&self, facts: &Facts) -> f64 {
        let place = match (&self.field, &self.categories) {
            (Field::Fact(fact), Categories::Codes(categories)) => {
                let code = facts.code(*fact);
                categories.iter().position(|codes| codes.iter().any(|known| known == code))
            }
            (Field::Diagnosis(at), Categories::Ranges(categories)) => {
                facts.diagnoses.get(*at).and_then(|diagnosis| first(categories, std::slice::from_ref(diagnosis)))
            }
            (Field::AnyDiagnosis, Categories::Ranges(categories)) => first(categories, &facts.diagnoses),
            _ => None,
        };
        place.map_or(f64::NAN, |place| place as f64)
    }
}

fn first(categories: &[Vec<Range>], diagnoses: &[Diagnosis]) -> Option<usize> {
    categories.iter().position(|ranges| diagnoses.iter().any(|diagnosis| ranges.iter().any(|range| range.holds(diagnosis))))
}

fn ranges(name: &str, parts: &[Vec<&str>]) -> Result<Vec<Vec<Range>>, PlanError> {
    let parse = |code: &&str| {
        Range::parse(code).ok_or_else(|| {
            PlanError(format!("coded {name}: {code:?} is no code and no range of two codes of one length, the lower first"))
        })
    };
    parts.iter().map(|codes| codes.iter().map(parse).collect()).collect()
}
