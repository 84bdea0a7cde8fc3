//! The scanner: segments, fields, repetitions, components and subcomponents as slices of the frame. Nothing is copied,
//! nothing is decoded; escapes are resolved only where a leaf is read (`text`).

use memchr::memchr2;

use crate::error::{Code, Refusal};

/// The delimiters of one message, from MSH-1 and MSH-2 (or BHS, FHS). All ASCII and different from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delimiters {
    /// Between fields.
    pub field: u8,
    /// Between components.
    pub component: u8,
    /// Between repetitions.
    pub repetition: u8,
    /// Around an escape sequence.
    pub escape: u8,
    /// Between subcomponents.
    pub subcomponent: u8,
}

impl Delimiters {
    /// What HL7 recommends, for answers to messages that have none.
    pub const USUAL: Self = Self { field: b'|', component: b'^', repetition: b'~', escape: b'\\', subcomponent: b'&' };

    /// The delimiters a header segment declares. MSH-2 has four characters, or five with the truncation character of 2.7.
    ///
    /// # Errors
    /// `Malformed`: too few, too many, not ASCII, alphanumeric, or the same character twice.
    pub fn read(header: &[u8]) -> Result<Self, Refusal> {
        let wrong = || Refusal::new(Code::Malformed, "the header declares no usable delimiters").at("MSH^1^2");
        let field = *header.get(3).ok_or_else(wrong)?;
        let rest = header.get(4..).unwrap_or_default();
        let encoding = rest.get(..memchr::memchr(field, rest).unwrap_or(rest.len())).unwrap_or_default();
        let (&[component, repetition, escape, subcomponent] | &[component, repetition, escape, subcomponent, _]) = encoding
        else {
            return Err(wrong());
        };
        let is_usable =
            |byte: &u8| byte.is_ascii_punctuation() || (byte.is_ascii_control() && !b"\0\x0b\x1c\r\n".contains(byte));
        let all = [field, component, repetition, escape, subcomponent];
        let different = all.iter().enumerate().all(|(at, byte)| all.iter().skip(at + 1).all(|other| other != byte));
        if !different || !all.iter().all(is_usable) {
            return Err(wrong());
        }
        Ok(Self { field, component, repetition, escape, subcomponent })
    }
}

/// The non-blank lines of a message: CR, LF and CRLF all end one.
#[derive(Debug, Clone)]
pub struct Segments<'a> {
    rest: &'a [u8],
}

impl<'a> Segments<'a> {
    /// The segments of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let end = memchr2(b'\r', b'\n', self.rest).unwrap_or(self.rest.len());
            let (line, rest) = self.rest.split_at_checked(end)?;
            self.rest = rest.get(1..).unwrap_or_default();
            if !line.trim_ascii().is_empty() {
                return Some(line);
            }
        }
        None
    }
}

/// Whether a line is a segment: a capital, two capitals or digits, then the field separator or the end.
pub fn is_segment(line: &[u8], field: u8) -> bool {
    match line {
        [first, second, third, rest @ ..] => {
            first.is_ascii_uppercase()
                && [second, third].iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
                && rest.first().is_none_or(|byte| *byte == field)
        }
        _ => false,
    }
}

/// The first `N` parts of a segment; the part numbered 0 is the segment's id. Of MSH, part n is field n + 1.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a, const N: usize> {
    parts: [&'a [u8]; N],
}

impl<'a, const N: usize> Fields<'a, N> {
    /// Cut a segment at its field separators; parts beyond `N` are not looked at.
    pub fn split(segment: &'a [u8], field: u8) -> Self {
        let mut parts: [&'a [u8]; N] = [&[]; N];
        for (part, piece) in parts.iter_mut().zip(Pieces::new(segment, field)) {
            *part = piece;
        }
        Self { parts }
    }

    /// Part n, without surrounding blanks; empty where absent or HL7 null (`""`).
    pub fn get(&self, n: usize) -> &'a [u8] {
        let part = self.raw(n);
        if part == b"\"\"" { b"" } else { part.trim_ascii() }
    }

    /// Part n as it stands.
    pub fn raw(&self, n: usize) -> &'a [u8] {
        self.parts.get(n).copied().unwrap_or_default()
    }
}

/// The nth piece (from 1) between separators, without surrounding blanks; empty where absent or HL7 null.
#[inline]
pub fn piece(bytes: &[u8], separator: u8, n: usize) -> &[u8] {
    let piece = Pieces::new(bytes, separator).nth(n.saturating_sub(1)).unwrap_or_default().trim_ascii();
    if piece == b"\"\"" { b"" } else { piece }
}

/// The pieces between separators, at least one. As `slice::split` gives them, but eight bytes at a time: fields are short
/// and separators dense, where a call to memchr for each costs more than the bytes.
#[derive(Debug, Clone)]
pub struct Pieces<'a> {
    bytes: &'a [u8],
    pattern: u64,
    /// Where the next piece begins; beyond the end when there is none left.
    start: usize,
    /// Where the word being looked at begins.
    word: usize,
    /// The high bit of each byte of that word that is a separator and was not yet taken.
    hits: u64,
}

/// Whether a byte other than NUL occurs, eight bytes at a time.
#[inline]
pub fn contains(bytes: &[u8], byte: u8) -> bool {
    let pattern = LOW * u64::from(byte);
    (0..bytes.len()).step_by(WORD_BYTES).any(|at| separators(bytes, at, pattern) != 0)
}

