//! The usual body in one pass: one object, strings without escapes, scalars where the schema has them. Whatever is otherwise is left
//! to serde_json, which then also says what is wrong: nothing is refused here, and what is read is what serde_json would read.

use std::borrow::Cow;

use super::shape::{Bed, Item, Message, Patient, Raw};
use crate::decode::lanes::word;

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;
const WORD_BYTES: usize = 8;
/// Observations room is made for: a monitor sends about as many.
const ITEMS: usize = 8;

/// The body, or None where serde_json is to read it.
pub(super) fn read(text: &str) -> Option<Message<'_>> {
    let mut reader = Reader { text, at: 0 };
    let message = reader.message()?;
    reader.peek().is_none().then_some(message)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

/// Which keys of an object were read: each may stand there once.
#[derive(Default)]
struct Seen(u8);

impl Seen {
    fn once(&mut self, key: u8) -> Option<()> {
        let bit = 1 << key;
        (self.0 & bit == 0).then(|| self.0 |= bit)
    }
}

impl<'a> Reader<'a> {
    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no blank; it is not taken.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.byte() {
            self.at += 1;
        }
        self.byte()
    }

    #[inline]
    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Whether another element follows; None where neither a comma nor the end does.
    #[inline]
    fn goes_on(&mut self, end: u8) -> Option<bool> {
        let byte = self.peek()?;
        self.at += 1;
        if byte == b',' { Some(true) } else { (byte == end).then_some(false) }
    }

    /// An object: `field` reads the value of each key.
    #[inline]
    fn object(&mut self, mut field: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.take(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            let key = self.string()?;
            self.take(b':')?;
            field(self, key)?;
            if !self.goes_on(b'}')? {
                return Some(());
            }
        }
    }

    fn message(&mut self) -> Option<Message<'a>> {
        let (mut id, mut device, mut patient, mut bed, mut time, mut observations) = (None, None, None, None, None, None);
        let mut seen = Seen::default();
        self.object(|reader, key| {
            match key {
                "id" => {
                    seen.once(0)?;
                    id = reader.text_or_null()?;
                }
                "device" => {
                    seen.once(1)?;
                    device = reader.text_or_null()?;
                }
                "patient" => {
                    seen.once(2)?;
                    patient = reader.object_or_null(Self::patient)?;
                }
                "bed" => {
                    seen.once(3)?;
                    bed = reader.object_or_null(Self::bed)?;
                }
                "time" => {
                    seen.once(4)?;
                    time = reader.scalar()?;
                }
                "observations" => {
                    seen.once(5)?;
                    observations = Some(reader.items()?);
                }
                _ => drop(reader.scalar()?),
            }
            Some(())
        })?;
        Some(Message { id, device, patient, bed, time, observations: observations? })
    }

    fn items(&mut self) -> Option<Vec<Item<'a>>> {
        self.take(b'[')?;
        if self.peek()? == b']' {
            self.at += 1;
            return Some(Vec::new());
        }
        let mut items = Vec::with_capacity(ITEMS);
        loop {
            items.push(self.item()?);
            if !self.goes_on(b']')? {
                return Some(items);
            }
        }
    }

    fn item(&mut self) -> Option<Item<'a>> {
        let (mut item, mut seen) = (Item::default(), Seen::default());
        self.object(|reader, key| {
            let (place, number) = match key {
                "code" => (&mut item.code, 0),
                "value" => (&mut item.value, 1),
                "unit" => (&mut item.unit, 2),
                "time" => (&mut item.time, 3),
                "system" => (&mut item.system, 4),
                "status" => (&mut item.status, 5),
                _ => return reader.scalar().map(drop),
            };
            seen.once(number)?;
            *place = reader.scalar()?;
            Some(())
        })?;
        Some(item)
    }

    fn patient(&mut self) -> Option<Patient<'a>> {
        let (mut authority, mut identifier, mut seen) = (None, None, Seen::default());
        self.object(|reader, key| {
            match key {
                "authority" => {
                    seen.once(0)?;
                    authority = reader.text_or_null()?;
                }
                "identifier" => {
                    seen.once(1)?;
                    identifier = Some(reader.string()?);
                }
                _ => drop(reader.scalar()?),
            }
            Some(())
        })?;
        Some(Patient { authority, identifier: Cow::Borrowed(identifier?) })
    }

    fn bed(&mut self) -> Option<Bed<'a>> {
        let (mut unit, mut bed, mut seen) = (None, None, Seen::default());
        self.object(|reader, key| {
            match key {
                "unit" => {
                    seen.once(0)?;
                    unit = Some(reader.string()?);
                }
                "bed" => {
                    seen.once(1)?;
                    bed = Some(reader.string()?);
                }
                _ => drop(reader.scalar()?),
            }
            Some(())
        })?;
        Some(Bed { unit: Cow::Borrowed(unit?), bed: Cow::Borrowed(bed?) })
    }

    fn object_or_null<T>(&mut self, read: fn(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.peek()? == b'n' { self.literal("null").map(|_| None) } else { read(self).map(Some) }
    }

    fn text_or_null(&mut self) -> Option<Option<Cow<'a, str>>> {
        if self.peek()? == b'n' { self.literal("null").map(|_| None) } else { self.string().map(Cow::Borrowed).map(Some) }
    }

    /// A string without escapes, as it stands between its quotes.
    #[inline]
    fn string(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let start = self.at;
        loop {
            let eight = word(self.text.as_bytes().get(self.at..)?);
            // The lowest byte found is one; those above it may be taken for some by a borrow, and are not looked at.
            let equal = |byte: u8| (eight ^ (LOW * u64::from(byte))).wrapping_sub(LOW) & !(eight ^ (LOW * u64::from(byte)));
            let control = eight.wrapping_sub(LOW * 0x20) & !eight;
            let found = (equal(b'"') | equal(b'\\') | control) & HIGH;
            if found == 0 {
                self.at += WORD_BYTES;
                continue;
            }
            self.at += found.trailing_zeros() as usize / WORD_BYTES;
            let inner = self.text.get(start..self.at)?;
            return self.closed(inner);
        }
    }

    #[inline]
    fn closed(&mut self, inner: &'a str) -> Option<&'a str> {
        (self.byte()? == b'"').then(|| self.at += 1)?;
        Some(inner)
    }

    /// A string, a number or a literal as it stands; null is none.
    #[inline]
    fn scalar(&mut self) -> Option<Option<Raw<'a>>> {
        let first = self.peek()?;
        let start = self.at;
        match first {
            b'"' => drop(self.string()?),
            b'-' | b'0'..=b'9' => self.number()?,
            b't' => self.literal("true")?,
            b'f' => self.literal("false")?,
            b'n' => return self.literal("null").map(|_| None),
            _ => return None,
        }
        self.text.get(start..self.at).map(|raw| Some(Raw(raw)))
    }

    fn literal(&mut self, word: &str) -> Option<()> {
        self.text.get(self.at..)?.starts_with(word).then(|| self.at += word.len())
    }

    /// As RFC 8259 has it: no leading zero, digits on both sides of the point, a whole exponent.
    fn number(&mut self) -> Option<()> {
        self.at += usize::from(self.byte()? == b'-');
        if self.byte()? == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Some(())
    }

    /// One digit at least.
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}

#[cfg(test)]
mod tests;
