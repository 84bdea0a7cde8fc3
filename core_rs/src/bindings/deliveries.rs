//! What the HTTP doors know of redeliveries, so that a copy is answered as the message was and a conflict is told.
//!
//! The pipeline decides, from the journal alone; this only looks. Beside the pipeline's memory it holds the newest `RECENT_MAX`
//! messages these doors have journalled: the pipeline may not have reached them yet. After a start the memory is whole once the
//! journal has been replayed; a copy that comes before is journalled, recognised and stored once all the same, but answered anew.

use pyo3::prelude::*;

use crate::decode::MessageId;
use crate::pipeline::{Delivered, Redelivery};

/// Messages of these doors remembered until the pipeline has them.
const RECENT_MAX: usize = 16_384;

/// The messages that came before.
#[pyclass(frozen, name = "Deliveries", module = "nightlamp._core")]
#[derive(Debug)]
pub struct Deliveries {
    memory: Redelivery,
    recent: Redelivery,
    recent_max: usize,
}

/// Whether a message came before.
#[derive(Debug, Clone, Copy)]
pub(super) enum Known {
    /// No, as far as is known here.
    New,
    /// It did, in this frame.
    Again(Delivered),
    /// Its id did, with other content; the frame that brought this content first, if one did.
    Conflict(Option<Delivered>),
}

impl Deliveries {
    pub(super) fn new(memory: Redelivery, ids_max: usize) -> Self {
        Self { memory, recent: Redelivery::default(), recent_max: RECENT_MAX.min(ids_max) }
    }

    pub(super) fn look(&self, message: MessageId) -> Known {
        let is_other = |first: &Delivered| first.message.content != message.content;
        let (decided, noted) = (self.memory.first(message.id), self.recent.first(message.id));
        if decided.as_ref().or(noted.as_ref()).is_some_and(is_other) {
            return Known::Conflict(self.recent.first_conflict(message).or_else(|| self.memory.first_conflict(message)));
        }
        // What was said here once is said again, also where another door was a moment earlier.
        noted.filter(|first| !is_other(first)).or(decided).map_or(Known::New, Known::Again)
    }
}

impl Deliveries {
    /// A message with this (id, content) was journalled as frame `seq`.
    pub(super) fn note_message(&self, message: (u64, u64), seq: u64, received_at_us: i64) {
        let message = MessageId { id: message.0, content: message.1 };
        let delivered = Delivered { message, seq, received_at_us };
        match self.memory.first(message.id) {
            None => {
                self.recent.check(delivered, self.recent_max);
            }
            // The pipeline has decided; a copy noted here would look like the first.
            Some(first) if first.message.content == message.content => {}
            Some(_) if self.memory.first_conflict(message).is_some() => {}
            Some(_) => self.recent.note_conflict(delivered, self.recent_max),
        }
    }
}

#[pymethods]
impl Deliveries {
    fn note(&self, message: (u64, u64), seq: u64, received_at_us: i64) {
        self.note_message(message, seq, received_at_us);
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Deliveries>()
}
