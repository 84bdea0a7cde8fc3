//! Which messages were seen before, so that a redelivery yields its rows once (P2).
//!
//! Remembers the newest `message_ids_max` ids (1,000,000 by default, 24 bytes each and their place in the table). A sender that
//! redelivers later than that many messages afterwards is protected only by the window's rule that the same value at the same
//! time changes nothing.

use std::collections::VecDeque;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::decode::MessageId;

/// What the memory says of a message id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Not seen before; it is remembered now.
    First,
    /// The same id with the same content: nothing is to be done.
    Again,
    /// The same id with other content: one of the two is wrong, and nobody can say which.
    Conflict,
}

/// The newest message ids.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Redelivery {
    /// Content by id: looked up, never iterated.
    content: HashMap<u64, u64>,
    /// Ids in the order they came.
    order: VecDeque<u64>,
}

impl Redelivery {
    /// Looks the id up and remembers it if it is new; the oldest beyond `ids_max` is forgotten.
    pub fn check(&mut self, message: MessageId, ids_max: usize) -> Delivery {
        match self.content.get(&message.id) {
            Some(content) if *content == message.content => return Delivery::Again,
            Some(_) => return Delivery::Conflict,
            None => {}
        }
        if self.order.len() >= ids_max
            && let Some(oldest) = self.order.pop_front()
        {
            self.content.remove(&oldest);
        }
        self.content.insert(message.id, message.content);
        self.order.push_back(message.id);
        Delivery::First
    }

    /// Ids remembered.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// True where none is.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: u64, content: u64) -> MessageId {
        MessageId { id, content }
    }

    #[test]
    fn p2_a_redelivery_is_recognised_and_a_conflict_is_not_a_redelivery() {
        let mut seen = Redelivery::default();
        assert_eq!(seen.check(message(1, 7), 10), Delivery::First);
        assert_eq!(seen.check(message(1, 7), 10), Delivery::Again);
        assert_eq!(seen.check(message(1, 8), 10), Delivery::Conflict);
        assert_eq!(seen.check(message(1, 7), 10), Delivery::Again, "a conflict does not overwrite");
    }

    #[test]
    fn p5_the_memory_is_bounded_and_forgets_the_oldest() {
        let mut seen = Redelivery::default();
        for id in 0..100 {
            seen.check(message(id, 0), 10);
        }
        assert_eq!(seen.len(), 10);
        assert_eq!(seen.check(message(95, 0), 10), Delivery::Again);
        assert_eq!(seen.check(message(5, 0), 10), Delivery::First);
    }
}
