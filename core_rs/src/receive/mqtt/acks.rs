//! Publishes of one connection that are journalled and not yet acknowledged, in the order they came.
//!
//! MQTT wants PUBACKs in the order of the PUBLISHes, so refusals wait in the same line. A packet id that comes again while it
//! waits (a 3.1.1 client that resends on a live connection) is acknowledged once, when its last copy is durable: a second
//! PUBACK could otherwise acknowledge a later publish that reuses the id.

use std::collections::VecDeque;

use hashbrown::HashMap;
use mqtt_protocol_core::mqtt::result_code::PubackReasonCode;

#[derive(Debug, Clone, Copy)]
struct Waiting {
    seq: u64,
    ordinal: u64,
    packet_id: u16,
    reason: PubackReasonCode,
}

/// The line of withheld PUBACKs.
#[derive(Debug, Default)]
pub(super) struct Acks {
    line: VecDeque<Waiting>,
    newest: HashMap<u16, u64>,
    ordinal: u64,
    last_seq: u64,
}

impl Acks {
    /// A publish was journalled as `seq`.
    pub fn journalled(&mut self, seq: u64, packet_id: u16) {
        self.last_seq = self.last_seq.max(seq);
        self.push(packet_id, PubackReasonCode::Success);
    }

    /// A publish was refused; its PUBACK follows those before it.
    pub fn refused(&mut self, packet_id: u16, reason: PubackReasonCode) {
        self.push(packet_id, reason);
    }

    fn push(&mut self, packet_id: u16, reason: PubackReasonCode) {
        self.ordinal += 1;
        self.newest.insert(packet_id, self.ordinal);
        self.line.push_back(Waiting { seq: self.last_seq, ordinal: self.ordinal, packet_id, reason });
    }

    /// The next PUBACK that may leave, given what is durable.
    pub fn next(&mut self, durable: u64) -> Option<(u16, PubackReasonCode)> {
        while let Some(front) = self.line.front().copied() {
            if front.seq > durable {
                return None;
            }
            self.line.pop_front();
            if self.newest.get(&front.packet_id) == Some(&front.ordinal) {
                self.newest.remove(&front.packet_id);
                return Some((front.packet_id, front.reason));
            }
        }
        None
    }

    /// The sequence number the head of the line waits for.
    pub fn waiting_for(&self) -> Option<u64> {
        self.line.front().map(|front| front.seq)
    }

    /// How many wait, copies included.
    pub fn len(&self) -> usize {
        self.line.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(acks: &mut Acks, durable: u64) -> Vec<u16> {
        std::iter::from_fn(|| acks.next(durable)).map(|(id, _)| id).collect()
    }

    #[test]
    fn nothing_is_acknowledged_before_it_is_durable() {
        let mut acks = Acks::default();
        acks.journalled(5, 50);
        acks.journalled(9, 90);
        assert_eq!(ids(&mut acks, 4), [0u16; 0]);
        assert_eq!(ids(&mut acks, 8), [50]);
        assert_eq!(acks.waiting_for(), Some(9));
        assert_eq!(ids(&mut acks, 9), [90]);
        assert_eq!(acks.len(), 0);
    }

    #[test]
    fn a_refusal_does_not_overtake_the_publish_before_it() {
        let mut acks = Acks::default();
        acks.refused(1, PubackReasonCode::NotAuthorized);
        assert_eq!(ids(&mut acks, 0), [1]);
        acks.journalled(7, 2);
        acks.refused(3, PubackReasonCode::TopicNameInvalid);
        assert_eq!(ids(&mut acks, 6), [0u16; 0]);
        assert_eq!(ids(&mut acks, 7), [2, 3]);
    }

    #[test]
    fn a_packet_id_sent_twice_is_acknowledged_once_when_the_last_copy_is_durable() {
        let mut acks = Acks::default();
        acks.journalled(1, 7);
        acks.journalled(2, 8);
        acks.journalled(3, 7);
        assert_eq!(ids(&mut acks, 2), [8]);
        assert_eq!(ids(&mut acks, 3), [7]);
    }
}
