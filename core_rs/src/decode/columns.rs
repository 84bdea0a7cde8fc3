//! Recorded values, column-wise: the code lookup, unit conversion and plausibility of service (P7) over many rows at once, so that
//! training holds to what a message would have been held to.
//!
//! A row reads as an observation of device JSON does (`device`): a number for a signal with a unit, a word of the answer list
//! for a coded one. Codes, units and words come as lists of distinct texts with one index a row; what a (code, unit) pair
//! means is found once: 100 to 150 ns a row with all columns in and out. Nothing is refused as a whole but columns that do not
//! fit each other.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use super::Decoder;
use super::catalogue::{Catalogue, Convert, Meaning, answer};
use crate::error::{Code, Refusal};

/// The index of a row without a word: it has a number.
pub const NO_WORD: u32 = u32::MAX;
/// The signal of a row that was refused.
pub const NO_SIGNAL: u16 = u16::MAX;

/// Columns of recorded values; `*_of_row` and `values` have one entry a row.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'a> {
    /// Distinct codes: system (as in OBX-3.3, may be empty) and code.
    pub codes: &'a [(String, String)],
    /// Distinct units as written; "" is none.
    pub units: &'a [String],
    /// Distinct coded answers as written.
    pub words: &'a [String],
    /// Index into `codes`.
    pub code_of_row: &'a [u32],
    /// Index into `units`.
    pub unit_of_row: &'a [u32],
    /// Index into `words`, or `NO_WORD`; empty where no row has a word.
    pub word_of_row: &'a [u32],
    /// The numbers; NaN is no value. Not read where the row has a word.
    pub values: &'a [f64],
}

/// Rows refused for one reason, of one code and unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// Index into the codes.
    pub code: u32,
    /// Index into the units.
    pub unit: u32,
    /// Why, with what was expected.
    pub refusal: Refusal,
    /// The first such row.
    pub first_row: usize,
    /// How many.
    pub rows: u64,
}

/// What became of each row, and the refusals in the order of their first rows.
#[derive(Debug, Default)]
pub struct Understood {
    /// Catalogue number; `NO_SIGNAL` where refused.
    pub signal: Vec<u16>,
    /// Canonical value; NaN where refused.
    pub value: Vec<f64>,
    /// 0 where kept, else 1 + the index into `dropped`.
    pub reason: Vec<u32>,
    /// Why rows were refused.
    pub dropped: Vec<Dropped>,
}

/// What a (code, unit) pair asks of a number.
#[derive(Clone, Copy)]
enum Reading<'a> {
    Number(Meaning<'a>, Convert),
    /// Nothing with this code and unit can be a number of it.
    Never,
}

impl Decoder {
    /// Understands recorded rows as if `principal` had sent them as device JSON. No clock, no state.
    ///
    /// # Errors
    /// One sentence: columns of different lengths, an index beyond its list.
    pub fn recorded(&self, principal: &str, rows: Recorded<'_>) -> Result<Understood, String> {
        rows.check()?;
        let catalogue = self.catalogue();
        let meanings: Vec<Option<Meaning<'_>>> = rows
            .codes
            .iter()
            .map(|(system, code)| catalogue.device_meaning(principal, system.trim().as_bytes(), code.trim().as_bytes()))
            .collect();
        let mut pairs: HashMap<(u32, u32), Reading<'_>> = HashMap::new();
        let mut out = Understood::default();
        let mut places: HashMap<(u32, u32, Code), u32> = HashMap::new();
        out.signal.reserve_exact(rows.values.len());
        out.value.reserve_exact(rows.values.len());
        out.reason.reserve_exact(rows.values.len());
        let columns = rows.code_of_row.iter().zip(rows.unit_of_row).zip(rows.values);
        for (at, ((&code, &unit), &value)) in columns.enumerate() {
            let word = rows.word_of_row.get(at).and_then(|word| rows.words.get(*word as usize));
            let meaning = meanings.get(code as usize).copied().flatten();
            let reading = match pairs.entry((code, unit)) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(place) => *place.insert(reading(catalogue, meaning, rows.unit(unit))),
            };
            let quick = match (reading, word) {
                (Reading::Number(meaning, conversion), None) => {
                    let canonical = conversion.apply(value + 0.0); // adding zero turns -0 into 0
                    meaning.admits(canonical).ok().map(|()| (meaning.signal.0, canonical))
                }
                _ => None,
            };
            let kept = match quick {
                Some(kept) => Ok(kept),
                None => slow(catalogue, meaning, rows.code(code), rows.unit(unit), word, value),
            };
            let (signal, value, reason) = match kept {
                Ok((signal, value)) => (signal, value, 0),
                Err(refusal) => (NO_SIGNAL, f64::NAN, count(&mut places, &mut out.dropped, (code, unit), at, refusal)),
            };
            out.signal.push(signal);
            out.value.push(value);
            out.reason.push(reason);
        }
        Ok(out)
    }
}

