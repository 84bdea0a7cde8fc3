//! What an operator writes: the alert policy, a feature plan, a calibration, the decoder's settings. The first byte says which.
//!
//! Promised beside memory and time: what is accepted is within its limits and means the same twice; a calibration is monotone
//! and gives probabilities; a decoder that is made decodes.

use nightlamp_core::alert::{Policy, RULES_MAX};
use nightlamp_core::decode::{DecodeConfig, Decoded, Decoder};
use nightlamp_core::receive::Source;
use nightlamp_core::score::{Calibration, compile};
use nightlamp_core::window::PlanSpec;

use super::meter::{self, Bound};
use super::seeds;
use super::site::frame;

/// The toml crate keeps every token and makes a table of every part of a dotted key: the two bytes of `a.` become seven hundred.
/// Settings are the operator's files, a manifest at most 1 MiB.
pub const TOML: Bound = Bound { factor: 1_024, floor: 64 << 10 };
/// The decoder's tables.
const DECODER: Bound = Bound { factor: 16, floor: 512 << 10 };

/// The target.
pub fn run(input: &[u8]) {
    let Some((kind, bytes)) = input.split_first() else { return };
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match kind % 4 {
        0 => policy(text),
        1 => plan(bytes),
        2 => calibration(text),
        _ => decoder(bytes),
    }
}

fn policy(text: &str) {
    let scorers = ["news2", "qsofa", "sepsis"];
    if let Ok(policy) = meter::case("policy", text.len(), TOML, || Policy::parse(text, &scorers)) {
        assert!(policy.rules.len() <= RULES_MAX);
        assert!(policy.rules.iter().all(|rule| rule.clear < rule.enter && usize::from(rule.scorer) < scorers.len()));
        assert_eq!(Ok(policy), Policy::parse(text, &scorers));
    }
}

fn plan(bytes: &[u8]) {
    let compiled = meter::case("plan", bytes.len(), TOML, || PlanSpec::parse(bytes).and_then(|spec| compile(&spec)));
    if let Ok(plan) = compiled {
        let again = compile(plan.spec()).expect("it compiled before");
        assert_eq!((plan.names(), plan.fingerprint()), (again.names(), again.fingerprint()));
        assert!(plan.width() <= nightlamp_core::window::FEATURES_MAX && plan.width() == plan.names().len());
    }
}

fn calibration(text: &str) {
    let read = meter::case("calibration", text.len(), TOML, || {
        toml::from_str::<Calibration>(text).ok().filter(|read| read.check().is_ok())
    });
    let Some(calibration) = read else { return };
    let own = |raw: f64| 1.0 / (1.0 + (-raw).exp());
    let raws = [f64::NEG_INFINITY, f64::MIN, -50.0, -1.0, -0.0, 1e-300, 0.5, 3.0, 700.0, f64::MAX, f64::INFINITY];
    let given = raws.map(|raw| calibration.apply(raw, own));
    assert!(given.iter().all(|probability| (0.0..=1.0).contains(probability)), "{calibration:?} gives {given:?}");
    assert!(given.windows(2).all(|pair| pair[0] <= pair[1]), "{calibration:?} gives {given:?}");
}

fn decoder(bytes: &[u8]) {
    let made = meter::case("decoder settings", bytes.len(), DECODER, || {
        serde_json::from_slice::<DecodeConfig>(bytes).ok().and_then(|config| Decoder::new(config).ok())
    });
    if let Some(decoder) = made {
        let mut out = Decoded::default();
        decoder.decode(&frame(Source::Hl7Http, "", seeds::hl7::VITALS.as_bytes()), &mut out);
    }
}
