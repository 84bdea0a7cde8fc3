//! Times: HL7 DTM, RFC 3339 and epoch milliseconds become microseconds since 1970-01-01 UTC.
//!
//! - An observation time needs the minute at least: a bare date would be a guess of up to a day (P7).
//! - Without an offset the site's time zone holds. A local time that the clocks skipped does not exist and is refused. One
//!   that happened twice is read as its later occurrence, unless that lies in the future of the receipt by more than the
//!   limit: then it was the earlier. A live stream is so read right on both sides of the change.
//! - Offsets reach from -24:00 to +24:00, exclusive; second 60 is refused.

use jiff::civil;
use jiff::tz::{AmbiguousOffset, TimeZone};

const SECOND_US: i64 = 1_000_000;
const DAY_S: i64 = 86_400;

/// A time as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    days: i32,
    date: (i16, i8, i8),
    /// Seconds of the day; None where only a date (or less) was written.
    second_of_day: Option<i32>,
    micros: i32,
    offset_s: Option<i32>,
}

/// Why a time is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeFault {
    /// Not the format.
    Unreadable,
    /// A date, or an hour without its minute.
    TooCoarse,
    /// The local clock skipped it.
    Skipped,
}

impl TimeFault {
    /// What a refusal says.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Unreadable => "not a time of the form YYYYMMDDHHMM[SS[.S]][+-ZZZZ]",
            Self::TooCoarse => "a time needs at least year, month, day, hour and minute",
            Self::Skipped => "the local clock skipped this time",
        }
    }
}

/// The zone of times without an offset.
#[derive(Debug, Clone)]
pub struct SiteZone {
    zone: TimeZone,
    utc: bool,
    future_us_max: i64,
}

impl SiteZone {
    /// The zone with this IANA name.
    ///
    /// # Errors
    /// The name is unknown.
    pub fn new(name: &str, future_s_max: i64) -> Result<Self, String> {
        let zone = TimeZone::get(name).map_err(|_| format!("timezone '{name}' is not an IANA name"))?;
        Ok(Self { zone, utc: name == "UTC", future_us_max: future_s_max.saturating_mul(SECOND_US) })
    }

    /// The instant a written time means, for a frame received then.
    ///
    /// # Errors
    /// `TooCoarse` without a minute, `Skipped` in a gap of the local clock.
    pub fn instant(&self, written: &Written, received_at_us: i64) -> Result<i64, TimeFault> {
        let second_of_day = written.second_of_day.ok_or(TimeFault::TooCoarse)?;
        let local_s = i64::from(written.days) * DAY_S + i64::from(second_of_day);
        let at = |offset_s: i32| (local_s - i64::from(offset_s)) * SECOND_US + i64::from(written.micros);
        if let Some(offset_s) = written.offset_s {
            return Ok(at(offset_s));
        }
        if self.utc {
            return Ok(at(0));
        }
        let (year, month, day) = written.date;
        let (hour, rest) = (second_of_day / 3600, second_of_day % 3600);
        let narrow = |number: i32| i8::try_from(number).map_err(|_| TimeFault::Unreadable);
        let civil = civil::DateTime::new(year, month, day, narrow(hour)?, narrow(rest / 60)?, narrow(rest % 60)?, 0)
            .map_err(|_| TimeFault::Unreadable)?;
        match self.zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => Ok(at(offset.seconds())),
            AmbiguousOffset::Gap { .. } => Err(TimeFault::Skipped),
            AmbiguousOffset::Fold { before, after } => {
                let later = at(after.seconds());
                let is_future = later > received_at_us.saturating_add(self.future_us_max);
                Ok(if is_future { at(before.seconds()) } else { later })
            }
        }
    }
}

impl Written {
    /// Days since 1970-01-01 of the date, where one was written to the day.
    pub fn days(&self) -> i32 {
        self.days
    }

    /// HL7 DTM and TS: `YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+-ZZZZ]`. Coarser than a day reads as a fault.
    ///
    /// # Errors
    /// `Unreadable`, or `TooCoarse` without a day.
    pub fn hl7(text: &[u8]) -> Result<Self, TimeFault> {
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (whole, rest) = text.split_at_checked(digits).ok_or(TimeFault::Unreadable)?;
        let (micros, zone) = match rest.split_first() {
            Some((b'.', rest)) if digits == 14 => {
                let end = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let (fraction, zone) = rest.split_at_checked(end).ok_or(TimeFault::Unreadable)?;
                (micros(fraction)?, zone)
            }
            _ => (0, rest),
        };
        let offset_s = match zone.split_first() {
            None => None,
            Some((sign @ (b'+' | b'-'), zone)) => Some(offset(*sign, zone.get(..2), zone.get(2..))?),
            Some(_) => return Err(TimeFault::Unreadable),
        };
        // Digits all: no need to look at them again.
        let two = |at: usize| match whole.get(at..at + 2) {
            Some([tens, ones]) => i32::from(tens - b'0') * 10 + i32::from(ones - b'0'),
            _ => 0,
        };
        let second_of_day = match digits {
            4 | 6 => return Err(TimeFault::TooCoarse),
            8 | 10 => None,
            12 | 14 => Some(seconds(two(8), two(10), two(12))?),
            _ => return Err(TimeFault::Unreadable),
        };
        Self::new(two(0) * 100 + two(2), two(4), two(6), second_of_day, micros, offset_s)
    }

