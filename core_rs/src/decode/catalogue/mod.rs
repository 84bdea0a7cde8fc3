//! The catalogue: which code is which signal, which unit becomes which value, which value is possible (P7).
//!
//! A code is looked up in the site's own map first, then as LOINC, MDC or SNOMED CT by the coding system the sender names.
//! Without a coding system only codes that name themselves are taken: the form of a LOINC code (digits, dash, check digit)
//! and an MDC reference id (`MDC_...`). 39 signals, about 100 codes, about 200 spellings of units; a lookup takes no lock and
//! allocates nothing.

mod answers;
mod codes;
mod listing;
mod signals;
mod site;
mod table;
mod units;

use indexmap::IndexMap;
use smallvec::SmallVec;

pub use answers::answer;
pub use listing::{SignalListing, listing};
pub use signals::*;
pub use site::SiteCode;
use site::SiteMap;
use table::Table;
pub use units::{Accept, Convert, Unit};

use super::event::SignalId;
use crate::error::{Code, Refusal};

/// Longest text of a sender that is repeated in an answer; what is longer, or has blanks, is no code and might name somebody.
const SHOWN_BYTES_MAX: usize = 24;

/// Longest unit spelling that is folded to lower case; none of the catalogue is longer.
const SPELLING_BYTES_MAX: usize = 32;

/// What a code means.
#[derive(Debug, Clone, Copy)]
pub struct Meaning<'a> {
    /// The signal.
    pub signal: SignalId,
    /// Its row.
    pub row: &'static Signal,
    /// Units the code accepts.
    pub accepts: &'static [Accept],
    /// The unit a site fixed for this code, whatever the message says.
    pub fixed: Option<&'a Convert>,
}

/// Units by how they are written; a spelling may stand for two, of which a signal accepts one.
type Spelt = IndexMap<&'static [u8], SmallVec<[Unit; 2]>>;

/// All lookups, built once.
#[derive(Debug)]
pub struct Catalogue {
    loinc: Table<codes::Row>,
    mdc: Table<SignalId>,
    snomed: Table<SignalId>,
    names: Table<SignalId>,
    others: Table<&'static str>,
    exact: Table<SmallVec<[Unit; 2]>>,
    folded: Table<SmallVec<[Unit; 2]>>,
    site: SiteMap,
}

/// The coding systems the catalogue reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum System {
    Loinc,
    Mdc,
    Snomed,
    Unsaid,
    Other,
}

impl System {
    fn of(name: &[u8]) -> Self {
        match name {
            b"LN" | b"LOINC" | b"2.16.840.1.113883.6.1" | b"http://loinc.org" => Self::Loinc,
            b"MDC" | b"2.16.840.1.113883.6.24" | b"urn:iso:std:iso:11073:10101" => Self::Mdc,
            b"SCT" | b"SNM" | b"2.16.840.1.113883.6.96" | b"http://snomed.info/sct" => Self::Snomed,
            b"" => Self::Unsaid,
            _ => Self::Other,
        }
    }
}

impl Catalogue {
    /// The built-in catalogue with a site's code map.
    ///
    /// # Errors
    /// A sentence naming the first entry of the map whose signal or unit does not exist.
    pub fn new(site: &[SiteCode]) -> Result<Self, String> {
        let mut catalogue = Self {
            loinc: codes::LOINC.iter().map(|row| (row.0.as_bytes(), *row)).collect(),
            mdc: codes::MDC
                .iter()
                .flat_map(|(number, name, signal)| [(number.as_bytes(), *signal), (name.as_bytes(), *signal)])
                .collect(),
            snomed: codes::SNOMED.iter().map(|(code, signal)| (code.as_bytes(), *signal)).collect(),
            names: (0u16..).zip(SIGNALS).map(|(number, row)| (row.name.as_bytes(), SignalId(number))).collect(),
            others: codes::OTHER_ANALYTES.iter().map(|(code, why)| (code.as_bytes(), *why)).collect(),
            exact: Table::default(),
            folded: Table::default(),
            site: SiteMap::default(),
        };
        let (mut exact, mut folded) = (Spelt::new(), Spelt::new());
        for row in units::SPELLINGS {
            exact.entry(row.ucum.as_bytes()).or_default().push(row.unit);
            for spelling in row.exact.iter().filter(|spelling| **spelling != row.ucum) {
                exact.entry(spelling.as_bytes()).or_default().push(row.unit);
            }
            for spelling in row.any_case {
                folded.entry(spelling.as_bytes()).or_default().push(row.unit);
            }
        }
        (catalogue.exact, catalogue.folded) = (exact.into_iter().collect(), folded.into_iter().collect());
        catalogue.site = SiteMap::new(site, &catalogue)?;
        Ok(catalogue)
    }

