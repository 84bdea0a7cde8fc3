//! A client's first packet, read whole before the codec sees any of it: it must be a CONNECT of at most `MQTT_CONNECT_BYTES_MAX`.
//!
//! The codec (mqtt-protocol-core 0.7.9) does not survive a Topic Alias Maximum of 0, which MQTT 5 allows (3.1.2.11.5). It is told 1
//! instead: no alias is ever sent, since nothing is ever published to a client.

use crate::limits::MQTT_CONNECT_BYTES_MAX;

/// First byte of a CONNECT.
const CONNECT: u8 = 0x10;
/// Protocol level of MQTT 5.
const MQTT_5: u8 = 5;
/// Topic Alias Maximum: property identifier.
const TOPIC_ALIAS_MAXIMUM: u8 = 0x22;

/// What has come of it.
#[derive(Debug, Default)]
pub(super) struct Greeting(Vec<u8>);

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Wait for the rest.
    Part,
    /// The packet, as the codec may see it; so many of the bytes given were its last ones.
    Whole(Vec<u8>, usize),
    /// No CONNECT, or a larger one than anybody needs.
    Unbearable,
}

impl Greeting {
    /// Takes the packet's share of `bytes`.
    pub fn hear(&mut self, bytes: &[u8]) -> Heard {
        let before = self.0.len();
        self.0.extend(bytes.iter().take(MQTT_CONNECT_BYTES_MAX + 5 - before));
        if self.0.first().is_some_and(|first| *first != CONNECT) {
            return Heard::Unbearable;
        }
        let Some((size, body)) = length(self.0.get(1..).unwrap_or_default()) else {
            return if self.0.len() < 5 { Heard::Part } else { Heard::Unbearable };
        };
        let whole = self.0.len() - body.len() + size;
        if size > MQTT_CONNECT_BYTES_MAX {
            return Heard::Unbearable;
        }
        if self.0.len() < whole {
            return Heard::Part;
        }
        let mut packet = std::mem::take(&mut self.0);
        packet.truncate(whole);
        spare_the_codec(&mut packet, size);
        Heard::Whole(packet, whole - before)
    }
}

/// Sets a Topic Alias Maximum of 0 to 1 in a packet whose last `size` bytes follow the fixed header.
fn spare_the_codec(packet: &mut [u8], size: usize) {
    let begins = packet.len() - size;
    let Some(left) = packet.get(begins..).and_then(behind_alias_maximum) else { return };
    let at = packet.len() - left - 2;
    if let Some(value @ [0, 0]) = packet.get_mut(at..at + 2) {
        value.copy_from_slice(&[0, 1]);
    }
}

/// How many bytes of a CONNECT of MQTT 5 come behind its Topic Alias Maximum; None where it has none or cannot be read.
fn behind_alias_maximum(body: &[u8]) -> Option<usize> {
    let rest = text(body)?;
    let (&[level, _flags, _, _], rest) = rest.split_first_chunk()?;
    let (size, rest) = length(rest)?;
    let (mut properties, behind) = rest.split_at_checked(size)?;
    if level != MQTT_5 {
        return None;
    }
    while let Some((id, value)) = properties.split_first() {
        properties = match *id {
            TOPIC_ALIAS_MAXIMUM => return Some(value.get(2..)?.len() + behind.len()),
            0x17 | 0x19 => value.get(1..)?, // Request Problem Information, Request Response Information
            0x21 => value.get(2..)?,        // Receive Maximum
            0x11 | 0x27 => value.get(4..)?, // Session Expiry Interval, Maximum Packet Size
            0x15 | 0x16 => text(value)?,    // Authentication Method, Authentication Data
            0x26 => text(value).and_then(text)?, // User Property
            _ => return None,
        };
    }
    None
}

/// What follows a string or binary value with its length in two bytes.
fn text(bytes: &[u8]) -> Option<&[u8]> {
    let (size, rest) = bytes.split_first_chunk()?;
    rest.get(usize::from(u16::from_be_bytes(*size))..)
}

/// A Variable Byte Integer and what follows it; None where it is not whole, or has more than four bytes.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let last = bytes.iter().take(4).position(|byte| byte & 0x80 == 0)?;
    let (digits, rest) = bytes.split_at_checked(last + 1)?;
    let size = digits.iter().rev().fold(0usize, |size, byte| size << 7 | usize::from(byte & 0x7f));
    Some((size, rest))
}
