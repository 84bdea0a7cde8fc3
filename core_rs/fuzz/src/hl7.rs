//! HL7 v2 as the HTTP door and the pipeline read it. The first byte of the input chooses the charset of the Content-Type, the
//! rest is the body.
//!
//! Promised beside memory and time: whatever the body, the answer to each of its messages is valid HL7; what the door takes is
//! not refused for its envelope later; every OBX of what it takes becomes an event, a refusal or a skip; decoding twice says
//! the same.

use nightlamp_core::decode::Decoded;
use nightlamp_core::decode::hl7::ack::{self, Outcome};
use nightlamp_core::decode::hl7::{batch, leaves, sent_at_us};
use nightlamp_core::error::Refusal;
use nightlamp_core::receive::Source;

use super::meter::{self, Bound};
use super::site::{NOON_US, SITES, Site, assert_same, frame, rows};

const CHARSETS: [&str; 8] = ["", "utf-8", "iso-8859-1", "us-ascii", "gb18030", "iso-2022-jp", "utf-16", "x-none"];

/// The target.
pub fn run(input: &[u8]) {
    let Some((how, payload)) = input.split_first() else { return };
    let charset = CHARSETS[usize::from(*how) % CHARSETS.len()];
    for site in SITES.iter() {
        let max = site.decoder.config().limits.hl7_batch_messages_max;
        // A message of four bytes is kept as a slice of sixteen: twice that while the list grows.
        let bound = Bound::with_floor((4 << 10) + 32 * max);
        let cut = meter::case("batch split", payload.len(), bound, || {
            batch::split(payload, max).map(|cut| (cut.is_batch, cut.messages.len()))
        });
        match cut {
            Ok((_, count)) => {
                assert!(count <= max, "a batch has at most its limit of messages");
                let cut = batch::split(payload, max).expect("as before");
                let answers: Vec<Vec<u8>> =
                    cut.messages.iter().map(|message| message_at_the_door(site, message, charset)).collect();
                let answer = ack::batch(&answers, NOON_US);
                assert!(answer.starts_with(b"BHS|") && answer.ends_with(format!("\rBTS|{count}\r").as_bytes()));
            }
            Err(refusal) => assert_valid(&answer(site, payload, charset, Outcome::Refused(&refusal))),
        }
        frame_in_the_pipeline(site, payload, charset);
    }
    let _ = (sent_at_us(&SITES[1].decoder, payload), leaves::leaves(payload, charset));
}

fn answer(site: &Site, payload: &[u8], charset: &str, outcome: Outcome<'_>) -> Vec<u8> {
    ack::acknowledge(site.decoder.digest(), payload, charset, outcome, NOON_US)
}

/// Screened, decoded for warnings and answered, as the HTTP door does it.
fn message_at_the_door(site: &Site, message: &[u8], charset: &str) -> Vec<u8> {
    let frame = frame(Source::Hl7Http, charset, message);
    let (answer, refused, decoded) = meter::case("a message at the door", message.len(), site.bound, || {
        match site.decoder.screen(Source::Hl7Http, charset, message) {
            Err(refusal) => (answer(site, message, charset, Outcome::Refused(&refusal)), Some(refusal), Decoded::default()),
            Ok(()) => {
                let mut decoded = site.decode(&frame);
                let warnings: Vec<Refusal> = decoded.rejected.drain(..).map(|rejected| rejected.refusal).collect();
                let answer = answer(site, message, charset, Outcome::Accepted(&warnings));
                assert!(
                    warnings.iter().all(|warning| !is_envelope(warning)),
                    "taken, and then refused for its envelope: {warnings:?}"
                );
                (answer, None, decoded)
            }
        }
    });
    assert_valid(&answer);
    assert!(refused.as_ref().is_none_or(is_envelope), "refused at the door for its content: {refused:?}");
    assert!(refused.is_none() || decoded.events.is_empty());
    answer
}

fn is_envelope(refusal: &Refusal) -> bool {
    refusal.code.ack() == nightlamp_core::error::Ack::Ar
}

fn frame_in_the_pipeline(site: &Site, payload: &[u8], charset: &str) {
    for (source, context) in [(Source::Hl7Http, charset), (Source::Hl7Mqtt, "ICU/7")] {
        let frame = frame(source, context, payload);
        let decoded = meter::case("decode", payload.len(), site.bound, || site.decode(&frame));
        assert_same(&decoded, &site.decode(&frame));
        let is_taken = site.decoder.screen(source, context, payload).is_ok();
        if is_taken && !site.decoder.config().recorded_time && payload.is_ascii() && is_oru(payload) {
            assert_eq!(rows(&decoded), observations(payload), "every OBX is counted under one name");
        }
    }
}

fn is_oru(payload: &[u8]) -> bool {
    let Some(start) = payload.windows(3).position(|three| three == b"MSH") else { return false };
    let header = payload.get(start..).unwrap_or_default();
    let Some(field) = header.get(3) else { return false };
    header.split(|byte| byte == field).nth(8).is_some_and(|kind| kind.trim_ascii().starts_with(b"ORU"))
}

fn observations(payload: &[u8]) -> usize {
    payload.split(|byte| b"\r\n".contains(byte)).filter(|line| line.starts_with(b"OBX")).count()
}

/// UTF-8; every line a segment, the first MSH with five different delimiters, the second MSA with a code of table 0008, then ERR.
fn assert_valid(answer: &[u8]) {
    let text = std::str::from_utf8(answer).expect("an answer is UTF-8");
    assert!(text.ends_with('\r') && !text.contains('\n'), "segments end in CR: {text:?}");
    let lines: Vec<&str> = text.split_terminator('\r').collect();
    let field = char::from(answer[3]);
    let names: Vec<&str> = lines.iter().map(|line| line.split(field).next().unwrap_or_default()).collect();
    assert!(names.starts_with(&["MSH", "MSA"]) && names.iter().skip(2).all(|name| *name == "ERR"), "{text:?}");
    let msh: Vec<&str> = lines[0].split(field).collect();
    let mut delimiters: Vec<char> = msh[1].chars().chain([field]).collect();
    delimiters.sort_unstable();
    delimiters.dedup();
    assert!(delimiters.len() == 5 && msh.len() >= 12 && !msh[9].is_empty(), "{text:?}");
    let code = lines[1].split(field).nth(1);
    assert!(code.is_some_and(|code| ["AA", "AE", "AR", "CA", "CE", "CR"].contains(&code)), "{text:?}");
    leaves::leaves(answer, "").expect("an answer reads as HL7");
}