const WORD_BYTES: usize = 8;
const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

impl<'a> Pieces<'a> {
    /// The pieces of these bytes between `separator`s, which is not NUL.
    pub fn new(bytes: &'a [u8], separator: u8) -> Self {
        let pattern = LOW * u64::from(separator);
        Self { bytes, pattern, start: 0, word: 0, hits: separators(bytes, 0, pattern) }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        while self.hits == 0 {
            self.word += WORD_BYTES;
            if self.word >= self.bytes.len() {
                let last = self.bytes.get(self.start..);
                self.start = self.bytes.len() + 1;
                return last;
            }
            self.hits = separators(self.bytes, self.word, self.pattern);
        }
        let end = self.word + self.hits.trailing_zeros() as usize / WORD_BYTES;
        self.hits &= self.hits - 1;
        let piece = self.bytes.get(self.start..end);
        self.start = end + 1;
        piece
    }
}

/// The high bit of each of the eight bytes from `at` that equals the pattern's byte; bytes beyond the end never do.
#[inline]
fn separators(bytes: &[u8], at: usize, pattern: u64) -> u64 {
    let word = match bytes.get(at..).and_then(<[u8]>::first_chunk::<WORD_BYTES>) {
        Some(word) => u64::from_le_bytes(*word),
        None => tail(bytes, at),
    };
    let difference = word ^ pattern;
    // Exact zero-byte test: no borrow crosses bytes.
    !(((difference & !HIGH) + !HIGH) | difference) & HIGH
}

/// Fewer than eight bytes from `at` as a word, zeros above.
#[inline]
fn tail(bytes: &[u8], at: usize) -> u64 {
    let missing = (at + WORD_BYTES).saturating_sub(bytes.len()).min(WORD_BYTES);
    if missing == WORD_BYTES {
        return 0;
    }
    match bytes.last_chunk::<WORD_BYTES>() {
        Some(last) => u64::from_le_bytes(*last) >> (missing * WORD_BYTES),
        None => bytes.get(at..).unwrap_or_default().iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_line_end_ends_a_segment_and_blank_lines_do_not_count() {
        let lines: Vec<&[u8]> = Segments::new(b"MSH|1\rPID|2\nPV1|3\r\n\r\n  \rOBX|4").collect();
        assert_eq!(lines, [b"MSH|1".as_slice(), b"PID|2", b"PV1|3", b"OBX|4"]);
        assert_eq!(Segments::new(b"\r\n\r").count(), 0);
    }

    #[test]
    fn delimiters_come_from_the_header_whatever_they_are() {
        assert_eq!(Delimiters::read(b"MSH|^~\\&|A"), Ok(Delimiters::USUAL));
        assert_eq!(Delimiters::read(b"MSH|^~\\&#|A"), Ok(Delimiters::USUAL));
        let odd = Delimiters::read(b"MSH#!@%*#A").expect("odd but fine");
        assert_eq!((odd.field, odd.component, odd.subcomponent), (b'#', b'!', b'*'));
        for bad in ["MSH", "MSH|", "MSH|^~&|A", "MSH|^~\\&##|A", "MSH|&&&&|A", "MSH|^~\\||A", "MSHA^~\\&A", "MSH|^~\\é|"] {
            assert_eq!(Delimiters::read(bad.as_bytes()).map_err(|refusal| refusal.code), Err(Code::Malformed), "{bad}");
        }
    }

    #[test]
    fn fields_and_pieces_are_slices_of_the_frame() {
        let fields = Fields::<4>::split(b"OBX|1| NM |\"\"|far", b'|');
        assert_eq!(fields.get(0), b"OBX");
        assert_eq!(fields.get(2), b"NM");
        assert_eq!(fields.get(3), b"");
        assert_eq!(fields.raw(3), b"\"\"");
        assert_eq!(fields.get(4), b"");
        assert_eq!(piece(b"a^b^", b'^', 2), b"b");
        assert_eq!(piece(b"a^b^", b'^', 3), b"");
        assert_eq!(piece(b"a^b^", b'^', 9), b"");
        assert_eq!(piece(b"", b'^', 1), b"");
    }

    #[test]
    fn a_line_that_is_no_segment_is_seen() {
        assert!(is_segment(b"OBX|1", b'|'));
        assert!(is_segment(b"ZX1", b'|'));
        for bad in ["", "OB", "obx|", "OBXX|", "VOL|1".trim_start_matches('V'), "1BX|"] {
            assert!(!is_segment(bad.as_bytes(), b'|'), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn pieces_are_those_of_slice_split(bytes in proptest::collection::vec(proptest::prop_oneof![proptest::strategy::Just(b'|'), 0u8..=255], 0..60)) {
            let expected: Vec<&[u8]> = bytes.split(|byte| *byte == b'|').collect();
            proptest::prop_assert_eq!(Pieces::new(&bytes, b'|').collect::<Vec<_>>(), expected);
            proptest::prop_assert_eq!(contains(&bytes, b'|'), bytes.contains(&b'|'));
        }

        #[test]
        fn joined_parts_split_into_themselves(parts in proptest::collection::vec("[A-Za-z0-9^]{1,8}", 1..12)) {
            let segment = parts.join("|");
            let fields = Fields::<12>::split(segment.as_bytes(), b'|');
            for (n, part) in parts.iter().enumerate() {
                proptest::prop_assert_eq!(fields.raw(n), part.as_bytes());
            }
        }
    }
}
