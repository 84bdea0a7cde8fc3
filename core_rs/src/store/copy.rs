//! The binary COPY format (PostgreSQL manual, COPY, "Binary Format"): all integers big-endian.
//!
//! header `PGCOPY\n\xff\r\n\0`, flags u32 0, extension length u32 0; per tuple a u16 field count, then per field an i32 length
//! (-1 is NULL) and the type's binary send format; trailer u16 0xffff.

/// Microseconds and days from 1970-01-01 to 2000-01-01, PostgreSQL's epoch.
const EPOCH_US: i64 = 946_684_800_000_000;
const EPOCH_DAYS: i32 = 10_957;
/// PostgreSQL's timestamp bounds: 4714-11-24 BC, and the end of 294276, in microseconds since 2000.
const TIMESTAMP_MIN: i64 = -211_813_488_000_000_000;
const TIMESTAMP_MAX: i64 = 9_223_371_331_199_999_999;
/// Birth days accepted: years 1 to 9999 in days since 1970, so that every reader of the table can show them.
const DAY_MIN: i32 = -719_162;
const DAY_MAX: i32 = 2_932_896;

const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: [u8; 2] = [0xff, 0xff];

const OID_INT2: u32 = 21;
const OID_FLOAT4: u32 = 700;
const OID_FLOAT8: u32 = 701;

/// The rows of one table, ready for `COPY table FROM STDIN (FORMAT binary)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyTable {
    /// The table's name.
    pub table: &'static str,
    /// The columns, in the order of the fields.
    pub columns: &'static [&'static str],
    /// Tuples in `bytes`.
    pub rows: u32,
    /// Header, tuples, trailer.
    pub bytes: Vec<u8>,
}

/// A COPY stream that grows by tuples.
#[derive(Debug)]
pub(super) struct CopyBuffer {
    table: &'static str,
    columns: &'static [&'static str],
    rows: u32,
    bytes: Vec<u8>,
}

