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
    /// Year, month, day.
    date: (i32, i32, i32),
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

    /// The minute of this zone's day, 0 to 1,439, at a time in microseconds since 1970-01-01 UTC; of UTC for one beyond any calendar.
    pub fn minute_of_day(&self, at_us: i64) -> u16 {
        let offset_s = jiff::Timestamp::from_microsecond(at_us).map_or(0, |at| self.zone.to_offset(at).seconds());
        let local_s = at_us.div_euclid(SECOND_US).saturating_add(i64::from(offset_s));
        u16::try_from(local_s.rem_euclid(DAY_S) / 60).unwrap_or(0)
    }

    /// The instant of `YYYYMMDDHHMMSS` with an offset, or without one in UTC: what nearly every observation has. None of any other
    /// text, and of what is no time: `Written` says why.
    #[inline]
    pub fn instant_of_stamp(&self, text: &[u8]) -> Option<i64> {
        let (stamp, offset_s) = match text.split_first_chunk::<14>()? {
            (stamp, []) if self.utc => (stamp, 0),
            (stamp, b"+0000" | b"-0000") => (stamp, 0),
            (stamp, [sign @ (b'+' | b'-'), a, b, c, d]) => (stamp, offset(*sign, Some(&[*a, *b]), Some(&[*c, *d])).ok()?),
            _ => return None,
        };
        let written = Written::to_the_second(stamp, None).ok()?;
        let local_s = i64::from(written.days) * DAY_S + i64::from(written.second_of_day?);
        Some((local_s - i64::from(offset_s)) * SECOND_US)
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
        let year = i16::try_from(year).map_err(|_| TimeFault::Unreadable)?;
        let (month, day) = (narrow(month)?, narrow(day)?);
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
    #[inline]
    pub fn hl7(text: &[u8]) -> Result<Self, TimeFault> {
        match text.split_first_chunk() {
            Some((stamp, [])) => Self::to_the_second(stamp, None),
            Some((stamp, [sign @ (b'+' | b'-'), a, b, c, d])) => {
                Self::to_the_second(stamp, Some(offset(*sign, Some(&[*a, *b]), Some(&[*c, *d]))?))
            }
            _ => Self::hl7_of_any_length(text),
        }
    }

    /// `YYYYMMDDHHMMSS`, which nearly every observation has.
    #[inline]
    fn to_the_second(stamp: &[u8; 14], offset_s: Option<i32>) -> Result<Self, TimeFault> {
        let (Some(date), Some(clock)) = (stamp.first_chunk(), stamp.last_chunk()) else { return Err(TimeFault::Unreadable) };
        let [century, year, month, day] = pairs(date)?;
        let [_, hour, minute, second] = pairs(clock)?;
        Self::new(century * 100 + year, month, day, Some(seconds(hour, minute, second)?), 0, offset_s)
    }

    fn hl7_of_any_length(text: &[u8]) -> Result<Self, TimeFault> {
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
        Ok(Self { days: days_from_civil(year, month, day), date: (year, month, day), second_of_day, micros, offset_s })
    }
}

/// Days before each month of a year without a leap day.
const MONTH_DAYS: [i32; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/// Days since 1970-01-01 in the proleptic Gregorian calendar, of a date that exists in the years 1 to 9999.
fn days_from_civil(year: i32, month: i32, day: i32) -> i32 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let before = year - 1;
    let months = usize::try_from(month - 1).ok().and_then(|at| MONTH_DAYS.get(at)).copied().unwrap_or_default();
    let in_year = months + i32::from(leap && month > 2) + day - 1;
    before * 365 + before / 4 - before / 100 + before / 400 + in_year - 719_162
}

/// Four pairs of digits as numbers.
#[inline]
fn pairs(digits: &[u8; 8]) -> Result<[i32; 4], TimeFault> {
    const NIBBLES: u64 = 0xF0F0_F0F0_F0F0_F0F0;
    let word = u64::from_le_bytes(*digits);
    // A digit is 0x30 to 0x39: its high half is 3, also with 6 added.
    if word & NIBBLES != 0x3030_3030_3030_3030 || word.wrapping_add(0x0606_0606_0606_0606) & NIBBLES != 0x3030_3030_3030_3030 {
        return Err(TimeFault::Unreadable);
    }
    let digits = word & !NIBBLES;
    let [a, _, b, _, c, _, d, _] = (digits * 10 + (digits >> 8)).to_le_bytes();
    Ok([a, b, c, d].map(i32::from))
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
mod tests;
