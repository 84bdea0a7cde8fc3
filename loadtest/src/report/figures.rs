//! Numbers as a person reads them: three significant digits, thousands parted by commas, the unit with the number.
//!
//! Nothing is rounded to "0" that is not zero, and what was not measured is shown as an en dash, never as 0.

/// What stands where nothing was measured.
pub const NOTHING: &str = "–";

/// `1234567` as `1,234,567`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A signed difference of counts: `+12`, `-3`, `0`.
pub fn difference(value: i64) -> String {
    match value {
        0 => "0".to_owned(),
        1.. => format!("+{}", count(value.unsigned_abs())),
        _ => format!("-{}", count(value.unsigned_abs())),
    }
}

/// Three significant digits, no exponent, whole numbers with commas.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return NOTHING.to_owned();
    }
    let size = value.abs();
    let sign = if value < 0.0 { "-" } else { "" };
    if size == 0.0 {
        "0".to_owned()
    } else if size >= 99.95 {
        format!("{sign}{}", count(size.round() as u64))
    } else if size >= 9.995 {
        format!("{value:.1}")
    } else if size >= 0.9995 {
        format!("{value:.2}")
    } else if size >= 0.000_995 {
        format!("{value:.3}")
    } else {
        format!("{value:.0e}")
    }
}

/// Milliseconds; from ten seconds on, seconds.
pub fn ms(value_ms: f64) -> String {
    if value_ms.is_finite() && value_ms >= 10_000.0 { format!("{} s", number(value_ms / 1000.0)) } else { unit(value_ms, "ms") }
}

/// A number on a logarithmic axis: no zeros behind the point.
pub fn tick(value: f64) -> String {
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if value >= 1000.0 { number(value) } else { text.to_owned() }
}

/// Bytes on an axis: `256 MiB`, `1.5 GiB`.
pub fn bytes_tick(value: f64) -> String {
    let text = bytes(value);
    match text.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

/// A rate per second.
pub fn per_s(value: f64) -> String {
    if value.is_finite() { format!("{}/s", number(value)) } else { NOTHING.to_owned() }
}

/// Bytes in binary units.
pub fn bytes(value: f64) -> String {
    let (mut value, mut index) = (value, 0);
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    while value >= 1024.0 && index + 1 < units.len() {
        value /= 1024.0;
        index += 1;
    }
    unit(value, units.get(index).copied().unwrap_or("B"))
}

/// CPU as shares of one core: `0.32 cores`.
pub fn cores(value: f64) -> String {
    unit(value, "cores")
}

/// A share as percent; what is not all of it is never rounded to 100 %.
pub fn percent(share: f64) -> String {
    if share > 0.999 && share < 1.0 {
        return format!("{:.3} %", (share * 1e5).floor().min(99_999.0) / 1e3);
    }
    if share.is_finite() { format!("{} %", number(share * 100.0)) } else { NOTHING.to_owned() }
}

/// The quotient of two figures, `x1.25`; an en dash where there is none.
pub fn ratio(new: f64, old: f64) -> String {
    if old == 0.0 && new == 0.0 {
        return "=".to_owned();
    }
    let quotient = new / old;
    if quotient.is_finite() { format!("x{quotient:.2}") } else { NOTHING.to_owned() }
}

/// Time since the start: `4:05`, `1:02:09`.
pub fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    let (h, m, s) = (whole / 3600, whole / 60 % 60, whole % 60);
    if h > 0 { format!("{h}:{m:02}:{s:02}") } else { format!("{m}:{s:02}") }
}

/// How long something took: `45 s`, `10 min`, `1 h 30 min`.
pub fn span(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, whole) if seconds.fract() == 0.0 => format!("{whole} s"),
        (0, 0, _) => format!("{} s", number(seconds)),
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, 0, _) => format!("{h} h"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

fn unit(value: f64, unit: &str) -> String {
    if value.is_finite() { format!("{} {unit}", number(value)) } else { NOTHING.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_digits_and_never_round_something_to_nothing() {
        let shown = [0.0, 0.000_01, 0.0042, 0.5, 1.0, 9.999, 12.345, 99.96, 1234.5, -7.0].map(number);
        assert_eq!(shown, ["0", "1e-5", "0.004", "0.500", "1.00", "10.0", "12.3", "100", "1,235", "-7.00"].map(str::to_owned));
        assert_eq!(number(f64::NAN), NOTHING);
    }

    #[test]
    fn units_grow_with_the_value() {
        assert_eq!((ms(4.2), ms(12_000.0), bytes(114.0 * 1048576.0)), ("4.20 ms".into(), "12.0 s".into(), "114 MiB".into()));
        assert_eq!(
            (clock(65.0), clock(3729.0), span(90.0), span(5400.0)),
            ("1:05".into(), "1:02:09".into(), "1 min 30 s".into(), "1 h 30 min".into())
        );
        assert_eq!(
            (count(1_234_567), difference(-1200), ratio(5.0, 4.0), ratio(1.0, 0.0)),
            ("1,234,567".into(), "-1,200".into(), "x1.25".into(), NOTHING.into())
        );
        assert_eq!(
            [0.5, 0.999_858, 0.999_999_9, 1.0].map(percent),
            ["50.0 %", "99.985 %", "99.999 %", "100 %"].map(str::to_owned)
        );
    }
}
