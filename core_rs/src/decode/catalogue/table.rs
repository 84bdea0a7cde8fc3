//! A lookup by short texts that is built once: codes and units are looked up twice for every observation. Open addressing, at most
//! a quarter full; texts of up to eight bytes (LOINC and MDC codes, most units) are compared as one number.

use crate::decode::lanes::word;

/// Odd, with its bits spread: the golden ratio.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

#[derive(Debug, Clone, Copy)]
struct Slot<T> {
    /// The first eight bytes.
    first: u64,
    key: &'static [u8],
    value: T,
}

/// Values by key.
#[derive(Debug)]
pub(super) struct Table<T> {
    slots: Vec<Option<Slot<T>>>,
}

impl<T: Clone> Default for Table<T> {
    fn default() -> Self {
        Self { slots: vec![None] }
    }
}

impl<T: Clone> FromIterator<(&'static [u8], T)> for Table<T> {
    /// Of the same key twice, the later value holds.
    fn from_iter<I: IntoIterator<Item = (&'static [u8], T)>>(entries: I) -> Self {
        let entries: Vec<_> = entries.into_iter().collect();
        let mut table = Self { slots: vec![None; (entries.len() * 4).max(4).next_power_of_two()] };
        for (key, value) in entries {
            let at = table.place(key);
            if let Some(slot) = table.slots.get_mut(at) {
                *slot = Some(Slot { first: word(key), key, value });
            }
        }
        table
    }
}

impl<T> Table<T> {
    /// What a text stands for.
    #[inline]
    pub(super) fn get(&self, key: &[u8]) -> Option<&T> {
        self.slots.get(self.place(key))?.as_ref().map(|slot| &slot.value)
    }

    /// All entries, in no order.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static [u8], &T)> {
        self.slots.iter().flatten().map(|slot| (slot.key, &slot.value))
    }

    /// Where a key is, or would be.
    #[inline]
    fn place(&self, key: &[u8]) -> usize {
        let first = word(key);
        let last = key.last_chunk::<8>().map_or(0, |last| u64::from_le_bytes(*last));
        let hash = (first ^ last.rotate_left(29) ^ key.len() as u64).wrapping_mul(SPREAD);
        let mask = self.slots.len() - 1;
        let mut at = (hash >> 40) as usize & mask;
        // Ends: three quarters of the slots are free.
        while let Some(Some(slot)) = self.slots.get(at) {
            if slot.first == first && slot.key.len() == key.len() && (key.len() <= 8 || slot.key == key) {
                break;
            }
            at = (at + 1) & mask;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_is_found_in_an_empty_table() {
        assert_eq!(Table::<u8>::default().get(b""), None);
        assert_eq!(Table::<u8>::from_iter([]).get(b"x"), None);
    }

    proptest! {
        #[test]
        fn it_is_a_map(keys in prop::collection::vec("[a-c]{0,3}|[a-b\0]{6,10}|MDC_[A-B]{8,20}", 0..60), asked in "[a-c]{0,3}|[a-b\0]{6,10}") {
            let keys: Vec<&'static [u8]> = keys.into_iter().map(|key| &*key.into_bytes().leak()).collect();
            let map: std::collections::BTreeMap<&[u8], usize> = keys.iter().copied().zip(0..).collect();
            let table: Table<usize> = keys.iter().copied().zip(0..).collect();
            for key in &keys {
                prop_assert_eq!(table.get(key), map.get(key));
            }
            prop_assert_eq!(table.get(asked.as_bytes()), map.get(asked.as_bytes()));
        }
    }
}
