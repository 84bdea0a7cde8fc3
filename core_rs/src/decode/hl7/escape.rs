//! Escape sequences (HL7 v2.5.1 chapter 2.7), resolved only in leaves that are read.
//!
//! `\F\ \S\ \T\ \R\ \E\ \P\` stand for delimiters, `\Xhh..\` for bytes, `\.br\ \.sp\ \.ce\ \.sk\` for layout; highlighting
//! (`\H\ \N\`) vanishes; any other sequence (`\Z..\ \C..\ \M..\`) and an unclosed escape stay as written.

use std::borrow::Cow;

use memchr::memchr;

use super::scan::{Delimiters, contains};

/// The bytes of a leaf without escapes; borrowed where there are none.
#[inline]
pub fn unescape<'a>(bytes: &'a [u8], delimiters: &Delimiters) -> Cow<'a, [u8]> {
    let escape = delimiters.escape;
    if !contains(bytes, escape) {
        return Cow::Borrowed(bytes);
    }
    Cow::Owned(unescaped(bytes, delimiters))
}

fn unescaped(bytes: &[u8], delimiters: &Delimiters) -> Vec<u8> {
    let escape = delimiters.escape;
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(start) = memchr(escape, rest) {
        let (before, after) = rest.split_at(start);
        out.extend_from_slice(before);
        let inner = after.get(1..).unwrap_or_default();
        let Some(end) = memchr(escape, inner) else {
            rest = after;
            break;
        };
        let (sequence, tail) = inner.split_at(end);
        if !resolve(sequence, delimiters, &mut out) {
            out.push(escape);
            out.extend_from_slice(sequence);
            out.push(escape);
        }
        rest = tail.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out
}

fn resolve(sequence: &[u8], delimiters: &Delimiters, out: &mut Vec<u8>) -> bool {
    match sequence {
        b"F" => out.push(delimiters.field),
        b"S" => out.push(delimiters.component),
        b"T" => out.push(delimiters.subcomponent),
        b"R" => out.push(delimiters.repetition),
        b"E" => out.push(delimiters.escape),
        b"P" => out.push(b'#'),
        b"H" | b"N" => {}
        [b'X', digits @ ..] => return hexadecimal(digits, out),
        [b'.', command @ ..] => return layout(command, out),
        _ => return false,
    }
    true
}

fn hexadecimal(digits: &[u8], out: &mut Vec<u8>) -> bool {
    let pairs = digits.chunks_exact(2);
    if digits.is_empty() || !pairs.remainder().is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return false;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok()).unwrap_or_default();
    out.extend(pairs.map(|pair| pair.iter().fold(0, |value, byte| value << 4 | digit(*byte))));
    true
}

fn layout(command: &[u8], out: &mut Vec<u8>) -> bool {
    match command.get(..2).unwrap_or_default() {
        b"br" | b"sp" | b"ce" => out.push(b'\n'),
        b"sk" => out.push(b' '),
        b"fi" | b"nf" | b"in" | b"ti" => {}
        _ => return false,
    }
    true
}

/// A text with the delimiters of a message escaped, for answers. Line ends and control characters become blanks.
pub fn escaped(text: &str, delimiters: &Delimiters) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        let letter = match u8::try_from(character) {
            Ok(byte) if byte == delimiters.escape => 'E',
            Ok(byte) if byte == delimiters.field => 'F',
            Ok(byte) if byte == delimiters.component => 'S',
            Ok(byte) if byte == delimiters.subcomponent => 'T',
            Ok(byte) if byte == delimiters.repetition => 'R',
            _ => {
                out.push(if character.is_control() { ' ' } else { character });
                continue;
            }
        };
        let escape = char::from(delimiters.escape);
        out.extend([escape, letter, escape]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        String::from_utf8(unescape(text.as_bytes(), &Delimiters::USUAL).into_owned()).expect("text")
    }

    #[test]
    fn every_listed_escape_reads_as_what_it_stands_for() {
        assert_eq!(read(r"a\F\b\S\c\T\d\R\e\E\f"), r"a|b^c&d~e\f");
        assert_eq!(read(r"10\S\3/uL"), "10^3/uL");
        assert_eq!(read(r"\X41C3BC\\P\"), "Aü#");
        assert_eq!(read(r"one\.br\two\.sk2\x\H\bold\N\"), "one\ntwo xbold");
    }

    #[test]
    fn what_is_no_escape_stays() {
        for text in [r"a\", r"\", r"a\Q\b", r"\X4\", r"\XZZ\", r"\Z9\", r"\.zz\", r"\C2842\"] {
            assert_eq!(read(text), text);
        }
        assert!(matches!(unescape(b"plain", &Delimiters::USUAL), Cow::Borrowed(_)));
    }

    proptest::proptest! {
        #[test]
        fn any_text_survives_escaping(text in "[ -~äöü]{0,40}") {
            let escaped = escaped(&text, &Delimiters::USUAL);
            proptest::prop_assert_eq!(read(&escaped), text);
        }
    }
}
