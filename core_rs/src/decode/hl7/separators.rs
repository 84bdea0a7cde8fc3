//! Where the separators of a message are, found in one pass before anything else is read: one bit a byte and kind, 64 bytes a block,
//! the first byte lowest. Whoever then looks for the end of a segment, a field or a component asks these bits, not the bytes again.
//!
//! AVX-512 or AVX2 where the processor has them, else what `lanes` has; all say the same. Limits: 32 bytes for each 64 bytes of the
//! message; one of up to 4 KiB needs no heap.

#[cfg(target_arch = "x86_64")]
mod x86;

use smallvec::SmallVec;

use super::scan::{Delimiters, Fields, Pieces, contains, is_blank, nth, tidy};
use crate::decode::lanes::{LANES, hits, line_ends};

/// Blocks that need no heap.
const BLOCKS: usize = 64;

/// What a separator separates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Separator {
    /// Fields.
    Field,
    /// Components.
    Component,
    /// Repetitions.
    Repetition,
    /// An escape sequence from the text around it.
    Escape,
    /// Subcomponents.
    Subcomponent,
}

/// The separators among 64 bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Marks {
    /// CR and LF.
    line_ends: u64,
    /// Between fields.
    fields: u64,
    /// Between components.
    components: u64,
    /// All that may stand within a field: between components, repetitions and subcomponents, and escapes.
    within: u64,
}

/// The separators of one message.
#[derive(Debug, Default)]
pub struct Separators(SmallVec<[Marks; BLOCKS]>);

impl Separators {
    /// Finds those of a message; what was found before is forgotten.
    pub fn find<'a>(&'a mut self, bytes: &'a [u8], delimiters: Delimiters) -> Index<'a> {
        self.0.resize(bytes.len().div_ceil(LANES), Marks::default());
        mark(bytes, &delimiters, &mut self.0);
        Index { bytes, blocks: &self.0, delimiters }
    }
}

fn mark(bytes: &[u8], delimiters: &Delimiters, blocks: &mut [Marks]) {
    #[cfg(target_arch = "x86_64")]
    if x86::mark(bytes, delimiters, blocks) {
        return;
    }
    each(bytes, blocks, |block| portable(block, delimiters));
}

/// The last block is filled up with NUL, which separates nothing.
#[inline(always)]
fn each(bytes: &[u8], blocks: &mut [Marks], marks: impl Fn(&[u8; LANES]) -> Marks) {
    let (whole, tail) = bytes.as_chunks::<LANES>();
    let mut places = blocks.iter_mut();
    for (block, place) in whole.iter().zip(places.by_ref()) {
        *place = marks(block);
    }
    if let Some(place) = places.next() {
        let mut last = [0; LANES];
        if let Some(start) = last.get_mut(..tail.len()) {
            start.copy_from_slice(tail);
        }
        *place = marks(&last);
    }
}

fn portable(block: &[u8; LANES], delimiters: &Delimiters) -> Marks {
    let [fields, components, repetitions, escapes, subcomponents] = delimiters.all().map(|byte| hits(block, byte));
    Marks { line_ends: line_ends(block), fields, components, within: components | repetitions | escapes | subcomponents }
}

/// A message and where its separators are. What it is asked of are parts of the message; of any other bytes it says the same, but
/// has to look at them.
#[derive(Debug, Clone, Copy)]
pub struct Index<'a> {
    bytes: &'a [u8],
    blocks: &'a [Marks],
    /// The message's delimiters.
    pub delimiters: Delimiters,
}

impl<'a> Index<'a> {
    /// Of no message: all that it is asked of it has to look at.
    #[cfg(test)]
    pub const fn none(delimiters: Delimiters) -> Self {
        Self { bytes: b"", blocks: &[], delimiters }
    }

    /// The non-blank lines: CR, LF and CRLF all end one.
    pub fn segments(self) -> Segments<'a> {
        Segments { index: self, start: 0, block: 0, ends: self.blocks.first().map_or(0, |marks| marks.line_ends) }
    }

    /// A segment cut into its first `N` fields.
    #[inline]
    pub fn fields<'p, const N: usize>(&self, segment: &'p [u8]) -> Fields<'p, N> {
        Fields::cut(segment, |rest| self.hits(rest, Separator::Field))
    }

    /// The pieces of a part between separators of one kind, at least one.
    #[inline]
    pub fn pieces<'p>(&self, part: &'p [u8], kind: Separator) -> Pieces<'p> {
        Pieces::given(part, self.delimiters.of(kind), self.hits(part, kind))
    }

    /// The nth piece (from 1) of a part, without surrounding blanks; empty where absent or HL7 null.
    #[inline]
    pub fn piece<'p>(&self, part: &'p [u8], kind: Separator, n: usize) -> &'p [u8] {
        nth(part, self.delimiters.of(kind), self.hits(part, kind), n)
    }

    /// Whether a part has a separator of a kind.
    #[inline]
    pub fn has(&self, part: &[u8], kind: Separator) -> bool {
        self.hits(part, kind) != 0 || part.get(LANES..).is_some_and(|rest| contains(rest, self.delimiters.of(kind)))
    }

    /// The first piece of a field or of a part of one.
    #[inline]
    pub fn first<'p>(&self, part: &'p [u8], kind: Separator) -> &'p [u8] {
        if self.is_leaf(part) { tidy(part) } else { self.piece(part, kind, 1) }
    }

    /// Whether a part is seen to have nothing in it that separates: it is its own first piece then.
    #[inline]
    fn is_leaf(&self, part: &[u8]) -> bool {
        part.len() <= LANES && self.window(part, |marks| marks.within) == Some(0)
    }

    /// Which of the first 64 bytes of a part are separators of one kind.
    #[inline]
    fn hits(&self, part: &[u8], kind: Separator) -> u64 {
        let found = match kind {
            Separator::Field => self.window(part, |marks| marks.fields),
            Separator::Component => self.window(part, |marks| marks.components),
            // Seldom there, so only looked for where anything is.
            Separator::Repetition | Separator::Escape | Separator::Subcomponent => {
                self.window(part, |marks| marks.within).filter(|within| *within == 0)
            }
        };
        found.unwrap_or_else(|| hits(part, self.delimiters.of(kind)))
    }

    /// The marks of the first 64 bytes of a part; None of one that does not lie in the message.
    #[inline]
    fn window(&self, part: &[u8], marks: impl Fn(&Marks) -> u64) -> Option<u64> {
        // Where in the message it lies is told by its address.
        let at = part.as_ptr().addr().wrapping_sub(self.bytes.as_ptr().addr());
        if at.saturating_add(part.len()) > self.bytes.len() {
            return None;
        }
        let (block, shift) = (at / LANES, at % LANES);
        let marks_of = |block: usize| self.blocks.get(block).map_or(0, &marks);
        // In two steps, since none shifts by 64.
        let found = marks_of(block) >> shift | marks_of(block + 1) << 1 << (LANES - 1 - shift);
        Some(found & lowest(part.len()))
    }
}

