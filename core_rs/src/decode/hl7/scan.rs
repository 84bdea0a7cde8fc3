//! The scanner: delimiters, fields, and the pieces of fields as slices of the frame. Nothing is copied, nothing is decoded; escapes
//! are resolved only where a leaf is read (`text`). What is cut here is looked at itself; a message that is read as a whole is
//! looked at once (`separators`).

use super::separators::Separator;
use crate::decode::lanes::{LANES, hits};
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

    /// All of them, in the order of `Separator`.
    pub const fn all(&self) -> [u8; 5] {
        [self.field, self.component, self.repetition, self.escape, self.subcomponent]
    }

    /// The one of a kind.
    pub const fn of(&self, kind: Separator) -> u8 {
        self.all()[kind as usize]
    }
}

/// The first line that is not blank: CR, LF and CRLF all end one.
pub fn first_line(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    loop {
        let end = memchr::memchr2(b'\r', b'\n', rest);
        let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        match end {
            Some(end) if is_blank(line) => rest = rest.get(end + 1..).unwrap_or_default(),
            _ => return if is_blank(line) { b"" } else { line },
        }
    }
}

/// Whether a line holds nothing but blanks.
#[inline]
pub fn is_blank(line: &[u8]) -> bool {
    line.trim_ascii_start().is_empty()
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
    segment: &'a [u8],
    /// Where each part ends; the segment's end where it has no such part.
    ends: [usize; N],
}

impl<'a, const N: usize> Fields<'a, N> {
    /// Cut a segment at its field separators; parts beyond `N` are not looked at.
    #[inline]
    pub fn split(segment: &'a [u8], field: u8) -> Self {
        Self::cut(segment, |rest| hits(rest, field))
    }

    /// As `split`, given which of the first 64 bytes of the rest of the segment are separators.
    #[inline]
    pub(super) fn cut(segment: &'a [u8], separators: impl Fn(&[u8]) -> u64) -> Self {
        let mut ends = [segment.len(); N];
        let mut places = ends.iter_mut();
        let mut block = 0;
        'all: while let Some(rest) = segment.get(block..).filter(|rest| !rest.is_empty()) {
            let mut found = separators(rest);
            while found != 0 {
                let Some(end) = places.next() else { break 'all };
                *end = block + found.trailing_zeros() as usize;
                found &= found - 1;
            }
            block += LANES;
        }
        Self { segment, ends }
    }

    /// Part n, without surrounding blanks; empty where absent or HL7 null (`""`).
    #[inline]
    pub fn get(&self, n: usize) -> &'a [u8] {
        value(self.raw(n))
    }

    /// The segment before part n, its separator included, and behind it; part n is not the first.
    pub fn around(&self, n: usize) -> [&'a [u8]; 2] {
        let end_of = |n: usize| self.ends.get(n).copied().unwrap_or(self.segment.len());
        let (start, end) = ((end_of(n.saturating_sub(1)) + 1).min(self.segment.len()), end_of(n));
        [self.segment.get(..start), self.segment.get(end..)].map(Option::unwrap_or_default)
    }

    /// Part n as it stands.
    #[inline]
    pub fn raw(&self, n: usize) -> &'a [u8] {
        let start = match n.checked_sub(1) {
            None => 0,
            Some(before) => self.ends.get(before).map_or(usize::MAX, |end| end + 1),
        };
        // Behind the last part `start` lies beyond the end, and there is none.
        self.ends.get(n).and_then(|end| self.segment.get(start..*end)).unwrap_or_default()
    }
}

/// A part without surrounding blanks; empty where it is HL7 null (`""`) as it stands.
#[inline]
fn value(part: &[u8]) -> &[u8] {
    if part == b"\"\"" { b"" } else { part.trim_ascii() }
}

/// A piece without surrounding blanks; empty where what then remains is HL7 null.
#[inline]
pub fn tidy(piece: &[u8]) -> &[u8] {
    let piece = piece.trim_ascii();
    if piece == b"\"\"" { b"" } else { piece }
}

