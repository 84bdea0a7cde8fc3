//! Character sets: which one a message is in, and its bytes in a form whose delimiters can be scanned.
//!
//! First a byte order mark, then MSH-18 (HL7 table 0211), then the HTTP charset, then UTF-8. ASCII, UTF-8 and the ISO 8859
//! family are scanned as they stand; sets whose second bytes may look like delimiters (GB 18030, Big5, ISO-2022-JP, UTF-16)
//! are turned into UTF-8 first. As everywhere on the web, 8859/1 is read as windows-1252 and 8859/9 as windows-1254. Bytes
//! that do not fit the set are found where a text is read, so that a broken name costs no vital sign.

use std::borrow::Cow;

use encoding_rs::{Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE};

use super::scan::piece;
use crate::error::{Code, Refusal};

/// How the bytes of a text field are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// Seven bits only.
    Ascii,
    /// UTF-8, declared, converted or by default.
    Utf8,
    /// Anything else that contains ASCII unchanged.
    Table(&'static Encoding),
}

impl Charset {
    /// The text of a leaf, or what could be read of it and false.
    pub fn text<'a>(self, bytes: &'a [u8]) -> (Cow<'a, str>, bool) {
        match self {
            _ if bytes.is_ascii() => (String::from_utf8_lossy(bytes), true),
            Self::Ascii => {
                let text = bytes.iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { '\u{FFFD}' }).collect();
                (Cow::Owned(text), false)
            }
            Self::Utf8 => {
                let text = String::from_utf8_lossy(bytes);
                let is_whole = !text.contains('\u{FFFD}');
                (text, is_whole)
            }
            Self::Table(table) => {
                let (text, failed) = table.decode_without_bom_handling(bytes);
                (text, !failed)
            }
        }
    }
}

/// A message ready to be scanned.
#[derive(Debug)]
pub struct Body<'a> {
    /// From the first header to the last byte that is no padding.
    pub bytes: Cow<'a, [u8]>,
    /// How its texts are read.
    pub charset: Charset,
}

/// Strip MLLP framing, byte order mark and blank edges, and settle the character set.
///
/// # Errors
/// `UnsupportedCharset`.
pub fn open<'a>(payload: &'a [u8], http_charset: &str) -> Result<Body<'a>, Refusal> {
    if let Some((table, mark)) = Encoding::for_bom(payload) {
        let bytes = payload.get(mark..).unwrap_or_default();
        return Ok(if table == UTF_8 {
            Body { bytes: Cow::Borrowed(trim(bytes)), charset: Charset::Utf8 }
        } else {
            transcode(bytes, table)
        });
    }
    let bytes = trim(payload);
    // A mark may also stand behind the MLLP start byte.
    if let Some(bytes) = bytes.strip_prefix(b"\xEF\xBB\xBF") {
        return Ok(Body { bytes: Cow::Borrowed(trim(bytes)), charset: Charset::Utf8 });
    }
    let charset = match declared(bytes)? {
        Some(charset) => charset,
        None => from_http(http_charset)?,
    };
    Ok(match charset {
        Charset::Table(table) if !table.is_single_byte() => transcode(bytes, table),
        charset => Body { bytes: Cow::Borrowed(bytes), charset },
    })
}

/// Without MLLP bytes, line ends and blanks around it.
pub fn trim(bytes: &[u8]) -> &[u8] {
    let (start, end) = inner(bytes);
    bytes.get(start..end).unwrap_or_default()
}

/// Where `trim` leaves off and ends.
fn inner(bytes: &[u8]) -> (usize, usize) {
    let is_padding = |byte: &u8| matches!(byte, 0x0B | 0x1C | b'\r' | b'\n' | b' ' | b'\t' | 0);
    let start = bytes.iter().position(|byte| !is_padding(byte)).unwrap_or(bytes.len());
    (start, bytes.iter().rposition(|byte| !is_padding(byte)).map_or(start, |last| last + 1))
}