/// As many bits as there are bytes, the lowest.
#[inline]
const fn lowest(bytes: usize) -> u64 {
    if bytes < LANES { (1 << bytes) - 1 } else { u64::MAX }
}

/// The non-blank lines of a message.
#[derive(Debug, Clone)]
pub struct Segments<'a> {
    index: Index<'a>,
    /// Where the next line begins.
    start: usize,
    /// The block being looked at.
    block: usize,
    /// Its line ends that were not yet taken.
    ends: u64,
}

impl<'a> Segments<'a> {
    /// The next line, blank or not.
    #[inline]
    fn line(&mut self) -> Option<&'a [u8]> {
        let Index { bytes, blocks, .. } = self.index;
        while self.ends == 0 {
            self.block += 1;
            match blocks.get(self.block) {
                Some(marks) => self.ends = marks.line_ends,
                None => {
                    let last = bytes.get(self.start..).filter(|rest| !rest.is_empty());
                    self.start = bytes.len();
                    return last;
                }
            }
        }
        let end = self.block * LANES + self.ends.trailing_zeros() as usize;
        self.ends &= self.ends - 1;
        let line = bytes.get(self.start..end);
        self.start = end + 1;
        line
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let line = self.line()?;
            if !is_blank(line) {
                return Some(line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decode::hl7::scan::piece;

    fn segments(text: &str) -> Vec<String> {
        let mut separators = Separators::default();
        let index = separators.find(text.as_bytes(), Delimiters::USUAL);
        index.segments().map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    }

    #[test]
    fn any_line_end_ends_a_segment_and_blank_lines_do_not_count() {
        let lines = segments("MSH|1\rPID|2\nPV1|3\r\n\r\n  \rOBX|4");
        assert_eq!(lines, ["MSH|1", "PID|2", "PV1|3", "OBX|4"]);
        assert_eq!(segments("\r\n\r").len(), 0);
        assert_eq!(segments("").len(), 0);
    }

    const ALL: [Separator; 5] =
        [Separator::Field, Separator::Component, Separator::Repetition, Separator::Escape, Separator::Subcomponent];

    fn message() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![4 => prop::sample::select(b"|^~\\&\r\n \"\0".to_vec()), 6 => any::<u8>()];
        prop::collection::vec(byte, 0..400)
    }

    proptest! {
        #[test]
        fn the_index_says_what_the_bytes_say(bytes in message(), other in message(), from in 0_usize..400, len in 0_usize..150, n in 1_usize..9) {
            let mut separators = Separators::default();
            // What was found before must not show.
            separators.find(&other, Delimiters { field: b'a', ..Delimiters::USUAL });
            let index = separators.find(&bytes, Delimiters::USUAL);
            let lines = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).filter(|line| !is_blank(line));
            prop_assert!(index.segments().eq(lines));
            let from = from.min(bytes.len());
            let part = &bytes[from..(from + len).min(bytes.len())];
            // One that does not lie in the message is looked at itself.
            let copy = part.to_vec();
            for part in [part, copy.as_slice(), &other] {
                for kind in ALL {
                    let separator = Delimiters::USUAL.of(kind);
                    prop_assert!(index.pieces(part, kind).eq(part.split(|byte| *byte == separator)));
                    prop_assert_eq!(index.piece(part, kind, n), piece(part, separator, n));
                    if kind != Separator::Field && !part.contains(&b'|') {
                        prop_assert_eq!(index.first(part, kind), piece(part, separator, 1));
                    }
                    prop_assert_eq!(index.has(part, kind), part.contains(&separator));
                }
                let (fields, expected) = (index.fields::<6>(part), Fields::<6>::split(part, b'|'));
                prop_assert!((0..8).all(|n| fields.raw(n) == expected.raw(n)));
            }
        }
    }
}
