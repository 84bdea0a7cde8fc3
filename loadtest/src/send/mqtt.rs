//! MQTT 3.1.1 as a publisher needs it (OASIS, 29 October 2014): CONNECT, PUBLISH at QoS 0 or 1, PUBACK, nothing else.
//!
//! Sans-I/O. Packet ids are given out in turn, so the place of an unanswered publish follows from its id. Limits: 65,535 publishes
//! under way; a packet from the server of at most 64 KiB.

use std::collections::VecDeque;

/// What a packet from the server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet {
    /// CONNACK with its return code; 0 is accepted.
    ConnAck(u8),
    /// PUBACK of this id.
    PubAck(u16),
    /// Anything else.
    Other,
}

const PACKET_BYTES_MAX: usize = 64 << 10;

/// Reads one packet: it and its length, None where more bytes are needed; Err where it is no MQTT.
pub fn read(bytes: &[u8]) -> Result<Option<(Packet, usize)>, &'static str> {
    let (mut length, mut used, mut shift) = (0_usize, 1_usize, 0);
    loop {
        let Some(byte) = bytes.get(used) else { return Ok(None) };
        length |= usize::from(byte & 0x7F) << shift;
        used += 1;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
        if shift > 21 {
            return Err("a packet's length has more than four bytes");
        }
    }
    if length > PACKET_BYTES_MAX {
        return Err("a packet of more than 64 KiB");
    }
    let Some(body) = bytes.get(used..used + length) else { return Ok(None) };
    let packet = match (bytes.first().map(|first| first >> 4), body) {
        (Some(2), [_, code, ..]) => Packet::ConnAck(*code),
        (Some(4), [high, low, ..]) => Packet::PubAck(u16::from_be_bytes([*high, *low])),
        (Some(2 | 4), _) => return Err("a CONNACK or PUBACK that is too short"),
        _ => Packet::Other,
    };
    Ok(Some((packet, used + length)))
}

fn put_length(out: &mut Vec<u8>, mut length: usize) {
    loop {
        let byte = u8::try_from(length & 0x7F).unwrap_or(0);
        length >>= 7;
        out.push(if length > 0 { byte | 0x80 } else { byte });
        if length == 0 {
            return;
        }
    }
}

fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(text.get(..usize::from(length)).unwrap_or_default());
}

/// Appends a CONNECT: clean session, no keep-alive, with user name and password.
pub fn put_connect(out: &mut Vec<u8>, client_id: &str, user: &str, password: &str) {
    let mut body = Vec::new();
    put_text(&mut body, b"MQTT");
    let flags = if user.is_empty() { 0x02 } else { 0xC2 };
    body.extend_from_slice(&[4, flags, 0, 0]);
    put_text(&mut body, client_id.as_bytes());
    if !user.is_empty() {
        put_text(&mut body, user.as_bytes());
        put_text(&mut body, password.as_bytes());
    }
    out.push(0x10);
    put_length(out, body.len());
    out.extend_from_slice(&body);
}

/// Appends a PUBLISH; with a packet id at QoS 1, without at QoS 0.
pub fn put_publish(out: &mut Vec<u8>, topic: &[u8], id: Option<u16>, payload: &[u8]) {
    out.push(if id.is_some() { 0x32 } else { 0x30 });
    put_length(out, 2 + topic.len() + if id.is_some() { 2 } else { 0 } + payload.len());
    put_text(out, topic);
    if let Some(id) = id {
        out.extend_from_slice(&id.to_be_bytes());
    }
    out.extend_from_slice(payload);
}

/// Publishes under way, in the order of their ids.
#[derive(Debug)]
pub struct Window<T> {
    /// None where it was answered before an earlier one.
    slots: VecDeque<Option<T>>,
    /// Id of the first slot.
    first: u16,
    unanswered: usize,
}

impl<T> Default for Window<T> {
    fn default() -> Self {
        Self { slots: VecDeque::new(), first: 1, unanswered: 0 }
    }
}

impl<T> Window<T> {
    /// Ids that may be under way, answered out of turn included.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Publishes without an answer.
    pub fn unanswered(&self) -> usize {
        self.unanswered
    }

    /// Takes the next id for this; at most 65,534 may be under way.
    pub fn push(&mut self, value: T) -> u16 {
        let id = (u32::from(self.first) - 1 + u32::try_from(self.slots.len()).unwrap_or(0)) % 65_535 + 1;
        self.slots.push_back(Some(value));
        self.unanswered += 1;
        u16::try_from(id).unwrap_or(1)
    }

    /// What this id was given to; None where it is not under way.
    pub fn take(&mut self, id: u16) -> Option<T> {
        let place = (u32::from(id) + 65_535 - u32::from(self.first)) % 65_535;
        let value = self.slots.get_mut(place as usize)?.take()?;
        self.unanswered -= 1;
        while let Some(None) = self.slots.front() {
            self.slots.pop_front();
            self.first = self.first % 65_535 + 1;
        }
        Some(value)
    }

    /// All that was not answered, in order; the ids begin anew.
    pub fn drain(&mut self) -> VecDeque<T> {
        let left = std::mem::take(&mut self.slots).into_iter().flatten().collect();
        *self = Self::default();
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publish_is_framed_as_the_standard_says() {
        let mut out = Vec::new();
        put_publish(&mut out, b"a/b", Some(0x0102), &[7; 200]);
        assert_eq!(&out[..10], [0x32, 0xCF, 0x01, 0, 3, b'a', b'/', b'b', 1, 2]);
        assert_eq!(out.len(), 3 + 207);
        out.clear();
        put_publish(&mut out, b"a", None, b"x");
        assert_eq!(out, [0x30, 4, 0, 1, b'a', b'x']);
    }

    #[test]
    fn packets_are_read_also_from_pieces() {
        let bytes = [0x40, 2, 1, 2, 0x20, 2, 0, 5, 0xD0, 0];
        let mut found = Vec::new();
        let (mut from, mut until) = (0, 0);
        while until < bytes.len() {
            until += 1;
            while let Some((packet, used)) = read(&bytes[from..until]).unwrap() {
                found.push(packet);
                from += used;
            }
        }
        assert_eq!(found, [Packet::PubAck(0x0102), Packet::ConnAck(5), Packet::Other]);
        assert!(read(&[0x40, 0xFF, 0xFF, 0xFF, 0xFF, 1]).is_err());
    }

    #[test]
    fn answers_find_their_publish_in_any_order_and_ids_go_round() {
        let mut window = Window::default();
        for turn in 0..70_000_u32 {
            let ids = [window.push(turn), window.push(turn + 1), window.push(turn + 2)];
            assert_eq!(window.take(ids[1]), Some(turn + 1));
            assert_eq!(window.take(ids[1]), None, "answered twice");
            assert_eq!(window.take(ids[0]), Some(turn));
            assert_eq!(window.unanswered(), 1);
            assert_eq!(window.take(ids[2]), Some(turn + 2));
            assert_eq!(window.len(), 0);
        }
        assert_eq!(window.take(9), None, "never given out");
    }

    #[test]
    fn what_was_not_answered_is_sent_again_in_order() {
        let mut window = Window::default();
        let ids: Vec<u16> = (0..4).map(|n| window.push(n)).collect();
        window.take(ids[2]);
        assert_eq!(window.drain(), [0, 1, 3]);
        assert_eq!((window.len(), window.push(9)), (0, 1));
    }
}
