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
    fn the_short_way_reads_what_the_long_way_reads(
        text in "[0-9:/+-]{12,16}|(19|20)[0-9]{12}([+-][0-9]{3,5})?|20(0[1-9]|1[0-2])(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])([01][0-9]|2[0-4])[0-6][0-9][0-6][0-9][+-]0[0-9]00"
    ) {
        proptest::prop_assert_eq!(Written::hl7(text.as_bytes()), Written::hl7_of_any_length(text.as_bytes()));
    }

    #[test]
    fn a_stamp_in_one_go_is_what_it_is_step_by_step(
        text in "[0-9:/+-]{12,20}|(19|20)[0-9]{12}([+-][0-9]{3,5})?|20(0[1-9]|1[0-2])(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])([01][0-9]|2[0-4])[0-6][0-9][0-6][0-9]([+-][0-2][0-9][0-6]0)?",
        is_utc in proptest::bool::ANY,
    ) {
        let zone = SiteZone::new(if is_utc { "UTC" } else { "Europe/Berlin" }, 300).expect("a zone");
        let expected = Written::hl7(text.as_bytes()).and_then(|written| zone.instant(&written, NOON));
        let is_stamp = (is_utc && text.len() == 14) || (text.len() == 19 && matches!(text.as_bytes()[14], b'+' | b'-'));
        proptest::prop_assert_eq!(zone.instant_of_stamp(text.as_bytes()), expected.ok().filter(|_| is_stamp));
    }

    #[test]
    fn no_bytes_panic(text: Vec<u8>) {
        let _ = Written::hl7(&text);
        let _ = Written::rfc3339(&text);
    }
}
