//! The doors over real sockets, with raw packets and with clients nobody here wrote.

mod acknowledge;
pub(super) mod client;
mod connect;
mod foreign;
mod intake;
mod limits;
mod malformed;
mod overload;
mod publish;
mod subscriber;
mod throughput;

use std::sync::Arc;
use std::time::{Duration, Instant};

use intake::FakeIntake;

use super::{Credential, Credentials, ListenerConfig, MqttListener};

pub(super) const SECRET: &str = "3f9c-secret-of-the-ward";

pub(super) fn credential(id: &str, secret: &str, units: &[&str]) -> Credential {
    let hash = format!("blake3:{}", blake3::hash(secret.as_bytes()));
    Credential { id: id.into(), hash, units: units.iter().map(ToString::to_string).collect() }
}

/// `ward` may publish for every unit, `icu` for the unit icu only; both have the same secret.
pub(super) fn credentials() -> Credentials {
    Credentials::new([credential("ward", SECRET, &["*"]), credential("icu", SECRET, &["icu"])]).unwrap()
}

pub(super) fn config() -> ListenerConfig {
    ListenerConfig { port: 0, stop_grace_ms: 200, ..ListenerConfig::default() }
}

pub(super) fn listen(config: ListenerConfig) -> (MqttListener, Arc<FakeIntake>) {
    let intake = FakeIntake::new();
    let listener = MqttListener::start(config, credentials(), intake.clone()).unwrap();
    (listener, intake)
}

/// Wait for something that another thread is about to do; 30 s is a hang, not a measurement.
pub(super) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < limit, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