/// Counts a refusal and gives 1 + its place.
fn count(
    places: &mut HashMap<(u32, u32, Code), u32>,
    dropped: &mut Vec<Dropped>,
    (code, unit): (u32, u32),
    first_row: usize,
    refusal: Refusal,
) -> u32 {
    let place = *places.entry((code, unit, refusal.code)).or_insert_with(|| {
        dropped.push(Dropped { code, unit, refusal, first_row, rows: 0 });
        dropped.len() as u32
    });
    if let Some(row) = dropped.get_mut(place as usize - 1) {
        row.rows += 1;
    }
    place
}

fn reading<'a>(catalogue: &Catalogue, meaning: Option<Meaning<'a>>, unit: &str) -> Reading<'a> {
    match meaning.filter(|meaning| !meaning.accepts.is_empty()) {
        Some(meaning) => match meaning.conversion(catalogue, unit.as_bytes()) {
            Ok(conversion) => Reading::Number(meaning, conversion),
            Err(_) => Reading::Never,
        },
        None => Reading::Never,
    }
}

/// One row as `device` reads an observation: coded answers, and whatever ends in a refusal.
fn slow(
    catalogue: &Catalogue,
    meaning: Option<Meaning<'_>>,
    (system, code): (&str, &str),
    unit: &str,
    word: Option<&String>,
    value: f64,
) -> Result<(u16, f64), Refusal> {
    let Some(meaning) = meaning else { return Err(super::device::unknown_code(catalogue, system, code)) };
    let wrong = || Refusal::new(Code::BadDataType, format!("the value is not one of {}", meaning.row.name));
    let canonical = match word {
        Some(word) if meaning.is_coded() => {
            meaning.plausible(answer(meaning.row.kind, word.trim().as_bytes()).ok_or_else(wrong)?)
        }
        Some(_) => Err(wrong()),
        None if value.is_nan() => Err(Refusal::new(Code::MissingValue, format!("{} without a value", meaning.row.name))),
        None if meaning.accepts.is_empty() => Err(wrong()),
        None => meaning.canonical(catalogue, value + 0.0, unit.as_bytes()),
    };
    canonical.map(|value| (meaning.signal.0, value))
}

impl Recorded<'_> {
    fn code(&self, at: u32) -> (&str, &str) {
        self.codes.get(at as usize).map_or(("", ""), |(system, code)| (system.trim(), code.trim()))
    }

    fn unit(&self, at: u32) -> &str {
        self.units.get(at as usize).map_or("", |unit| unit.trim())
    }

    fn check(&self) -> Result<(), String> {
        let rows = self.values.len();
        let words = self.word_of_row.len();
        if [self.code_of_row.len(), self.unit_of_row.len()] != [rows; 2] || !(words == 0 || words == rows) {
            return Err("the columns differ in length".to_owned());
        }
        let within = |indices: &[u32], list: usize| indices.iter().all(|index| (*index as usize) < list);
        if !within(self.code_of_row, self.codes.len()) || !within(self.unit_of_row, self.units.len()) {
            return Err("an index of a code or unit lies beyond its list".to_owned());
        }
        if !self.word_of_row.iter().all(|index| *index == NO_WORD || (*index as usize) < self.words.len()) {
            return Err("an index of a word lies beyond its list".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
