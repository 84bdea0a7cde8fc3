//! OBX-2 and OBX-5: what a value says, by its declared type.
//!
//! - NM, and ST that holds nothing but a number: the number. No exponent, no thousands separator, no comma.
//! - SN: `=^5` and `^5` are 5. A comparator (`<^0.3`, `>=^32`) gives a bound and a separator (`^1^:^128`, `^1^-^2`) a ratio
//!   or range: neither is a value, and neither the bound, its half nor a mean is put in its place (P7). Both are refused as
//!   `bad_data_type`, as is `<0.3` in ST.
//! - CWE, CE, CNE, CF, IS, ID and ST for coded signals: a listed answer, looked for in the code, then in the alternate code,
//!   then, where there is no code, in the text.
//! - Every other type (TS, DTM, DT, TX, FT, ED ...) holds no value of any signal.
//! - More than one repetition is more than one value: refused.

use crate::decode::catalogue::{Catalogue, Convert, Meaning, answer, shown};
use crate::decode::hl7::patient::Leaves;
use crate::decode::hl7::separators::Separator;
use crate::error::{Code, Refusal};

/// The canonical value of an OBX, given how a number in its unit becomes canonical; that is asked of a number alone.
///
/// # Errors
/// `MissingValue`, `BadDataType`, and what the catalogue says of unit and range. Without a location: the caller knows it.
pub fn read(
    meaning: &Meaning<'_>,
    kind: &[u8],
    value: &[u8],
    leaves: &Leaves<'_>,
    conversion: impl FnOnce() -> Result<Convert, Refusal>,
) -> Result<f64, Refusal> {
    if value.is_empty() {
        return Err(Refusal::new(Code::MissingValue, format!("{} without a value", meaning.row.name)));
    }
    if leaves.index.has(value, Separator::Repetition) {
        return Err(Refusal::new(Code::BadDataType, "more than one value"));
    }
    let is_text = kind == b"ST";
    match kind {
        b"NM" | b"ST" | b"SN" if !(is_text && meaning.is_coded()) => {
            if meaning.accepts.is_empty() {
                return Err(wrong_type(meaning, kind));
            }
            let number = if kind == b"SN" { structured(value, leaves)? } else { plain(value)? };
            meaning.plausible(conversion()?.apply(number))
        }
        b"CWE" | b"CE" | b"CNE" | b"CF" | b"IS" | b"ID" | b"ST" if meaning.is_coded() => coded(meaning, value, leaves),
        _ => Err(wrong_type(meaning, kind)),
    }
}

fn wrong_type(meaning: &Meaning<'_>, kind: &[u8]) -> Refusal {
    Refusal::new(Code::BadDataType, format!("{} cannot be read from a value of type '{}'", meaning.row.name, shown(kind)))
}

/// A decimal number and nothing else.
///
/// # Errors
/// `BadDataType`; the text itself is not repeated, it may be anything.
#[inline]
pub fn plain(text: &[u8]) -> Result<f64, Refusal> {
    match few_digits(text) {
        Some(number) => Ok(number),
        None => of_any_length(text),
    }
}

/// Powers of ten that are exact, and a whole number below 2^53 that is: their quotient is the nearest there is to the decimal
/// (Clinger, PLDI 1990).
const TENS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// A number of 15 digits at most, as nearly every value is; None where it has more or is no number.
#[inline]
fn few_digits(text: &[u8]) -> Option<f64> {
    let (digits, is_negative) = match text {
        [b'-', digits @ ..] => (digits, true),
        [b'+', digits @ ..] => (digits, false),
        digits => (digits, false),
    };
    if digits.len() > 16 {
        return None;
    }
    let (mut whole, mut count, mut after) = (0_u64, 0_usize, None);
    for byte in digits {
        match byte {
            b'0'..=b'9' => (whole, count) = (whole * 10 + u64::from(byte - b'0'), count + 1),
            b'.' if after.is_none() => after = Some(count),
            _ => return None,
        }
    }
    if !(1..=15).contains(&count) {
        return None;
    }
    let number = whole as f64 / TENS.get(count - after.unwrap_or(count))?;
    // Adding zero turns -0 into 0.
    Some(if is_negative { -number } else { number } + 0.0)
}

