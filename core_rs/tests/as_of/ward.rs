//! A random ward as frames: monitors, laboratory, transfers, swaps, discharges, their cancellations, merges, corrections, late data, redeliveries, conflicts,
//! gateways that speak of several beds at once. The same seed gives the same frames.

use bytes::Bytes;
use nightlamp_core::receive::{Frame, Source};

pub const START_US: i64 = 1_760_000_000_000_000;
pub const BEDS: usize = 4;
pub const PATIENTS: usize = 6;

/// Rules with conditions that this ward meets, by values, trends, scores and ticks; behind the default policy.
pub const CONDITIONS: &str = r#"
[[rule]]
name = "tachycardia"
severity = "low"
when = { signal = "HR", above = 120, clear = 110, for_s = 30, stale_s = 60 }
[[rule]]
name = "lactate"
severity = "medium"
when = { any = [ { signal = "Lactate", rising_by = 1.0, within_s = 1800 }, { signal = "Lactate", at_least = 5 } ] }
[[rule]]
name = "shock"
severity = "high"
when = { all = [ { signal = "SBP", below = 95, clear = 100 }, { score = "news2", at_least = 5, clear = 2 } ] }
"#;

/// SplitMix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

pub fn frame(source: Source, context: &str, at_us: i64, payload: &str) -> Frame {
    let payload = Bytes::copy_from_slice(payload.as_bytes());
    Frame { source, principal: "test".into(), context: context.into(), received_at_us: at_us, payload }
}

fn dtm(at_us: i64) -> String {
    // START_US is 2025-10-09 08:53:20 UTC; the ward lives for less than the rest of that day.
    let s = 8 * 3600 + 53 * 60 + 20 + (at_us - START_US).div_euclid(1_000_000);
    format!("20251009{:02}{:02}{:02}+0000", s / 3600, s / 60 % 60, s % 60)
}

pub fn adt(event: &str, patient: usize, bed: usize, at_us: i64) -> Frame {
    let time = dtm(at_us);
    let text = format!(
        "MSH|^~\\&|EHR|HOSP|NL|HOSP|{time}||ADT^{event}^ADT_A01|{event}-{patient}-{at_us}|P|2.5.1\rEVN||{time}\r\
         PID|1||P{patient}^^^HOSP^MR||Doe^Jo||19{patient}00101|F\rPV1|1|I|ICU^{bed}^{bed}\r"
    );
    frame(Source::Hl7Http, "", at_us, &text)
}

/// A40: `former` turns out to be `patient`.
pub fn merge(former: usize, patient: usize, at_us: i64) -> Frame {
    let time = dtm(at_us);
    let text = format!(
        "MSH|^~\\&|EHR|HOSP|NL|HOSP|{time}||ADT^A40^ADT_A39|A40-{former}-{at_us}|P|2.5.1\rEVN||{time}\r\
         PID|1||P{patient}^^^HOSP^MR||Doe^Jo||19{patient}00101|F\rMRG|P{former}^^^HOSP^MR\r"
    );
    frame(Source::Hl7Http, "", at_us, &text)
}

/// A heart rate by HL7.
pub fn oru(patient: usize, rate: usize, at_us: i64) -> Frame {
    let time = dtm(at_us);
    let text = format!(
        "MSH|^~\\&|MON|HOSP|NL|HOSP|{time}||ORU^R01|R{patient}-{at_us}|P|2.5.1\rPID|1||P{patient}^^^HOSP^MR\rOBR|1|||X|||{time}\r\
         OBX|1|NM|8867-4^HR^LN||{rate}|/min|||||F|||{time}\r"
    );
    frame(Source::Hl7Http, "", at_us, &text)
}

pub fn tick(at_us: i64) -> Frame {
    frame(Source::Tick, "", at_us, "")
}