    /// What a code means, or None. `text` is OBX-3.2, where MDC senders put the reference id.
    pub fn meaning(&self, principal: &str, system: &[u8], code: &[u8], text: &[u8]) -> Option<Meaning<'_>> {
        if let Some(entry) = self.site.find(principal, system, code) {
            return meaning(entry.signal, None, entry.fixed.as_ref());
        }
        match System::of(system) {
            System::Loinc => self.loinc_meaning(code),
            System::Mdc => self.mdc_meaning(code, text),
            System::Snomed => meaning(*self.snomed.get(code)?, None, None),
            System::Unsaid if code.starts_with(b"MDC_") => meaning(*self.mdc.get(code)?, None, None),
            System::Unsaid if code.contains(&b'-') => self.loinc_meaning(code),
            System::Unsaid | System::Other => None,
        }
    }

    /// What a device's code means: as `meaning`, and without a system also a signal's own name or an MDC number.
    pub fn device_meaning(&self, principal: &str, system: &[u8], code: &[u8]) -> Option<Meaning<'_>> {
        if let Some(found) = self.meaning(principal, system, code, b"") {
            return Some(found);
        }
        if system.is_empty() {
            let signal = self.names.get(code).or_else(|| self.mdc.get(code))?;
            return meaning(*signal, None, None);
        }
        (system == b"nightlamp").then(|| self.names.get(code)).flatten().and_then(|signal| meaning(*signal, None, None))
    }

    /// Why a code that looks like a signal is not one, where the catalogue knows.
    pub fn other_analyte(&self, code: &[u8]) -> Option<&'static str> {
        self.others.get(code).copied()
    }

    fn loinc_meaning(&self, code: &[u8]) -> Option<Meaning<'_>> {
        let (_, signal, accepts) = self.loinc.get(code)?;
        meaning(*signal, *accepts, None)
    }

    /// The number, or, where a sender keeps a local id in its place, the reference id beside it. A number the catalogue
    /// does not know is never overruled by the text.
    fn mdc_meaning(&self, code: &[u8], text: &[u8]) -> Option<Meaning<'_>> {
        if let Some(signal) = self.mdc.get(code) {
            return meaning(*signal, None, None);
        }
        if !code.is_empty() && code.iter().all(u8::is_ascii_digit) {
            return None;
        }
        if text.starts_with(b"MDC_") { meaning(*self.mdc.get(text)?, None, None) } else { None }
    }

    /// How a unit becomes canonical for a meaning, or None where the unit or the pair is unknown.
    pub fn conversion(&self, accepts: &[Accept], spelling: &[u8]) -> Option<Convert> {
        self.units(spelling)
            .and_then(|units| accepts.iter().find(|(unit, _)| units.contains(unit)).map(|(_, conversion)| *conversion))
            .or_else(|| {
                let units = self.folded_units(spelling)?;
                accepts.iter().find(|(unit, _)| units.contains(unit)).map(|(_, conversion)| *conversion)
            })
    }

    #[inline]
    fn units(&self, spelling: &[u8]) -> Option<&[Unit]> {
        self.exact.get(spelling).map(SmallVec::as_slice)
    }

    fn folded_units(&self, spelling: &[u8]) -> Option<&[Unit]> {
        let mut lower = [0u8; SPELLING_BYTES_MAX];
        let lower = lower.get_mut(..spelling.len())?;
        lower.copy_from_slice(spelling);
        lower.make_ascii_lowercase();
        self.folded.get(&*lower).map(SmallVec::as_slice)
    }
}