/// The nth piece (from 1) between separators, without surrounding blanks; empty where absent or HL7 null.
#[inline]
pub fn piece(bytes: &[u8], separator: u8, n: usize) -> &[u8] {
    nth(bytes, separator, hits(bytes, separator), n)
}

/// As `piece`, given which of the first 64 bytes are separators.
#[inline]
pub(super) fn nth(bytes: &[u8], separator: u8, mut found: u64, n: usize) -> &[u8] {
    if bytes.len() > LANES {
        return tidy(Pieces::given(bytes, separator, found).nth(n.saturating_sub(1)).unwrap_or_default());
    }
    let mut start = 0;
    for _ in 1..n {
        if found == 0 {
            return b"";
        }
        start = found.trailing_zeros() as usize + 1;
        found &= found - 1;
    }
    let end = if found == 0 { bytes.len() } else { found.trailing_zeros() as usize };
    tidy(bytes.get(start..end).unwrap_or_default())
}

/// The pieces between separators, at least one, as `slice::split` gives them.
#[derive(Debug, Clone)]
pub struct Pieces<'a> {
    bytes: &'a [u8],
    separator: u8,
    /// Where the next piece begins; beyond the end when there is none left.
    start: usize,
    /// Where the bytes being looked at begin.
    block: usize,
    /// Their separators that were not yet taken.
    found: u64,
}

/// Whether a byte other than NUL occurs.
#[inline]
pub fn contains(bytes: &[u8], byte: u8) -> bool {
    let mut rest = bytes;
    loop {
        if hits(rest, byte) != 0 {
            return true;
        }
        match rest.get(LANES..) {
            Some(more) => rest = more,
            None => return false,
        }
    }
}

impl<'a> Pieces<'a> {
    /// The pieces of these bytes between `separator`s, which is not NUL, given which of the first 64 bytes are separators.
    #[inline]
    pub(super) const fn given(bytes: &'a [u8], separator: u8, found: u64) -> Self {
        Self { bytes, separator, start: 0, block: 0, found }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    #[inline(always)]
    fn next(&mut self) -> Option<&'a [u8]> {
        while self.found == 0 {
            self.block += LANES;
            match self.bytes.get(self.block..) {
                Some(rest) => self.found = hits(rest, self.separator),
                None => {
                    let last = self.bytes.get(self.start..);
                    self.start = self.bytes.len() + 1;
                    self.block = self.bytes.len();
                    return last;
                }
            }
        }
        let end = self.block + self.found.trailing_zeros() as usize;
        self.found &= self.found - 1;
        let piece = self.bytes.get(self.start..end);
        self.start = end + 1;
        piece
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_first_that_is_not_blank() {
        for text in ["MSH|1", "MSH|1\rPID", "\r\n \n\x0c\rMSH|1\n"] {
            assert_eq!(first_line(text.as_bytes()), b"MSH|1", "{text:?}");
        }
        assert_eq!(first_line(b"\r\n \r"), b"");
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
        assert_eq!(fields.around(2), [b"OBX|1|".as_slice(), b"|\"\"|far"]);
        assert_eq!(Fields::<4>::split(b"OBX|1", b'|').around(2), [b"OBX|1".as_slice(), b""]);
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
            proptest::prop_assert_eq!(Pieces::given(&bytes, b'|', hits(&bytes, b'|')).collect::<Vec<_>>(), expected);
            proptest::prop_assert_eq!(contains(&bytes, b'|'), bytes.contains(&b'|'));
        }

        #[test]
        fn the_nth_piece_is_the_nth_of_slice_split(bytes in proptest::collection::vec(proptest::prop_oneof![proptest::strategy::Just(b'^'), 33u8..=126], 0..90), n in 1usize..12) {
            let expected = bytes.split(|byte| *byte == b'^').nth(n - 1).unwrap_or_default();
            proptest::prop_assert_eq!(piece(&bytes, b'^', n), if expected == b"\"\"" { b"" } else { expected });
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
