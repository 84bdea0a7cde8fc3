//! nightlamp's MQTT listener in front of its journal and nothing else: what QoS 1 to durable to PUBACK takes by itself.
//!
//! `door FOLDER` prints the port, runs until standard input ends, then prints how many frames are durable. One credential: user
//! `bench`, password `bench-secret-1`, every unit.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use nightlamp_core::journal::{Journal, JournalConfig};
use nightlamp_core::receive::mqtt::{Credential, Credentials, ListenerConfig, MqttListener};

const SECRET: &[u8] = b"bench-secret-1";

fn main() {
    let folder = std::env::args().nth(1).expect("a folder");
    let journal = Arc::new(Journal::open(Path::new(&folder), JournalConfig::default()).expect("a journal"));
    let hash = format!("blake3:{}", blake3::hash(SECRET));
    let credentials =
        Credentials::new([Credential { id: "bench".into(), hash, units: vec!["*".into()] }]).expect("credentials");
    let config = ListenerConfig { port: 0, ..ListenerConfig::default() };
    let listener = MqttListener::start(config, credentials, journal.clone()).expect("a listener");
    println!("{}", listener.local_addr().port());
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    listener.stop();
    println!("{}", journal.durable_seq());
}
