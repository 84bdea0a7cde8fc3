//! Which messages were seen before, so that a redelivery yields its rows once (P2) and is answered as the first time.
//!
//! Remembers the newest `message_ids_max` (1,000,000 by default, 32 bytes each and 9 of index), counted in messages, not in time:
//! at 5,000 messages/s that is 200 s, at one a second 11 days. A redelivery later than that is a new message to it: what then
//! holds is the window's rule that the same value at the same time changes nothing, as long as the window holds that time.
//!
//! A conflict is remembered too, so that its copies give one dead letter. The pipeline writes, doors only look.

use std::sync::Arc;

use hashbrown::HashTable;
use parking_lot::RwLock;
use serde::{Deserialize, Deserializer, Serialize};

use crate::decode::MessageId;

/// What the sender and the dead letter are told of a conflict.
pub const CONFLICT: &str = "this message id came before with other content";

/// What the memory says of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Not seen before; it is remembered now.
    First,
    /// The same id with the same content: nothing is to be done.
    Again,
    /// The same id with other content: one of the two is wrong, and nobody can say which.
    Conflict,
    /// A copy of a conflict.
    ConflictAgain,
}

/// The frame that brought a message first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// Id and content.
    pub message: MessageId,
    /// The frame's number.
    pub seq: u64,
    /// Its receipt, microseconds since 1970-01-01 UTC.
    pub received_at_us: i64,
}

/// The newest message ids. Clones share one memory.
#[derive(Debug, Clone, Default)]
pub struct Redelivery {
    memory: Arc<RwLock<Memory>>,
}

#[derive(Debug, Default)]
struct Memory {
    /// In the order they came, from `oldest` round to the one before it.
    ring: Vec<Delivered>,
    oldest: usize,
    /// Places in the ring by id: looked up, never iterated.
    places: HashTable<u32>,
}

impl Redelivery {
    /// Looks a message up and remembers it if it is new; the oldest beyond `ids_max` is forgotten.
    pub fn check(&self, delivered: Delivered, ids_max: usize) -> Delivery {
        let mut memory = self.memory.write();
        let message = delivered.message;
        match memory.find(message.id) {
            None => {
                memory.remember(delivered, ids_max);
                Delivery::First
            }
            Some(first) if first.message.content == message.content => Delivery::Again,
            Some(_) => {
                let id = conflicting(message);
                if memory.find(id).is_some() {
                    return Delivery::ConflictAgain;
                }
                memory.remember(Delivered { message: MessageId { id, ..message }, ..delivered }, ids_max);
                Delivery::Conflict
            }
        }
    }

    /// Remembers content under an id that is another message's, where that other is remembered elsewhere.
    pub fn note_conflict(&self, delivered: Delivered, ids_max: usize) {
        let mut memory = self.memory.write();
        let id = conflicting(delivered.message);
        if memory.find(id).is_none() {
            memory.remember(Delivered { message: MessageId { id, ..delivered.message }, ..delivered }, ids_max);
        }
    }

    /// The frame that brought the message with this id first.
    pub fn first(&self, id: u64) -> Option<Delivered> {
        self.memory.read().find(id)
    }

    /// The frame that brought this content under an id that was another message's.
    pub fn first_conflict(&self, message: MessageId) -> Option<Delivered> {
        self.first(conflicting(message))
    }

    /// Takes over what another memory holds, its newest `ids_max`.
    pub fn resume(&self, other: &Self, ids_max: usize) {
        let known = other.in_order();
        let newest = known.get(known.len().saturating_sub(ids_max)..).unwrap_or_default();
        *self.memory.write() = Memory::of(newest.to_vec());
    }

    /// What is remembered, oldest first.
    pub fn in_order(&self) -> Vec<Delivered> {
        self.memory.read().in_order().copied().collect()
    }

    /// Ids remembered.
    pub fn len(&self) -> usize {
        self.memory.read().ring.len()
    }

    /// True where none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The id under which a conflict is remembered. Ids are keyed hashes, so nobody can make one that is this.
fn conflicting(message: MessageId) -> u64 {
    message.id.rotate_left(21) ^ message.content
}

impl Memory {
    fn of(ring: Vec<Delivered>) -> Self {
        let mut memory = Self { places: HashTable::with_capacity(ring.len()), ring, oldest: 0 };
        for place in 0..memory.ring.len() {
            memory.index(place);
        }
        memory
    }

    fn in_order(&self) -> impl Iterator<Item = &Delivered> {
        let (newer, older) = self.ring.split_at_checked(self.oldest).unwrap_or_default();
        older.iter().chain(newer)
    }

    fn find(&self, id: u64) -> Option<Delivered> {
        let is = |place: &u32| self.ring.get(*place as usize).is_some_and(|known| known.message.id == id);
        let place = self.places.find(id, is)?;
        self.ring.get(*place as usize).copied()
    }