    /// RFC 3339: `YYYY-MM-DDTHH:MM:SS[.S...](Z|+-HH:MM)`; the offset is required.
    ///
    /// # Errors
    /// `Unreadable`.
    pub fn rfc3339(text: &[u8]) -> Result<Self, TimeFault> {
        let fixed = text.first_chunk::<19>().ok_or(TimeFault::Unreadable)?;
        let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
        let well_formed = separators.iter().all(|(at, byte)| fixed.get(*at) == Some(byte));
        if !well_formed || !matches!(fixed[10], b'T' | b't' | b' ') {
            return Err(TimeFault::Unreadable);
        }
        let part = |from: usize, to: usize| number(fixed.get(from..to).unwrap_or_default());
        let mut rest = text.get(19..).unwrap_or_default();
        let mut fraction = 0;
        if let Some((b'.', digits)) = rest.split_first() {
            let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
            fraction = micros(digits.get(..end).unwrap_or_default())?;
            rest = digits.get(end..).unwrap_or_default();
        }
        let offset_s = match rest {
            b"Z" | b"z" => 0,
            [sign @ (b'+' | b'-'), zone @ ..] if zone.get(2) == Some(&b':') => offset(*sign, zone.get(..2), zone.get(3..))?,
            _ => return Err(TimeFault::Unreadable),
        };
        let second_of_day = seconds(part(11, 13)?, part(14, 16)?, part(17, 19)?)?;
        Self::new(part(0, 4)?, part(5, 7)?, part(8, 10)?, Some(second_of_day), fraction, Some(offset_s))
    }

    fn new(
        year: i32,
        month: i32,
        day: i32,
        second_of_day: Option<i32>,
        micros: i32,
        offset_s: Option<i32>,
    ) -> Result<Self, TimeFault> {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let month_days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 => 28 + i32::from(leap),
            _ => return Err(TimeFault::Unreadable),
        };
        if !(1..=month_days).contains(&day) || year < 1 {
            return Err(TimeFault::Unreadable);
        }
        let narrow = |number: i32| i8::try_from(number).map_err(|_| TimeFault::Unreadable);
        let date = (i16::try_from(year).map_err(|_| TimeFault::Unreadable)?, narrow(month)?, narrow(day)?);
        Ok(Self { days: days_from_civil(year, month, day), date, second_of_day, micros, offset_s })
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar (years counted from March, so that leap days come last).
fn days_from_civil(year: i32, month: i32, day: i32) -> i32 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn number(digits: &[u8]) -> Result<i32, TimeFault> {
    if digits.is_empty() || digits.len() > 6 {
        return Err(TimeFault::Unreadable);
    }
    digits.iter().try_fold(0, |value, digit| {
        if digit.is_ascii_digit() { Ok(value * 10 + i32::from(digit - b'0')) } else { Err(TimeFault::Unreadable) }
    })
}

fn seconds(hour: i32, minute: i32, second: i32) -> Result<i32, TimeFault> {
    if hour > 23 || minute > 59 || second > 59 {
        return Err(TimeFault::Unreadable);
    }
    Ok(hour * 3600 + minute * 60 + second)
}

/// Fraction digits as microseconds; finer digits are cut.
fn micros(digits: &[u8]) -> Result<i32, TimeFault> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(TimeFault::Unreadable);
    }
    let kept = digits.get(..6).unwrap_or(digits);
    let missing = u32::try_from(6 - kept.len()).map_err(|_| TimeFault::Unreadable)?;
    Ok(number(kept)? * 10_i32.pow(missing))
}

