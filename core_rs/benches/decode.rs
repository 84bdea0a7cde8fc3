//! decode: one ORU R01 of eight observations, 1.6 kB, with escapes, repeated identifiers and full validation; and the same
//! eight values as device JSON. `cargo bench --bench decode`. Published parsers beside it: tests/bench/peers/rust.

#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nightlamp_core::decode::{DecodeConfig, Decoded, Decoder};
use nightlamp_core::receive::{Frame, Source};

/// 2026-03-01T12:30:00Z.
const NOON_US: i64 = 1_772_368_200_000_000;

/// Eight vital signs as a monitor gateway sends them, filled with the fields such messages carry.
fn oru() -> Bytes {
    let mut text = String::from(
        "MSH|^~\\&|MONITOR_GATEWAY^00A037^EUI-64|NORTH HOSPITAL|NIGHTLAMP|NORTH HOSPITAL|20260301123000.123+0000||ORU^R01^ORU_R01|\
         MSGID20260301123000123|P|2.6|||NE|AL||UNICODE UTF-8|||IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO\r\
         PID|1||4711008^^^NORTH&1.2.276.0.76.3&ISO^MR~999888^^^REGION^PI||Muster^Eva^M\\T\\K^^^^L||19600504|F\r\
         PV1|1|I|ICU 3^0248^07^NORTH HOSPITAL||||||||||||||||V20260228-77\r\
         OBR|1|ORD77^GW|FIL77^GW|182777000^monitoring of patient^SCT|||20260301122955+0000|20260301123000+0000\r",
    );
    let rows = [
        "147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|84|264864^MDC_DIM_BEAT_PER_MIN^MDC|60-100",
        "150456^MDC_PULS_OXIM_SAT_O2^MDC|1.2.1.1|96|262688^MDC_DIM_PERCENT^MDC|94-100",
        "151562^MDC_RESP_RATE^MDC|1.3.1.1|18|264928^MDC_DIM_RESP_PER_MIN^MDC|12-20",
        "8310-5^Body temperature^LN|1.4.1.1|37.4|Cel^degree Celsius^UCUM|36.1-38.0",
        "8480-6^Systolic blood pressure^LN|1.5.1.1|121|mm[Hg]^millimetre of mercury^UCUM|111-219",
        "8462-4^Diastolic blood pressure^LN|1.5.1.2|74|mm[Hg]^millimetre of mercury^UCUM|",
        "8478-0^Mean blood pressure^LN|1.5.1.3|89.7|mm[Hg]^millimetre of mercury^UCUM|",
        "6690-2^Leukocytes^LN|1.6.1.1|9.4|10\\S\\3/uL^thousand per microlitre^UCUM|4.0-11.0",
    ];
    for (at, row) in rows.iter().enumerate() {
        let second = 40 + at;
        text.push_str(&format!("OBX|{}|NM|{row}|N|||R|||202603011229{second}+0000||||MON7^GW\r", at + 1));
    }
    Bytes::from(text)
}

fn json() -> Bytes {
    let rows = [
        ("8867-4", "84", "/min"),
        ("59408-5", "96", "%"),
        ("9279-1", "18", "/min"),
        ("8310-5", "37.4", "Cel"),
        ("8480-6", "121", "mm[Hg]"),
        ("8462-4", "74", "mm[Hg]"),
        ("8478-0", "89.7", "mm[Hg]"),
        ("6690-2", "9.4", "10*3/uL"),
    ];
    let rows: Vec<String> = rows
        .iter()
        .map(|(code, value, unit)| format!("{{\"code\":\"{code}\",\"value\":{value},\"unit\":\"{unit}\"}}"))
        .collect();
    Bytes::from(format!(
        "{{\"id\":\"m-77\",\"device\":\"mon-7\",\"time\":\"2026-03-01T12:29:40Z\",\"observations\":[{}]}}",
        rows.join(",")
    ))
}

fn decode(criterion: &mut Criterion) {
    let decoder = Decoder::new(DecodeConfig::default()).unwrap();
    let mut group = criterion.benchmark_group("decode");
    for (name, source, context, payload) in
        [("oru_8_obx", Source::Hl7Http, "", oru()), ("json_8_observations", Source::JsonMqtt, "ICU 3/07", json())]
    {
        let frame = Frame { source, principal: "gw".into(), context: context.into(), received_at_us: NOON_US, payload };
        let mut out = Decoded::default();
        decoder.decode(&frame, &mut out);
        assert_eq!((out.events.len(), out.rejected.len()), (8, 0), "{:?}", out.rejected);
        eprintln!("{name}: {} bytes", frame.payload.len());
        group.throughput(Throughput::Bytes(frame.payload.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                decoder.decode(black_box(&frame), &mut out);
                black_box(out.events.len())
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(std::time::Duration::from_secs(3)).warm_up_time(std::time::Duration::from_secs(1));
    targets = decode
}
criterion_main!(benches);
