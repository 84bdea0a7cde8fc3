//! Batches: FHS/BHS ... BTS/FTS, or several messages in a row, become single messages.
//!
//! The counts in BTS-1 and FTS-1 are checked where they are given: a wrong one means that something was lost on the way, and
//! nothing of the batch is taken. Cutting works on the raw bytes: in no supported character set is CR or LF a second byte.
//! UTF-16 is read for single messages only.

use super::charset::trim;
use super::scan::{Delimiters, piece};
use crate::error::{Code, Refusal};

/// A payload, cut into messages.
#[derive(Debug, Default)]
pub struct Batch<'a> {
    /// Whether there was a batch header, or more than one message.
    pub is_batch: bool,
    /// From MSH to the next header, as they stand.
    pub messages: Vec<&'a [u8]>,
}

/// Cut a payload. A payload of one message gives that message, stripped of framing.
///
/// # Errors
/// `Malformed`: text outside messages, a count that does not hold, no message and no batch. `TooManyParts`.
pub fn split(payload: &[u8], messages_max: usize) -> Result<Batch<'_>, Refusal> {
    if matches!(payload, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..]) {
        return Ok(Batch { is_batch: false, messages: vec![payload] });
    }
    let bytes = trim(payload);
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").map_or(bytes, trim);
    let mut cutter = Cutter { bytes, messages_max, batch: Batch::default(), open: None, counts: Counts::default() };
    let mut start = 0;
    while start < bytes.len() {
        let rest = bytes.get(start..).unwrap_or_default();
        let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        cutter.line(start, rest.get(..end).unwrap_or_default())?;
        start += end + 1;
    }
    cutter.finish()
}

#[derive(Default)]
struct Counts {
    in_batch: usize,
    batches: usize,
    delimiters: Option<Delimiters>,
}

struct Cutter<'a> {
    bytes: &'a [u8],
    messages_max: usize,
    batch: Batch<'a>,
    open: Option<usize>,
    counts: Counts,
}

impl<'a> Cutter<'a> {
    fn line(&mut self, start: usize, line: &'a [u8]) -> Result<(), Refusal> {
        // MLLP bytes may stand between messages.
        let inner = trim(line);
        match inner.get(..3).unwrap_or_default() {
            b"MSH" => {
                self.close(start);
                let skipped = line.len() - line.trim_ascii_start().len();
                let lead = line.iter().position(|byte| *byte == b'M').unwrap_or(skipped);
                self.open = Some(start + lead);
                self.counts.in_batch += 1;
                if self.batch.messages.len() >= self.messages_max {
                    let detail = format!("more than {} messages in one batch", self.messages_max);
                    return Err(Refusal::new(Code::TooManyParts, detail));
                }
            }
            b"FHS" | b"BHS" => {
                self.close(start);
                self.batch.is_batch = true;
                self.counts.delimiters = Some(Delimiters::read(inner)?);
                if inner.starts_with(b"BHS") {
                    self.counts.in_batch = 0;
                }
            }
            b"BTS" | b"FTS" => self.trailer(start, inner)?,
            b"" => {}
            _ if self.open.is_none() => {
                return Err(Refusal::new(Code::Malformed, "text before the first MSH, BHS or FHS"));
            }
            _ => {}
        }
        Ok(())
    }

    fn trailer(&mut self, start: usize, line: &[u8]) -> Result<(), Refusal> {
        self.close(start);
        let field = self.counts.delimiters.map_or(b'|', |delimiters| delimiters.field);
        let is_batch_end = line.starts_with(b"BTS");
        let counted = if is_batch_end { self.counts.in_batch } else { self.counts.batches };
        if is_batch_end {
            self.counts.batches += 1;
        }
        let said = piece(line, field, 2);
        // A file without batch headers holds one batch.
        let counted = if is_batch_end { counted } else { counted.max(1) };
        if said.is_empty() || std::str::from_utf8(said).ok().and_then(|text| text.parse().ok()) == Some(counted) {
            return Ok(());
        }
        let name = if is_batch_end { "BTS" } else { "FTS" };
        Err(Refusal::new(Code::Malformed, format!("{name}-1 does not give the number found, {counted}"))
            .at(format!("{name}^1^1")))
    }

    fn close(&mut self, end: usize) {
        if let Some(start) = self.open.take() {
            self.batch.messages.push(trim(self.bytes.get(start..end).unwrap_or_default()));
        }
    }

    fn finish(mut self) -> Result<Batch<'a>, Refusal> {
        self.close(self.bytes.len());
        if self.batch.messages.is_empty() && !self.batch.is_batch {
            return Err(Refusal::new(Code::Malformed, "the message does not begin with MSH").at("MSH"));
        }
        self.batch.is_batch |= self.batch.messages.len() > 1;
        Ok(self.batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "MSH|^~\\&|A\rPID|1";

    fn cut(payload: &str) -> Result<(bool, usize), Code> {
        split(payload.as_bytes(), 3).map(|batch| (batch.is_batch, batch.messages.len())).map_err(|refusal| refusal.code)
    }

    #[test]
    fn one_message_is_no_batch() {
        assert_eq!(cut(ONE), Ok((false, 1)));
        assert_eq!(cut(&format!("\x0b{ONE}\r\x1c\r")), Ok((false, 1)));
        assert_eq!(cut(&format!("\u{FEFF}\r\n{ONE}")), Ok((false, 1)));
    }

    #[test]
    fn a_batch_gives_its_messages_in_order() {
        let batch = format!("FHS|^~\\&\rBHS|^~\\&\r{ONE}\r{ONE}\rBTS|2\rFTS|1\r");
        assert_eq!(cut(&batch), Ok((true, 2)));
        assert_eq!(cut(&format!("{ONE}\r\n{ONE}\r\n")), Ok((true, 2)));
        assert_eq!(cut(&format!("BHS#!@%*#\r{ONE}\rBTS#1#\r")), Ok((true, 1)));
        assert_eq!(cut("BHS|^~\\&\rBTS|0"), Ok((true, 0)));
        let cut = split(batch.as_bytes(), 9).expect("batch");
        assert!(cut.messages.iter().all(|message| *message == ONE.as_bytes()));
    }

    #[test]
    fn a_batch_that_lost_something_is_refused_whole() {
        assert_eq!(cut(&format!("BHS|^~\\&\r{ONE}\rBTS|2")), Err(Code::Malformed));
        assert_eq!(cut(&format!("FHS|^~\\&\rBHS|^~\\&\r{ONE}\rBTS|1\rFTS|2")), Err(Code::Malformed));
        assert_eq!(cut(&format!("BHS|^~\\&\r{ONE}\rBTS|x")), Err(Code::Malformed));
        assert_eq!(cut(&format!("junk\r{ONE}")), Err(Code::Malformed));
        assert_eq!(cut(""), Err(Code::Malformed));
        assert_eq!(cut(&format!("{ONE}\r").repeat(4)), Err(Code::TooManyParts));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(payload: Vec<u8>) {
            let _ = split(&payload, 10);
        }
    }
}