fn offset(sign: u8, hours: Option<&[u8]>, minutes: Option<&[u8]>) -> Result<i32, TimeFault> {
    let (Some(hours), Some(minutes @ [_, _])) = (hours, minutes) else { return Err(TimeFault::Unreadable) };
    let seconds = seconds(number(hours)?, number(minutes)?, 0)?;
    Ok(if sign == b'-' { -seconds } else { seconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> Result<i64, TimeFault> {
        SiteZone::new("UTC", 300).expect("UTC").instant(&Written::hl7(text.as_bytes())?, 0)
    }

    /// 2026-03-01T12:30:00Z.
    const NOON: i64 = 1_772_368_200 * SECOND_US;

    #[test]
    fn hl7_times_are_read_to_the_microsecond() {
        assert_eq!(utc("202603011230"), Ok(NOON));
        assert_eq!(utc("20260301123000"), Ok(NOON));
        assert_eq!(utc("20260301123000.5"), Ok(NOON + 500_000));
        assert_eq!(utc("20260301123000.123456789"), Ok(NOON + 123_456));
        assert_eq!(utc("20260301133000+0100"), Ok(NOON));
        assert_eq!(utc("202603010700-0530"), Ok(NOON));
        assert_eq!(utc("19700101000000"), Ok(0));
        assert_eq!(utc("19691231235959"), Ok(-SECOND_US));
        assert_eq!(Written::hl7(b"20000229").map(|date| date.days()), Ok(11_016));
        assert_eq!(Written::hl7(b"19000301").map(|date| date.days()), Ok(-25_508));
    }

    #[test]
    fn no_minute_no_time() {
        for coarse in ["2026", "202603", "20260301", "2026030112", "20260301+0000"] {
            assert_eq!(utc(coarse), Err(TimeFault::TooCoarse), "{coarse}");
        }
    }

    #[test]
    fn impossible_times_are_refused() {
        for bad in [
            "",
            "x",
            "20260229120000",
            "20261301120000",
            "20260300120000",
            "20260301240000",
            "20260301126000",
            "20260301123060",
            "2026030112300",
            "20260301123000.",
            "202603011230.5",
            "20260301123000+01",
            "20260301123000+2500",
            "20260301123000Z",
            "2026-03-01T12:30:00Z",
            "+",
            "20260301123000+01000",
            "00000101120000",
            "２０２６",
        ] {
            assert_eq!(utc(bad), Err(TimeFault::Unreadable), "{bad}");
        }
    }

    #[test]
    fn local_times_follow_the_sites_zone_through_both_changes() {
        let berlin = SiteZone::new("Europe/Berlin", 300).expect("Berlin");
        let read = |text: &str, received: i64| berlin.instant(&Written::hl7(text.as_bytes()).expect("form"), received);
        assert_eq!(read("20260301133000", NOON), Ok(NOON));
        assert_eq!(read("20260329023000", NOON), Err(TimeFault::Skipped));
        // 2026-10-25: 02:30 happens at 00:30Z and again at 01:30Z.
        let first = utc("202610250030").expect("first");
        let second = utc("202610250130").expect("second");
        assert_eq!(read("20261025023000", first + 60 * SECOND_US), Ok(first));
        assert_eq!(read("20261025023000", second + 60 * SECOND_US), Ok(second));
        assert!(SiteZone::new("Mars/Olympus", 300).is_err());
    }

    #[test]
    fn rfc3339_needs_its_offset() {
        let zone = SiteZone::new("Europe/Berlin", 300).expect("Berlin");
        let read = |text: &str| Written::rfc3339(text.as_bytes()).and_then(|time| zone.instant(&time, 0));
        assert_eq!(read("2026-03-01T12:30:00Z"), Ok(NOON));
        assert_eq!(read("2026-03-01t13:30:00.250+01:00"), Ok(NOON + 250_000));
        for bad in [
            "2026-03-01T12:30:00",
            "2026-03-01",
            "2026-03-01T12:30Z",
            "2026-03-01T12:30:00+0100",
            "2026-03-01T12:30:00.Z",
            "2026-02-30T12:30:00Z",
            "2026-03-01T12:30:00ZZ",
            "2026/03/01T12:30:00Z",
        ] {
            assert_eq!(read(bad), Err(TimeFault::Unreadable), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_instant_written_as_hl7_reads_back(at_s in -2_000_000_000i64..4_000_000_000, minutes in -720i16..=840) {
            let offset = jiff::tz::Offset::from_seconds(i32::from(minutes) * 60).expect("offset");
            let stamp = jiff::Timestamp::from_second(at_s).expect("second");
            let text = offset.to_datetime(stamp).strftime("%Y%m%d%H%M%S").to_string();
            let sign = if minutes < 0 { '-' } else { '+' };
            let minutes = minutes.unsigned_abs();
            let text = format!("{text}{sign}{:02}{:02}", minutes / 60, minutes % 60);
            proptest::prop_assert_eq!(utc(&text), Ok(at_s * SECOND_US));
        }

        #[test]
        fn no_bytes_panic(text: Vec<u8>) {
            let _ = Written::hl7(&text);
            let _ = Written::rfc3339(&text);
        }
    }
}