    fn index(&mut self, place: usize) {
        let Self { ring, places, .. } = self;
        let id = |place: &u32| ring.get(*place as usize).map_or(0, |known| known.message.id);
        let place = place as u32;
        places.insert_unique(id(&place), place, id);
    }

    fn remember(&mut self, delivered: Delivered, ids_max: usize) {
        if self.ring.len() < ids_max.min(u32::MAX as usize) {
            self.ring.push(delivered);
            return self.index(self.ring.len() - 1);
        }
        let at = self.oldest;
        let Some(place) = self.ring.get_mut(at) else { return };
        let gone = std::mem::replace(place, delivered);
        self.oldest = (at + 1) % self.ring.len();
        if let Ok(entry) = self.places.find_entry(gone.message.id, |place| *place as usize == at) {
            entry.remove();
        }
        self.index(at);
    }
}

impl<'de> Deserialize<'de> for Redelivery {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let memory = Memory::of(Vec::deserialize(deserializer)?);
        Ok(Self { memory: Arc::new(RwLock::new(memory)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered(id: u64, content: u64) -> Delivered {
        Delivered { message: MessageId { id, content }, seq: id, received_at_us: 0 }
    }

    #[test]
    fn p2_a_redelivery_is_recognised_and_a_conflict_is_not_a_redelivery() {
        let seen = Redelivery::default();
        assert_eq!(seen.check(delivered(1, 7), 10), Delivery::First);
        assert_eq!(seen.check(Delivered { seq: 9, ..delivered(1, 7) }, 10), Delivery::Again);
        assert_eq!(seen.check(delivered(1, 8), 10), Delivery::Conflict);
        assert_eq!(seen.check(delivered(1, 7), 10), Delivery::Again, "a conflict does not overwrite");
        assert_eq!(seen.check(delivered(1, 8), 10), Delivery::ConflictAgain, "nor is a copy of it another conflict");
        assert_eq!(seen.check(delivered(1, 9), 10), Delivery::Conflict);
        assert_eq!(seen.first(1).map(|first| first.seq), Some(1), "the first stays the first");
    }

    #[test]
    fn p2_the_first_note_of_a_conflict_stays_the_first() {
        let seen = Redelivery::default();
        for seq in [3, 9] {
            seen.note_conflict(Delivered { seq, ..delivered(1, 8) }, 10);
        }
        assert_eq!(seen.first_conflict(delivered(1, 8).message).map(|first| first.seq), Some(3));
        assert_eq!((seen.first_conflict(delivered(1, 9).message), seen.first(1)), (None, None));
    }

    #[test]
    fn p5_the_memory_is_bounded_and_forgets_the_oldest() {
        let seen = Redelivery::default();
        for id in 0..100 {
            seen.check(delivered(id, 0), 10);
        }
        assert_eq!(seen.len(), 10);
        assert_eq!(seen.check(delivered(95, 0), 10), Delivery::Again);
        assert_eq!(seen.check(delivered(5, 0), 10), Delivery::First);
        assert_eq!(seen.len(), 10);
        assert_eq!(seen.check(delivered(90, 0), 10), Delivery::First, "90 was the oldest and made room for 5");
    }

    proptest::proptest! {
        /// Against the definition: the newest `max` of what was remembered, in a list.
        #[test]
        fn it_is_a_list_of_the_newest_also_through_a_snapshot(ids in proptest::collection::vec((0u64..12, 0u64..3), 0..80), cut in 0usize..80, max in 1usize..12) {
            let mut seen = Redelivery::default();
            let mut list: Vec<(u64, u64)> = Vec::new();
            for (at, (id, content)) in ids.into_iter().enumerate() {
                if at == cut {
                    let bytes = postcard::to_allocvec(&seen.in_order()).expect("written");
                    let read: Redelivery = postcard::from_bytes(&bytes).expect("read");
                    proptest::prop_assert_eq!(&postcard::to_allocvec(&read.in_order()).expect("written"), &bytes);
                    seen = Redelivery::default();
                    seen.resume(&read, max);
                }
                let message = MessageId { id, content };
                let known = |id: u64| list.iter().find(|(known, _)| *known == id).copied();
                let (expected, new) = match known(id) {
                    None => (Delivery::First, Some((id, content))),
                    Some((_, same)) if same == content => (Delivery::Again, None),
                    Some(_) if known(conflicting(message)).is_some() => (Delivery::ConflictAgain, None),
                    Some(_) => (Delivery::Conflict, Some((conflicting(message), content))),
                };
                list.extend(new);
                list.drain(..list.len().saturating_sub(max));
                proptest::prop_assert_eq!(seen.check(delivered(id, content), max), expected);
                proptest::prop_assert_eq!(seen.len(), list.len());
            }
        }
    }
}