fn of_any_length(text: &[u8]) -> Result<f64, Refusal> {
    let unsigned = text.strip_prefix(b"+").unwrap_or(text);
    let digits = unsigned.strip_prefix(b"-").unwrap_or(unsigned);
    let is_plain = (unsigned.len() == text.len() || digits.len() == unsigned.len())
        && digits.len() <= 32
        && digits.iter().any(u8::is_ascii_digit)
        && digits.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    match fast_float2::parse::<f64, _>(unsigned) {
        // Adding zero turns -0 into 0.
        Ok(number) if is_plain => Ok(number + 0.0),
        _ => Err(Refusal::new(Code::BadDataType, "the value is not a plain decimal number")),
    }
}

fn structured(value: &[u8], leaves: &Leaves<'_>) -> Result<f64, Refusal> {
    let component = |n: usize| leaves.index.piece(value, Separator::Component, n);
    let comparator = leaves.bytes(component(1));
    if !matches!(&*comparator, b"" | b"=") {
        return Err(Refusal::new(Code::BadDataType, "the value is a bound, not a number"));
    }
    if !component(3).is_empty() || !component(4).is_empty() {
        return Err(Refusal::new(Code::BadDataType, "the value is a range or ratio, not a number"));
    }
    if component(2).is_empty() {
        return Err(Refusal::new(Code::MissingValue, "SN without a number"));
    }
    plain(component(2))
}

/// How a number in the unit of an OBX-6 becomes canonical: OBX-6.1, or, where the catalogue does not know it, OBX-6.4 and the
/// reference id in OBX-6.2 of an MDC unit.
///
/// # Errors
/// `MissingUnit`, `UnknownUnit`.
pub fn conversion(catalogue: &Catalogue, meaning: &Meaning<'_>, unit: &[u8], leaves: &Leaves<'_>) -> Result<Convert, Refusal> {
    let component = |n: usize| leaves.bytes(leaves.index.piece(unit, Separator::Component, n));
    let first = component(1);
    let found = meaning.conversion(catalogue, &first);
    if found.is_ok() {
        return found;
    }
    let (text, alternate) = (component(2), component(4));
    let other = if text.starts_with(b"MDC_DIM_") { text } else { alternate };
    // A number of the nomenclature the catalogue does not know is not overruled by its text.
    if other.is_empty() || (first.len() == 6 && first.iter().all(u8::is_ascii_digit)) {
        return found;
    }
    catalogue.conversion(meaning.accepts, &other).map_or(found, Ok)
}

fn coded(meaning: &Meaning<'_>, value: &[u8], leaves: &Leaves<'_>) -> Result<f64, Refusal> {
    let component = |n: usize| leaves.bytes(leaves.index.piece(value, Separator::Component, n));
    let (code, text, alternate) = (component(1), component(2), component(4));
    let found = answer(meaning.row.kind, &code)
        .or_else(|| answer(meaning.row.kind, &alternate))
        .or_else(|| if code.is_empty() && alternate.is_empty() { answer(meaning.row.kind, &text) } else { None });
    match found {
        Some(value) => meaning.plausible(value),
        None => Err(Refusal::new(Code::BadDataType, format!("{} has no such answer in its list", meaning.row.name))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_decimals_are_numbers() {
        assert_eq!(plain(b"80").ok(), Some(80.0));
        assert_eq!(plain(b"+36.6").ok(), Some(36.6));
        assert_eq!(plain(b"-5").ok(), Some(-5.0));
        assert_eq!(plain(b".5").ok(), Some(0.5));
        assert_eq!(plain(b"-0").ok().map(f64::to_bits), Some(0));
        for bad in ["", "+", "-", ".", "1e5", "nan", "inf", "1,5", "< 3", "1.2.3", "--1", "+-1", "0x10", "8 0", "１"] {
            assert!(plain(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(plain(&[b'9'; 33]).is_err());
    }

    proptest::proptest! {
        #[test]
        fn the_short_way_reads_what_the_long_way_reads(text in "[+-]?[0-9]{0,12}[.]?[0-9]{0,12}|[-+.0-9e]{0,8}") {
            let bits = |number: Result<f64, Refusal>| number.map(f64::to_bits).map_err(|refusal| refusal.code);
            proptest::prop_assert_eq!(bits(plain(text.as_bytes())), bits(of_any_length(text.as_bytes())));
        }

        #[test]
        fn a_number_reads_as_the_standard_library_reads_it(number in -1e6f64..1e6) {
            let text = format!("{number}");
            proptest::prop_assert_eq!(plain(text.as_bytes()).ok(), text.parse().ok());
        }
    }
}