impl CopyBuffer {
    pub(super) const fn new(table: &'static str, columns: &'static [&'static str]) -> Self {
        Self { table, columns, rows: 0, bytes: Vec::new() }
    }

    pub(super) const fn rows(&self) -> u32 {
        self.rows
    }

    pub(super) fn len_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Opens a tuple; exactly one `put` per column must follow.
    pub(super) fn tuple(&mut self) -> &mut Self {
        if self.bytes.is_empty() {
            self.bytes.extend_from_slice(HEADER);
        }
        self.rows += 1;
        self.bytes.extend_from_slice(&(self.columns.len() as u16).to_be_bytes());
        self
    }

    /// The finished stream, or None without rows. The next one starts with as much memory as this one needed.
    pub(super) fn finish(&mut self) -> Option<CopyTable> {
        if self.rows == 0 {
            return None;
        }
        self.bytes.extend_from_slice(&TRAILER);
        let next = Vec::with_capacity(self.bytes.len());
        let bytes = std::mem::replace(&mut self.bytes, next);
        Some(CopyTable { table: self.table, columns: self.columns, rows: std::mem::take(&mut self.rows), bytes })
    }

    fn field<const N: usize>(&mut self, value: [u8; N]) -> &mut Self {
        self.bytes.extend_from_slice(&(N as i32).to_be_bytes());
        self.bytes.extend_from_slice(&value);
        self
    }

    pub(super) fn null(&mut self) -> &mut Self {
        self.bytes.extend_from_slice(&(-1_i32).to_be_bytes());
        self
    }

    pub(super) fn boolean(&mut self, value: bool) -> &mut Self {
        self.field([u8::from(value)])
    }

    pub(super) fn int2(&mut self, value: i16) -> &mut Self {
        self.field(value.to_be_bytes())
    }

    pub(super) fn int4(&mut self, value: u32) -> &mut Self {
        self.field(i32::try_from(value).unwrap_or(i32::MAX).to_be_bytes())
    }

    /// Sequence numbers and ids: a journal never reaches 2^63.
    pub(super) fn int8(&mut self, value: u64) -> &mut Self {
        self.field(i64::try_from(value).unwrap_or(i64::MAX).to_be_bytes())
    }

    pub(super) fn float8(&mut self, value: f64) -> &mut Self {
        self.field(value.to_be_bytes())
    }

    pub(super) fn uuid(&mut self, value: [u8; 16]) -> &mut Self {
        self.field(value)
    }

    pub(super) fn uuid_or_null(&mut self, value: Option<[u8; 16]>) -> &mut Self {
        match value {
            Some(value) => self.uuid(value),
            None => self.null(),
        }
    }

    /// Microseconds since 1970-01-01 UTC as timestamptz.
    pub(super) fn timestamp(&mut self, at_us: i64) -> &mut Self {
        self.field(at_us.saturating_sub(EPOCH_US).clamp(TIMESTAMP_MIN, TIMESTAMP_MAX).to_be_bytes())
    }

    pub(super) fn timestamp_or_null(&mut self, at_us: Option<i64>) -> &mut Self {
        match at_us {
            Some(at_us) => self.timestamp(at_us),
            None => self.null(),
        }
    }

    /// Days since 1970-01-01 as date; a day outside the years 1 to 9999 is NULL.
    pub(super) fn date_or_null(&mut self, day: Option<i32>) -> &mut Self {
        match day {
            Some(day) if (DAY_MIN..=DAY_MAX).contains(&day) => self.field((day - EPOCH_DAYS).to_be_bytes()),
            _ => self.null(),
        }
    }

    pub(super) fn bytea(&mut self, value: &[u8]) -> &mut Self {
        let at = self.open_field();
        self.bytes.extend_from_slice(value);
        self.close_field(at)
    }

    /// Text; PostgreSQL has no NUL in it.
    pub(super) fn text(&mut self, value: &str) -> &mut Self {
        let at = self.open_field();
        let mut parts = value.split('\0');
        self.bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
        for part in parts {
            self.bytes.extend_from_slice("\u{fffd}".as_bytes());
            self.bytes.extend_from_slice(part.as_bytes());
        }
        self.close_field(at)
    }

    pub(super) fn text_or_null(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(value),
            None => self.null(),
        }
    }

    /// Any value as jsonb: a version byte, then its text. NaN becomes null, NUL in a string U+FFFD.
    pub(super) fn jsonb<T: serde::Serialize>(&mut self, value: &T) -> &mut Self {
        let at = self.open_field();
        self.bytes.push(1);
        let start = self.bytes.len();
        if serde_json::to_writer(&mut self.bytes, value).is_err() {
            self.bytes.truncate(start);
            self.bytes.extend_from_slice(b"null");
        }
        let mut from = start;
        while let Some(found) = self.bytes.get(from..).and_then(|rest| memchr::memmem::find(rest, b"\\u0000")) {
            let nul = from + found;
            // Behind an odd number of backslashes this one is text itself, and so is what follows.
            let backslashes = self.bytes.iter().take(nul).rev().take_while(|byte| **byte == b'\\').count();
            if let Some(escape) = self.bytes.get_mut(nul..nul + 6).filter(|_| backslashes % 2 == 0) {
                escape.copy_from_slice(b"\\ufffd");
            }
            from = nul + 6;
        }
        self.close_field(at)
    }

    /// int2[] with NULL for None.
    pub(super) fn int2_array(&mut self, values: impl ExactSizeIterator<Item = Option<i16>> + Clone) -> &mut Self {
        self.array(OID_INT2, values.map(|value| value.map(i16::to_be_bytes)))
    }

    /// float8[] with NULL for None.
    pub(super) fn float8_array(&mut self, values: impl ExactSizeIterator<Item = Option<f64>> + Clone) -> &mut Self {
        self.array(OID_FLOAT8, values.map(|value| value.map(f64::to_be_bytes)))
    }

    /// real[] with NULL for None.
    pub(super) fn float4_array(&mut self, values: impl ExactSizeIterator<Item = Option<f32>> + Clone) -> &mut Self {
        self.array(OID_FLOAT4, values.map(|value| value.map(f32::to_be_bytes)))
    }