fn transcode(bytes: &[u8], table: &'static Encoding) -> Body<'static> {
    let (text, _) = table.decode_without_bom_handling(bytes);
    // Trimmed where it lies: a second copy would be the largest thing a message costs.
    let mut bytes = text.into_owned().into_bytes();
    let (start, end) = inner(&bytes);
    bytes.truncate(end);
    bytes.drain(..start);
    Body { bytes: Cow::Owned(bytes), charset: Charset::Utf8 }
}

/// MSH-18 of the first line, whose delimiters are ASCII in every set that can be declared there.
fn declared(bytes: &[u8]) -> Result<Option<Charset>, Refusal> {
    let line = bytes.get(..memchr::memchr2(b'\r', b'\n', bytes).unwrap_or(bytes.len())).unwrap_or_default();
    if !line.starts_with(b"MSH") {
        return Ok(None);
    }
    let (Some(field), Some(repetition)) = (line.get(3), line.get(5)) else { return Ok(None) };
    let names = piece(line, *field, 18);
    let first = piece(names, *repetition, 1);
    // ISO 2022 switching: the first set is the default, the others are reached by escapes the decoder follows.
    if names.split(|byte| byte == repetition).any(|name| matches!(name.trim_ascii(), b"ISO IR87" | b"ISO IR14")) {
        return Ok(Some(Charset::Table(ISO_2022_JP)));
    }
    let unsupported = || {
        let detail = format!("MSH-18 '{}' is not read here", crate::decode::catalogue::shown(names));
        Refusal::new(Code::UnsupportedCharset, detail).at("MSH^1^18")
    };
    let default = if first.is_empty() { None } else { Some(from_table_0211(first).ok_or_else(unsupported)?) };
    for other in names.split(|byte| byte == repetition).skip(1).map(<[u8]>::trim_ascii).filter(|name| !name.is_empty()) {
        let other = from_table_0211(other).ok_or_else(unsupported)?;
        if other != Charset::Ascii && Some(other) != default {
            return Err(unsupported());
        }
    }
    Ok(default)
}

fn from_table_0211(name: &[u8]) -> Option<Charset> {
    if let Some(part) = name.strip_prefix(b"8859/") {
        let label = format!("iso-8859-{}", std::str::from_utf8(part).ok()?);
        return Encoding::for_label(label.as_bytes()).map(Charset::Table);
    }
    Some(match name {
        b"ASCII" => Charset::Ascii,
        b"UNICODE UTF-8" | b"UNICODE" | b"UTF-8" | b"UTF8" => Charset::Utf8,
        b"GB 18030-2000" | b"GB18030" => Charset::Table(encoding_rs::GB18030),
        b"BIG-5" => Charset::Table(encoding_rs::BIG5),
        b"KS X 1001" => Charset::Table(encoding_rs::EUC_KR),
        _ => return None,
    })
}

fn from_http(label: &str) -> Result<Charset, Refusal> {
    let label = label.trim().trim_matches('"');
    if label.is_empty() {
        return Ok(Charset::Utf8);
    }
    if label.eq_ignore_ascii_case("us-ascii") || label.eq_ignore_ascii_case("ascii") {
        return Ok(Charset::Ascii);
    }
    match Encoding::for_label_no_replacement(label.as_bytes()) {
        Some(table) if table == UTF_8 => Ok(Charset::Utf8),
        Some(table) if table != UTF_16LE && table != UTF_16BE => Ok(Charset::Table(table)),
        _ => {
            let detail = format!("charset '{}' is not read here", crate::decode::catalogue::shown(label.as_bytes()));
            Err(Refusal::new(Code::UnsupportedCharset, detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(charset: &str, name: &[u8]) -> Vec<u8> {
        let mut bytes = format!("MSH|^~\\&{}{charset}|\rPID|||1||", "|".repeat(16)).into_bytes();
        bytes.extend_from_slice(name);
        bytes
    }

    fn read(payload: &[u8], http: &str) -> Result<(String, bool), Code> {
        let body = open(payload, http).map_err(|refusal| refusal.code)?;
        let line = body.bytes.split(|byte| *byte == b'\r').nth(1).expect("PID");
        let (text, whole) = body.charset.text(piece(line, b'|', 6));
        Ok((text.into_owned(), whole))
    }

    #[test]
    fn every_declared_set_reads_its_own_bytes() {
        assert_eq!(read(&message("8859/1", b"M\xFCller"), ""), Ok(("Müller".into(), true)));
        assert_eq!(read(&message("8859/2", b"\xA3\xF3d\xBC"), ""), Ok(("Łódź".into(), true)));
        assert_eq!(read(&message("8859/15", b"\xA4"), ""), Ok(("€".into(), true)));
        assert_eq!(read(&message("UNICODE UTF-8", "Müller".as_bytes()), ""), Ok(("Müller".into(), true)));
        assert_eq!(read(&message("UTF-8~UNICODE", "Müller".as_bytes()), ""), Ok(("Müller".into(), true)));
        assert_eq!(read(&message("ASCII", b"Mueller"), ""), Ok(("Mueller".into(), true)));
        let (japanese, ..) = ISO_2022_JP.encode("山田");
        assert_eq!(read(&message("ASCII~ISO IR87", &japanese), ""), Ok(("山田".into(), true)));
        // The second bytes of GB 18030 include '|' and '^'.
        let (chinese, ..) = encoding_rs::GB18030.encode("\u{4E02}\u{4E80}");
        assert!(chinese.iter().any(|byte| byte.is_ascii()));
        assert_eq!(read(&message("GB 18030-2000", &chinese), ""), Ok(("\u{4E02}\u{4E80}".into(), true)));
    }

    #[test]
    fn undeclared_text_follows_the_mark_then_http_then_utf8() {
        assert_eq!(read(&message("", b"M\xFCller"), "iso-8859-1"), Ok(("Müller".into(), true)));
        assert_eq!(read(&message("", "Müller".as_bytes()), ""), Ok(("Müller".into(), true)));
        assert_eq!(read(&message("UNICODE UTF-8", "Müller".as_bytes()), "iso-8859-1"), Ok(("Müller".into(), true)));
        let mut marked = b"\xEF\xBB\xBF".to_vec();
        marked.extend(message("", "Müller".as_bytes()));
        assert_eq!(read(&marked, "iso-8859-1"), Ok(("Müller".into(), true)));
        let wide: Vec<u8> = String::from_utf8(message("", "Müller".as_bytes()))
            .expect("text")
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(read(&[b"\xFF\xFE".as_slice(), &wide].concat(), ""), Ok(("Müller".into(), true)));
    }

    #[test]
    fn bytes_that_do_not_fit_are_noticed_where_they_are_read() {
        assert_eq!(read(&message("", b"M\xFCller"), ""), Ok(("M\u{FFFD}ller".into(), false)));
        assert_eq!(read(&message("ASCII", "ü".as_bytes()), "").map(|(_, whole)| whole), Ok(false));
    }

    #[test]
    fn sets_nobody_reads_are_refused() {
        for name in ["CNS 11643-1992", "8859/12", "UNICODE UTF-16", "EBCDIC", "8859/1~8859/7"] {
            assert_eq!(read(&message(name, b"x"), ""), Err(Code::UnsupportedCharset), "{name}");
        }
        assert_eq!(read(&message("", b"x"), "x-unknown"), Err(Code::UnsupportedCharset));
    }

    #[test]
    fn framing_and_blank_edges_are_stripped() {
        assert_eq!(trim(b"\x0bMSH|\r\x1c\r"), b"MSH|");
        assert_eq!(trim(b"\r\n \x1c"), b"");
        assert!(open(b"", "").is_ok_and(|body| body.bytes.is_empty()));
    }
}
