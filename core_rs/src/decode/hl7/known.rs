//! What was understood before: a monitor says the same few codes and units of the same patient every second, and to work out again
//! what they mean was a third of what a message costs.
//!
//! Without effect on content: an entry is what came out for exactly these bytes between the usual delimiters, and nothing else bears
//! on it, neither the message's character set nor its sender. Limits: 512 codes with their units and 1,024 patients, 96 bytes of
//! text each, 0.2 MB in all. What does not fit is worked out again; a newer entry takes the place of an older one.

use crate::decode::catalogue::{Convert, Meaning};
use crate::decode::event::PatientId;
use crate::decode::lanes::word;

const CODES: usize = 512;
const PATIENTS: usize = 1_024;
const BYTES_MAX: usize = 96;

/// Odd, with its bits spread: the golden ratio.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// A code in a unit.
#[derive(Clone, Copy)]
pub struct Code {
    /// What the code means.
    pub meaning: Meaning<'static>,
    /// How a number in the unit becomes canonical.
    pub conversion: Convert,
}

/// All that a site remembers.
pub struct Known {
    codes: Table<Code>,
    patients: Table<PatientId>,
}

/// Says nothing of what senders wrote.
impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Known(hidden)")
    }
}

impl Known {
    /// Nothing yet. Codes are remembered only where they mean the same whoever sends them.
    pub fn new(remembers_codes: bool) -> Self {
        Self { codes: Table::of(if remembers_codes { CODES } else { 0 }), patients: Table::of(PATIENTS) }
    }

    /// What OBX-3 and OBX-6 mean.
    #[inline]
    pub fn code(&self, obx_3: &[u8], obx_6: &[u8]) -> Option<&Code> {
        self.codes.get(obx_3, obx_6)
    }

    /// Remembers what OBX-3 and OBX-6 mean; a unit that the site fixed for the code is in the conversion.
    pub fn put_code(&mut self, obx_3: &[u8], obx_6: &[u8], meaning: &Meaning<'_>, conversion: Convert) {
        let Meaning { signal, row, accepts, .. } = *meaning;
        let meaning = Meaning { signal, row, accepts, fixed: None };
        self.codes.put(obx_3, obx_6, Code { meaning, conversion });
    }

    /// Whom PID-3 names.
    #[inline]
    pub fn patient(&self, pid_3: &[u8]) -> Option<PatientId> {
        self.patients.get(pid_3, b"").copied()
    }

    /// Remembers whom PID-3 names. Its text is ASCII and has no escapes: what other bytes say depends on the character set.
    pub fn put_patient(&mut self, pid_3: &[u8], patient: PatientId) {
        self.patients.put(pid_3, b"", patient);
    }
}

/// What fields mean, one or two together, at a place that follows from their bytes.
struct Table<T> {
    entries: Box<[Option<Entry<T>>]>,
}

#[derive(Clone, Copy)]
struct Entry<T> {
    /// Both fields, one behind the other.
    bytes: [u8; BYTES_MAX],
    first_bytes: usize,
    second_bytes: usize,
    found: T,
}

impl<T: Copy> Table<T> {
    fn of(entries: usize) -> Self {
        Self { entries: vec![None; entries].into() }
    }

    #[inline]
    fn get(&self, first: &[u8], second: &[u8]) -> Option<&T> {
        let entry = self.entries.get(self.place(first, second))?.as_ref()?;
        let (start, rest) = entry.bytes.split_at_checked(entry.first_bytes)?;
        (start == first && rest.get(..entry.second_bytes)? == second).then_some(&entry.found)
    }

    fn put(&mut self, first: &[u8], second: &[u8], found: T) {
        let mut bytes = [0; BYTES_MAX];
        let Some((start, rest)) = bytes.split_at_mut_checked(first.len()) else { return };
        let Some(rest) = rest.get_mut(..second.len()) else { return };
        start.copy_from_slice(first);
        rest.copy_from_slice(second);
        let place = self.place(first, second);
        if let Some(entry) = self.entries.get_mut(place) {
            *entry = Some(Entry { bytes, first_bytes: first.len(), second_bytes: second.len(), found });
        }
    }

    /// By their first bytes, in which codes, units and identifiers mostly differ. Beyond the end where there are no entries.
    #[inline]
    fn place(&self, first: &[u8], second: &[u8]) -> usize {
        let next = word(first.get(8..).unwrap_or_default());
        let lengths = (first.len() as u64) << 8 ^ second.len() as u64;
        let mixed = word(first) ^ next.rotate_left(21) ^ word(second).rotate_left(43) ^ lengths;
        (mixed.wrapping_mul(SPREAD) >> 40) as usize & self.entries.len().wrapping_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_bytes_are_known_and_a_newer_entry_takes_the_place_of_an_older_one() {
        let mut table = Table::of(8);
        assert_eq!(table.get(b"8310-5^^LN", b"Cel"), None);
        for at in 0..1_000 {
            let code = format!("8310-5^{at}^LN");
            table.put(code.as_bytes(), b"Cel", at);
            assert_eq!(table.get(code.as_bytes(), b"Cel"), Some(&at));
            for (first, second) in [(&*code, "Ce"), (&*code, "cel"), ("8310-5^^LN", "Cel"), (&*format!("{code}C"), "el")] {
                assert_eq!(table.get(first.as_bytes(), second.as_bytes()), None);
            }
        }
        assert_eq!(table.entries.len(), 8);
    }

    #[test]
    fn what_is_longer_than_an_entry_is_not_remembered() {
        let mut table = Table::of(8);
        for (first, second, is_kept) in [(96, 0, true), (90, 6, true), (97, 0, false), (90, 7, false), (1, 96, false)] {
            let (first, second) = (vec![b'a'; first], vec![b'b'; second]);
            table.put(&first, &second, ());
            assert_eq!(table.get(&first, &second).is_some(), is_kept);
        }
    }

    #[test]
    fn without_entries_nothing_is_remembered() {
        let mut table = Table::of(0);
        table.put(b"a", b"b", ());
        assert_eq!(table.get(b"a", b"b"), None);
    }

    #[test]
    fn p6_debug_shows_nothing_of_it() {
        let mut known = Known::new(true);
        known.put_patient(b"4711^^^HOSP", PatientId([7; 16]));
        assert_eq!(format!("{known:?}"), "Known(hidden)");
    }
}