    /// One dimension from 1: dimensions, has-null flag, element type, length, lower bound, then elements like fields.
    fn array<const N: usize>(
        &mut self,
        element_oid: u32,
        values: impl ExactSizeIterator<Item = Option<[u8; N]>> + Clone,
    ) -> &mut Self {
        let at = self.open_field();
        let count = values.len() as u32;
        let has_null = values.clone().any(|value| value.is_none());
        self.bytes.extend_from_slice(&u32::from(count > 0).to_be_bytes());
        self.bytes.extend_from_slice(&u32::from(has_null).to_be_bytes());
        self.bytes.extend_from_slice(&element_oid.to_be_bytes());
        if count > 0 {
            self.bytes.extend_from_slice(&count.to_be_bytes());
            self.bytes.extend_from_slice(&1_u32.to_be_bytes());
        }
        for value in values {
            match value {
                Some(value) => self.field(value),
                None => self.null(),
            };
        }
        self.close_field(at)
    }

    fn open_field(&mut self) -> usize {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        at
    }

    fn close_field(&mut self, at: usize) -> &mut Self {
        let length = (self.bytes.len() - at - 4) as u32;
        if let Some(prefix) = self.bytes.get_mut(at..at + 4) {
            prefix.copy_from_slice(&length.to_be_bytes());
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of the only field of the only tuple, without its length.
    fn field(put: fn(&mut CopyBuffer) -> &mut CopyBuffer) -> Vec<u8> {
        let mut buffer = CopyBuffer::new("t", &["c"]);
        buffer.tuple();
        put(&mut buffer);
        let table = buffer.finish().expect("one row");
        assert_eq!(&table.bytes[..19], HEADER);
        assert_eq!(&table.bytes[19..21], &[0, 1]);
        assert_eq!(&table.bytes[table.bytes.len() - 2..], &TRAILER);
        table.bytes[25..table.bytes.len() - 2].to_vec()
    }

    #[test]
    fn no_rows_are_no_stream_and_a_finished_buffer_starts_anew() {
        let mut buffer = CopyBuffer::new("t", &["c"]);
        assert_eq!(buffer.finish(), None);
        buffer.tuple().int2(1);
        let first = buffer.finish().expect("one row");
        assert_eq!(buffer.finish(), None);
        buffer.tuple().int2(1);
        assert_eq!(buffer.finish(), Some(first));
    }

    #[test]
    fn a_nul_in_text_cannot_poison_the_stream() {
        assert_eq!(field(|b| b.text("\0a\0")), "\u{fffd}a\u{fffd}".as_bytes());
        assert_eq!(field(|b| b.jsonb(&"\0\0")), b"\x01\"\\ufffd\\ufffd\"");
        // A backslash in front of letters and digits is no NUL.
        assert_eq!(field(|b| b.jsonb(&"\\u0000\\\0")), b"\x01\"\\\\u0000\\\\\\ufffd\"");
    }

    #[test]
    fn times_and_days_outside_the_range_of_postgresql_stay_inside() {
        assert_eq!(field(|b| b.timestamp(EPOCH_US)), 0_i64.to_be_bytes());
        assert_eq!(field(|b| b.timestamp(i64::MIN)), TIMESTAMP_MIN.to_be_bytes());
        assert_eq!(field(|b| b.timestamp(i64::MAX)), (i64::MAX - EPOCH_US).to_be_bytes());
        assert_eq!(field(|b| b.date_or_null(Some(EPOCH_DAYS))), 0_i32.to_be_bytes());
        assert_eq!(field(|b| b.date_or_null(Some(i32::MAX))), b"");
    }

    #[test]
    fn a_value_that_is_not_a_number_is_null_in_json() {
        assert_eq!(field(|b| b.jsonb(&[f64::NAN, 1.5])), b"\x01[null,1.5]");
    }

    #[test]
    fn an_empty_array_has_no_dimension() {
        assert_eq!(field(|b| b.int2_array([].into_iter())), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 21]);
    }
}
