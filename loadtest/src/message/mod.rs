//! What is sent: beds, the values of their readings, and the bytes of device JSON and HL7 v2.
//!
//! A message is a function of the plan, its bed and its number alone: one that must be sent again after a lost connection is
//! written again, byte for byte, and nothing of it is kept meanwhile.

pub mod beds;
pub mod device;
pub mod hl7;
pub mod readings;
pub mod signals;
pub mod values;

/// Appends a whole number.
pub fn put_int(out: &mut Vec<u8>, value: i64) {
    let mut digits = [0_u8; 20];
    let mut rest = value.unsigned_abs();
    let mut place = digits.len();
    loop {
        place -= 1;
        if let Some(digit) = digits.get_mut(place) {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        }
        rest /= 10;
        if rest == 0 || place == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(digits.get(place..).unwrap_or_default());
}

/// Appends a value given in thousandths, without needless digits.
pub fn put_milli(out: &mut Vec<u8>, milli: i64) {
    if milli < 0 {
        out.push(b'-');
    }
    let (whole, rest) = (milli.abs() / 1_000, milli.abs() % 1_000);
    put_int(out, whole);
    if rest != 0 {
        let digits = [rest / 100, rest / 10 % 10, rest % 10].map(|digit| b'0' + u8::try_from(digit).unwrap_or(0));
        let used = digits.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1);
        out.push(b'.');
        out.extend_from_slice(digits.get(..used).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_json_wants_them() {
        for (milli, text) in
            [(0, "0"), (80_000, "80"), (36_500, "36.5"), (-1_050, "-1.05"), (7, "0.007"), (i64::from(i32::MAX), "2147483.647")]
        {
            let mut out = Vec::new();
            put_milli(&mut out, milli);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
        let mut out = Vec::new();
        put_int(&mut out, i64::MIN + 1);
        assert_eq!(String::from_utf8(out).unwrap(), (i64::MIN + 1).to_string());
    }
}
