//! What a binary COPY stream holds, as one number that does not depend on the order of its rows: two tables with the same rows
//! have the same digest, whoever wrote them and wherever they lie.
//!
//! The digest of a row is the BLAKE3 of its tuple as PostgreSQL sends it; those of all rows are added, lane by lane (4 lanes of
//! 64 bits, wrapping). Against accidents, not against an adversary who may choose rows. The stream may come in pieces of any
//! size; at most one tuple (`TUPLE_BYTES_MAX`) is held.

/// The first bytes of every stream.
pub(super) const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
pub(super) const HEADER_BYTES: usize = 19;
/// Largest tuple.
const TUPLE_BYTES_MAX: usize = 256 << 20;

/// A stream that PostgreSQL did not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no binary COPY stream: {0}")]
pub struct CopyError(pub(super) &'static str);

/// Rows and their digest so far.
#[derive(Debug, Clone, Default)]
pub struct CopyDigest {
    rest: Vec<u8>,
    begun: bool,
    ended: bool,
    rows: u64,
    lanes: [u64; 4],
}

/// What stands at the beginning of some bytes.
pub(super) enum Part {
    /// So many bytes.
    Tuple(usize),
    Trailer,
    Unfinished,
}

impl CopyDigest {
    /// Takes the next bytes of the stream.
    ///
    /// # Errors
    /// They do not go on with it.
    pub fn update(&mut self, bytes: &[u8]) -> Result<(), CopyError> {
        if self.rest.is_empty() {
            let done = self.take(bytes)?;
            self.rest.extend_from_slice(bytes.get(done..).unwrap_or_default());
        } else {
            let mut held = std::mem::take(&mut self.rest);
            held.extend_from_slice(bytes);
            let done = self.take(&held)?;
            held.drain(..done);
            self.rest = held;
        }
        if self.rest.len() > TUPLE_BYTES_MAX { Err(CopyError("a row is too large")) } else { Ok(()) }
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Rows and digest (64 hexadecimal digits) of the whole stream.
    ///
    /// # Errors
    /// The stream is not at its end.
    pub fn finish(&self) -> Result<(u64, String), CopyError> {
        if !self.ended {
            return Err(CopyError("it ends too early"));
        }
        Ok((self.rows, self.lanes.iter().map(|lane| format!("{lane:016x}")).collect()))
    }

    /// Takes whole parts; how many bytes they were.
    fn take(&mut self, bytes: &[u8]) -> Result<usize, CopyError> {
        let mut done = 0;
        if !self.begun {
            let Some(header) = bytes.get(..HEADER_BYTES) else { return Ok(0) };
            if !header.starts_with(SIGNATURE) || header.get(SIGNATURE.len()..) != Some(&[0; 8]) {
                return Err(CopyError("it begins otherwise"));
            }
            (self.begun, done) = (true, HEADER_BYTES);
        }
        while let Some(left) = bytes.get(done..).filter(|left| !left.is_empty()) {
            if self.ended {
                return Err(CopyError("something follows its end"));
            }
            match walk(left, |_, _| ())? {
                Part::Tuple(len) => {
                    self.add(left.get(..len).unwrap_or_default());
                    done += len;
                }
                Part::Trailer => {
                    self.ended = true;
                    done += 2;
                }
                Part::Unfinished => break,
            }
        }
        Ok(done)
    }

    fn add(&mut self, tuple: &[u8]) {
        self.rows += 1;
        let hash = blake3::hash(tuple);
        for (lane, part) in self.lanes.iter_mut().zip(hash.as_bytes().chunks_exact(8)) {
            *lane = lane.wrapping_add(part.try_into().map_or(0, u64::from_le_bytes));
        }
    }
}

/// What the bytes begin with; `see` is given each field of a tuple, None for NULL.
#[inline]
pub(super) fn walk(bytes: &[u8], mut see: impl FnMut(usize, Option<&[u8]>)) -> Result<Part, CopyError> {
    let Some((count, mut rest)) = bytes.split_first_chunk::<2>() else { return Ok(Part::Unfinished) };
    let count = i16::from_be_bytes(*count);
    if count == -1 {
        return Ok(Part::Trailer);
    }
    if count < 0 {
        return Err(CopyError("a row has a negative number of columns"));
    }
    for field in 0..count as usize {
        let Some((len, after)) = rest.split_first_chunk::<4>() else { return Ok(Part::Unfinished) };
        rest = after;
        let len = match i32::from_be_bytes(*len) {
            -1 => {
                see(field, None);
                continue;
            }
            len => usize::try_from(len).map_err(|_| CopyError("a value has a negative length"))?,
        };
        if len > TUPLE_BYTES_MAX {
            return Err(CopyError("a value is too large"));
        }
        let Some((value, after)) = rest.split_at_checked(len) else { return Ok(Part::Unfinished) };
        see(field, Some(value));
        rest = after;
    }
    Ok(Part::Tuple(bytes.len() - rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[Option<&[u8]>]) -> Vec<u8> {
        let mut out = (values.len() as i16).to_be_bytes().to_vec();
        for value in values {
            match value {
                None => out.extend_from_slice(&(-1_i32).to_be_bytes()),
                Some(value) => {
                    out.extend_from_slice(&(value.len() as i32).to_be_bytes());
                    out.extend_from_slice(value);
                }
            }
        }
        out
    }

    fn stream(rows: &[Vec<u8>]) -> Vec<u8> {
        let mut out = SIGNATURE.to_vec();
        out.extend_from_slice(&[0; 8]);
        rows.iter().for_each(|row| out.extend_from_slice(row));
        out.extend_from_slice(&(-1_i16).to_be_bytes());
        out
    }

    fn digest(bytes: &[u8], piece: usize) -> Result<(u64, String), CopyError> {
        let mut digest = CopyDigest::default();
        bytes.chunks(piece).try_for_each(|piece| digest.update(piece))?;
        digest.finish()
    }

    #[test]
    fn the_same_rows_in_any_order_and_pieces_have_the_same_digest_and_others_another() {
        let rows = [row(&[Some(b"one"), None]), row(&[Some(b"two"), Some(b"")]), row(&[Some(b"one"), None])];
        let (forth, back) = (stream(&rows), stream(&[rows[1].clone(), rows[0].clone(), rows[2].clone()]));
        let whole = digest(&forth, usize::MAX).expect("a stream");
        assert_eq!(whole.0, 3);
        for piece in 1..forth.len() {
            assert_eq!(digest(&forth, piece).as_ref(), Ok(&whole));
            assert_eq!(digest(&back, piece).as_ref(), Ok(&whole));
        }
        assert_ne!(digest(&stream(&rows[..2]), 7).expect("a stream"), whole);
        assert_ne!(digest(&stream(&[row(&[Some(b""), None]), row(&[None, None])]), 7).expect("a stream").1, whole.1);
    }

    #[test]
    fn a_stream_that_is_cut_or_goes_on_is_refused() {
        let bytes = stream(&[row(&[Some(b"one"), None]), row(&[Some(b"two")])]);
        for end in 0..bytes.len() {
            assert!(digest(&bytes[..end], 5).is_err(), "cut at {end}");
        }
        assert!(digest(&[bytes.as_slice(), b"x"].concat(), 5).is_err());
        assert!(digest(&[0; 40], 5).is_err());
    }
}