/// The observations of a bed's monitor as one JSON object.
fn reading(dice: &mut Dice, id: &str, bed: usize, observed_us: i64, status: &str) -> String {
    let sick = (observed_us / 300_000_000 + bed as i64) % 3 == 0;
    let (hr, resp, sbp) = if sick { (128, 26, 88) } else { (70, 14, 118) };
    let mut items = vec![
        format!(r#"{{"code":"8867-4","value":{},"unit":"/min","status":"{status}"}}"#, hr + dice.below(9)),
        format!(r#"{{"code":"9279-1","value":{},"unit":"/min","status":"{status}"}}"#, resp + dice.below(3)),
        format!(r#"{{"code":"8480-6","value":{},"unit":"mm[Hg]","status":"{status}"}}"#, sbp + dice.below(9)),
    ];
    if dice.one_in(3) {
        items.push(format!(r#"{{"code":"59408-5","value":{},"unit":"%"}}"#, 88 + dice.below(12)));
        items.push(format!(r#"{{"code":"8310-5","value":3{}.{},"unit":"Cel"}}"#, 6 + dice.below(4), dice.below(10)));
    }
    let (time, items) = (observed_us / 1000, items.join(","));
    format!(r#"{{"id":"{id}","device":"m","bed":{{"unit":"ICU","bed":"{bed}"}},"time":{time},"observations":[{items}]}}"#)
}

fn laboratory(dice: &mut Dice, patient: usize, at_us: i64) -> Frame {
    let status = ["F", "P", "C", "D"][dice.below(4)];
    // Several results share a charting minute, so that some correct or withdraw others.
    let (time, charted) = (dtm(at_us), dtm(at_us - at_us.rem_euclid(600_000_000)));
    let text = format!(
        "MSH|^~\\&|LAB|HOSP|NL|HOSP|{time}||ORU^R01|L{patient}-{at_us}|P|2.5.1\rPID|1||P{patient}^^^HOSP^MR\rOBR|1|||X|||{charted}\r\
         OBX|1|NM|2524-7^Lactate^LN||{}.{}|mmol/L|||||{status}|||{charted}\rOBX|2|NM|6690-2^WBC^LN||{}|10*3/uL|||||F|||{charted}\r",
        1 + dice.below(5),
        dice.below(10),
        4 + dice.below(20)
    );
    frame(Source::Hl7Http, "", at_us, &text)
}

/// About `n` frames, one to two a second; each has a receipt of its own, some a little out of order.
pub fn frames(seed: u64, n: usize) -> Vec<Frame> {
    let mut dice = Dice(seed);
    let mut out: Vec<Frame> = Vec::new();
    let mut lies: Vec<Option<usize>> = vec![None; PATIENTS];
    let mut at_us = START_US;
    while out.len() < n {
        at_us += 400_000 + dice.below(600_000) as i64;
        let bed = dice.below(BEDS);
        match dice.below(40) {
            0 | 1 => {
                let patient = dice.below(PATIENTS);
                let event = if lies[patient].is_some() { "A02" } else { "A01" };
                lies[patient] = Some(bed);
                out.push(adt(event, patient, bed, at_us));
            }
            2 => {
                // Two patients swap beds: for a moment both lie in one.
                let (one, other) = (dice.below(PATIENTS), dice.below(PATIENTS));
                if let (Some(a), Some(b)) = (lies[one], lies[other]) {
                    out.extend([adt("A02", one, b, at_us), adt("A02", other, a, at_us + 1_000)]);
                    (lies[one], lies[other]) = (Some(b), Some(a));
                }
            }
            3 if dice.one_in(3) => {
                let patient = dice.below(PATIENTS);
                out.push(adt("A03", patient, lies[patient].unwrap_or(0), at_us));
                lies[patient] = None;
            }
            4 | 5 => out.push(laboratory(&mut dice, patient_of(bed, &lies), at_us)),
            6 => {
                // A gateway speaks of all beds in one frame.
                let all: Vec<String> = (0..BEDS).map(|bed| reading(&mut dice, "", bed, at_us, "F")).collect();
                out.push(frame(Source::JsonHttp, "", at_us, &format!("[{}]", all.join(","))));
            }
            7 => {
                let late_us = at_us - 1_000_000 * dice.below(900) as i64;
                let text = reading(&mut dice, &format!("late-{at_us}"), bed, late_us, "C");
                out.push(frame(Source::JsonHttp, "", at_us, &text));
            }
            8 if !out.is_empty() => {
                let again = out[dice.below(out.len())].clone();
                out.push(Frame { received_at_us: at_us, ..again });
            }
            9 => {
                // An id that another monitor has used or will use: a conflict for whoever comes second.
                let id = format!("id-{}", dice.below(n / 8 + 1));
                let text = reading(&mut dice, &id, bed, at_us, "F");
                out.push(frame(Source::JsonMqtt, &format!("ICU/{bed}"), at_us, &text));
            }
            10 => out.push(tick(at_us)),
            11 if !out.is_empty() => {
                let inner = out[dice.below(out.len())].clone();
                if !matches!(inner.source, Source::Tick | Source::Replay) {
                    let payload = Bytes::from(inner.encode().expect("encoded"));
                    out.push(Frame { payload, ..frame(Source::Replay, "1", at_us, "") });
                }
            }
            12 => out.push(frame(Source::JsonMqtt, &format!("ICU/{bed}"), at_us, "not json")),
            13 if dice.one_in(2) => {
                // Somebody does not exist under that name: admitted by mistake, or known twice.
                let twice = PATIENTS + dice.below(3);
                match dice.below(4) {
                    0 => out.push(adt("A01", twice, bed, at_us)),
                    1 => out.push(laboratory(&mut dice, twice, at_us)),
                    2 => out.push(adt("A11", twice, bed, at_us)),
                    _ => out.push(merge(twice, dice.below(PATIENTS), at_us)),
                }
            }
            14 if dice.one_in(3) => {
                let (event, patient) = (["A11", "A12", "A13"][dice.below(3)], dice.below(PATIENTS));
                out.push(adt(event, patient, bed, at_us));
            }
            15 if dice.one_in(3) => {
                // Left by mistake, back at once.
                let patient = dice.below(PATIENTS);
                let bed = lies[patient].unwrap_or(0);
                out.extend([adt("A03", patient, bed, at_us), adt("A13", patient, bed, at_us + 1_000)]);
            }
            _ => {
                let text = reading(&mut dice, &format!("m-{at_us}"), bed, at_us - 200_000, "F");
                let early_us = if dice.one_in(20) { 1_500_000 } else { 0 };
                out.push(frame(Source::JsonMqtt, &format!("ICU/{bed}"), at_us - early_us, &text));
            }
        }
    }
    out
}

fn patient_of(bed: usize, lies: &[Option<usize>]) -> usize {
    lies.iter().position(|lies| *lies == Some(bed)).unwrap_or(bed)
}