fn meaning<'a>(signal: SignalId, accepts: Option<&'static [Accept]>, fixed: Option<&'a Convert>) -> Option<Meaning<'a>> {
    let row = signals::signal(signal)?;
    Some(Meaning { signal, row, accepts: accepts.unwrap_or(row.accepts), fixed })
}

impl Meaning<'_> {
    /// The canonical value of a number in a unit.
    ///
    /// # Errors
    /// `MissingUnit`, `UnknownUnit` (naming what is accepted), `Implausible` or `BadDataType`.
    pub fn canonical(&self, catalogue: &Catalogue, value: f64, unit: &[u8]) -> Result<f64, Refusal> {
        self.plausible(self.conversion(catalogue, unit)?.apply(value))
    }

    /// How a number in a unit becomes canonical.
    ///
    /// # Errors
    /// `MissingUnit`, `UnknownUnit` (naming what is accepted).
    pub fn conversion(&self, catalogue: &Catalogue, unit: &[u8]) -> Result<Convert, Refusal> {
        match self.fixed {
            Some(conversion) => Ok(*conversion),
            None if unit.is_empty() => match self.row.kind {
                Kind::Dimensionless | Kind::Points => Ok(Convert::SAME),
                Kind::Quantity | Kind::Consciousness | Kind::Oxygen => {
                    Err(Refusal::new(Code::MissingUnit, format!("{} needs one of: {}", self.row.name, self.accepted())))
                }
            },
            None => catalogue.conversion(self.accepts, unit).ok_or_else(|| {
                let detail = format!("{} in '{}'; accepted: {}", self.row.name, shown(unit), self.accepted());
                Refusal::new(Code::UnknownUnit, detail)
            }),
        }
    }

    /// The value itself where it lies in the signal's range.
    ///
    /// # Errors
    /// `Implausible`, or `BadDataType` for points that are not whole.
    pub fn plausible(&self, value: f64) -> Result<f64, Refusal> {
        self.admits(value).map(|()| value).map_err(|code| {
            let detail = match code {
                Code::BadDataType => format!("{} is a whole number", self.row.name),
                _ => format!("{} is possible from {} to {} {}", self.row.name, self.row.low, self.row.high, self.row.unit),
            };
            Refusal::new(code, detail.trim_end())
        })
    }

    /// `plausible`, for those who ask of millions of values and need no sentence.
    ///
    /// # Errors
    /// `Implausible`, or `BadDataType` for points that are not whole.
    #[inline]
    pub fn admits(&self, value: f64) -> Result<(), Code> {
        // NaN is in no range.
        if !(self.row.low..=self.row.high).contains(&value) {
            return Err(Code::Implausible);
        }
        if self.row.kind == Kind::Points && value.fract() != 0.0 {
            return Err(Code::BadDataType);
        }
        Ok(())
    }

    /// Whether the signal takes coded answers.
    pub fn is_coded(&self) -> bool {
        matches!(self.row.kind, Kind::Consciousness | Kind::Oxygen)
    }

    fn accepted(&self) -> String {
        let units: Vec<&str> = self.accepts.iter().map(|(unit, _)| unit.ucum()).collect();
        if units.is_empty() { "coded answers".to_owned() } else { units.join(", ") }
    }
}

/// A short printable excerpt of a code or unit for a refusal: at most 24 visible ASCII characters without blanks; of anything
/// else only the length, so that no free text and no name in a misplaced field slips through (P6).
pub fn shown(bytes: &[u8]) -> String {
    let is_code = |byte: &u8| byte.is_ascii_graphic() && *byte != b'^';
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.len() <= SHOWN_BYTES_MAX && bytes.iter().all(is_code) => text.to_owned(),
        _ => format!("({} bytes)", bytes.len()),
    }
}

#[cfg(test)]
mod tests;
