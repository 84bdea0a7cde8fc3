//! Acknowledgements (HL7 v2.5.1 chapter 2.9): MSH, MSA and one ERR per refusal, in the sender's own delimiters and version.
//!
//! - Original mode (MSH-15 and MSH-16 both empty): AA, AE, AR. Enhanced mode: CA, CE, CR, since what is acknowledged is that
//!   the bytes are safe; only where MSH-15 declines (NE) and MSH-16 asks, AA, AE, AR.
//! - A message that was journalled is accepted, whatever its content: an AE would make the sender repeat it. Observations
//!   that ended as dead letters are told as ERR with severity W, one each, at most 100 and then a count.
//! - ERR-2 to -4 and -8 for every version; before 2.5 also ERR-1 (`segment^sequence^field^code`) and MSA-3.
//! - The control id is a hash of message, outcome and time: the same inputs give the same bytes. No identity: refusals hold
//!   none, and of the inbound message only MSH-3 to -6, -9 to -12 are repeated.

use super::charset::open;
use super::escape::escaped;
use super::header::Header;
use super::scan::{Delimiters, first_line};
use crate::decode::digest::Digest;
use crate::error::{Ack, Code, Refusal};

const ERRORS_MAX: usize = 100;
/// Longest field repeated from the inbound message.
const ECHO_BYTES_MAX: usize = 256;

