#![no_main]

use libfuzzer_sys::fuzz_target;

#[global_allocator]
static METER: nightlamp_fuzz::meter::Meter = nightlamp_fuzz::meter::Meter;

fuzz_target!(|input: &[u8]| nightlamp_fuzz::settings::run(input));
