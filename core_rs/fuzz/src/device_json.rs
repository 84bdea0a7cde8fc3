//! Device JSON as the HTTP and the MQTT door and the pipeline read it.
//!
//! Promised beside memory and time: what screening takes, decoding reads, with every observation an event, a refusal or a skip;
//! what screening refuses, decoding refuses with the same code; decoding twice says the same.

use nightlamp_core::receive::Source;

use super::meter;
use super::site::{SITES, assert_same, frame, rows};

/// The target.
pub fn run(payload: &[u8]) {
    for site in SITES.iter() {
        let screened = meter::case("screen", payload.len(), site.bound, || site.decoder.screen_json(payload));
        for (source, context) in [(Source::JsonHttp, ""), (Source::JsonMqtt, "ICU/7")] {
            let frame = frame(source, context, payload);
            let decoded = meter::case("decode", payload.len(), site.bound, || site.decode(&frame));
            assert_same(&decoded, &site.decode(&frame));
            let rows = rows(&decoded);
            match &screened {
                Ok(_) if site.decoder.config().recorded_time => {}
                Ok(observations) => assert_eq!(rows, *observations, "every observation is counted under one name"),
                Err(refusal) => {
                    let codes: Vec<_> = decoded.rejected.iter().map(|rejected| rejected.refusal.code).collect();
                    assert_eq!((rows, codes.as_slice()), (1, [refusal.code].as_slice()), "refused alike");
                }
            }
        }
    }
}