/// What became of a message.
#[derive(Debug, Clone, Copy)]
pub enum Outcome<'a> {
    /// Journalled; the refusals are observations that end as dead letters.
    Accepted(&'a [Refusal]),
    /// Not taken.
    Refused(&'a Refusal),
}

/// The parts of the inbound header an answer repeats; the usual ones where it has none.
struct Echo {
    delimiters: Delimiters,
    /// MSH-3 to MSH-6 as text.
    parties: [String; 4],
    event: String,
    control_id: String,
    processing_id: String,
    version: String,
    is_enhanced: bool,
}

/// The answer to one message, ending in CR.
pub fn acknowledge(digest: &Digest, payload: &[u8], charset: &str, outcome: Outcome<'_>, now_us: i64) -> Vec<u8> {
    let echo = Echo::of(payload, charset);
    let mut text = String::with_capacity(512);
    let code = echo.code(outcome);
    let id = digest.message("ack", &[echo.control_id.as_bytes(), code.as_bytes(), &now_us.to_le_bytes()], payload);
    echo.msh(&mut text, id.id ^ id.content, now_us);
    echo.msa(&mut text, code, outcome);
    let (refusals, severity) = match outcome {
        Outcome::Accepted(refusals) => (refusals, 'W'),
        Outcome::Refused(refusal) => (std::slice::from_ref(refusal), 'E'),
    };
    for refusal in refusals.iter().take(ERRORS_MAX) {
        echo.err(&mut text, refusal, severity);
    }
    if let Some(more) = refusals.len().checked_sub(ERRORS_MAX).filter(|more| *more > 0) {
        let code = refusals.get(ERRORS_MAX).map_or(Code::BadDataType, |refusal| refusal.code);
        echo.err(&mut text, &Refusal::new(code, format!("and {more} more, not listed")), severity);
    }
    text.into_bytes()
}

/// The answer to a batch: BHS, the answers to its messages, BTS with their number.
pub fn batch(answers: &[Vec<u8>], now_us: i64) -> Vec<u8> {
    let mut out = format!("BHS|^~\\&|NIGHTLAMP||||{}\r", stamp(now_us)).into_bytes();
    for answer in answers {
        out.extend_from_slice(answer);
    }
    out.extend_from_slice(format!("BTS|{}\r", answers.len()).as_bytes());
    out
}

impl Echo {
    fn of(payload: &[u8], charset: &str) -> Self {
        // A message whose set is refused still says who sent it.
        let body = open(payload, charset).or_else(|_| open(payload, "")).ok();
        let bytes = body.as_ref().map_or_else(|| super::charset::trim(payload), |body| &*body.bytes);
        let charset = body.as_ref().map_or(super::charset::Charset::Ascii, |body| body.charset);
        let header = Header::read(first_line(bytes)).ok();
        let text = |bytes: &[u8]| {
            let bytes = bytes.get(..ECHO_BYTES_MAX).unwrap_or(bytes);
            charset.text(bytes).0.chars().filter(|character| !character.is_control()).collect::<String>()
        };
        let field = |n: usize| header.as_ref().map_or_else(String::new, |header| text(header.field(n)));
        let component = |n: usize, c: usize| header.as_ref().map_or_else(String::new, |header| text(header.component(n, c)));
        let is_original = field(15).is_empty() && field(16).is_empty();
        let asks = |n: usize| matches!(field(n).as_str(), "AL" | "ER" | "SU");
        Self {
            delimiters: header.as_ref().map_or(Delimiters::USUAL, |header| header.delimiters),
            parties: [5, 6, 3, 4].map(field),
            event: component(9, 2),
            control_id: field(10),
            processing_id: Some(component(11, 1)).filter(|id| !id.is_empty()).unwrap_or_else(|| "P".to_owned()),
            version: Some(component(12, 1)).filter(|version| !version.is_empty()).unwrap_or_else(|| "2.5.1".to_owned()),
            is_enhanced: !(is_original || field(15) == "NE" && asks(16)),
        }
    }

    fn code(&self, outcome: Outcome<'_>) -> &'static str {
        let ack = match outcome {
            Outcome::Accepted(_) => Ack::Aa,
            Outcome::Refused(refusal) => refusal.code.ack(),
        };
        match (ack, self.is_enhanced) {
            (Ack::Aa, false) => "AA",
            (Ack::Ae, false) => "AE",
            (Ack::Ar, false) => "AR",
            (Ack::Aa, true) => "CA",
            (Ack::Ae, true) => "CE",
            (Ack::Ar, true) => "CR",
        }
    }

    fn segment(&self, out: &mut String, fields: &[&str]) {
        for (at, field) in fields.iter().enumerate() {
            if at > 0 {
                out.push(char::from(self.delimiters.field));
            }
            out.push_str(field);
        }
        while out.ends_with(char::from(self.delimiters.field)) {
            out.pop();
        }
        out.push('\r');
    }

    fn components(&self, parts: &[&str]) -> String {
        let separator = char::from(self.delimiters.component).to_string();
        parts.join(&separator).trim_end_matches(&separator).to_owned()
    }

    fn msh(&self, out: &mut String, id: u64, now_us: i64) {
        let Delimiters { component, repetition, escape, subcomponent, .. } = self.delimiters;
        let encoding: String = [component, repetition, escape, subcomponent].map(char::from).iter().collect();
        let [application, facility, their_application, their_facility] = &self.parties;
        let kind = self.components(&["ACK", &self.event, "ACK"]);
        let parties = [application, facility, their_application, their_facility];
        let set = if parties.iter().all(|party| party.is_ascii()) { "" } else { "UNICODE UTF-8" };
        let (time, id) = (stamp(now_us), format!("{id:016X}"));
        self.segment(
            out,
            &[
                "MSH",
                &encoding,
                application,
                facility,
                their_application,
                their_facility,
                &time,
                "",
                &kind,
                &id,
                &self.processing_id,
                &self.version,
                "",
                "",
                "",
                "",
                "",
                set,
            ],
        );
    }

    fn msa(&self, out: &mut String, code: &str, outcome: Outcome<'_>) {
        let text = match outcome {
            Outcome::Refused(refusal) if self.is_before_2_5() => escaped(refusal.code.text(), &self.delimiters),
            _ => String::new(),
        };
        self.segment(out, &["MSA", code, &self.control_id, &text]);
    }

    fn err(&self, out: &mut String, refusal: &Refusal, severity: char) {
        let place: Vec<&str> = refusal.location.split('^').collect();
        let (code, location) = (refusal.code.hl7_code().to_string(), self.components(&place));
        let meaning = escaped(refusal.code.name(), &self.delimiters);
        let coded = self.components(&[&code, &meaning, "HL70357"]);
        let old = if self.is_before_2_5() {
            let subcomponent = char::from(self.delimiters.subcomponent);
            let at = |n: usize| place.get(n).copied().unwrap_or_default();
            self.components(&[at(0), at(1), at(2), &format!("{code}{subcomponent}{meaning}{subcomponent}HL70357")])
        } else {
            String::new()
        };
        let detail = escaped(&format!("{} {}", refusal.code.text(), refusal.detail), &self.delimiters);
        self.segment(out, &["ERR", &old, &location, &coded, &severity.to_string(), "", "", "", detail.trim_end()]);
    }

    fn is_before_2_5(&self) -> bool {
        self.version.starts_with("2.3") || self.version.starts_with("2.4")
    }
}

/// An instant as HL7 DTM in UTC, to the millisecond.
fn stamp(at_us: i64) -> String {
    jiff::Timestamp::from_microsecond(at_us)
        .map(|stamp| stamp.strftime("%Y%m%d%H%M%S.%3f+0000").to_string())
        .unwrap_or_default()
}
