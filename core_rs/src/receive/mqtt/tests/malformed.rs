//! Whatever comes in, the listener lives, and no frame is made of it.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tokio::sync::watch;
use tokio::time::Instant;

use super::client::{Client, Connect, V3, V5, packet, publish, publish_with, subscribe, unsubscribe};
use super::{FakeIntake, config, credentials, listen};
use crate::receive::mqtt::board::Signal;
use crate::receive::mqtt::door::Door;
use crate::receive::mqtt::drive::Peer;
use crate::receive::mqtt::session::Session;
use crate::receive::mqtt::stats::ListenerStats;

const TOPIC: &str = "nightlamp/v1/icu/7/vitals";

/// Feed bytes in pieces to a session without a socket. Returns whether it still stands, and what was journalled.
fn feed(bytes: &[u8], piece: usize) -> (bool, usize) {
    let intake = FakeIntake::new();
    let (_sender, current) = watch::channel(Arc::new(credentials()));
    let stats = Arc::new(ListenerStats::default());
    let door = Door::new(config(), intake.clone(), current, stats);
    let now = Instant::now();
    let mut session = Session::new(door, Signal::new(1), now, now + Duration::from_secs(10));
    let mut rest = bytes;
    while !rest.is_empty() && session.wants_input() {
        let next = &rest[..piece.clamp(1, rest.len())];
        let used = session.receive(next, now);
        assert!(used <= next.len());
        assert!(used > 0 || !session.wants_input(), "a session that wants input must take some");
        rest = &rest[used..];
        session.settle(u64::MAX);
        assert!(session.outgoing().len() < 1 << 20);
        session.outgoing().clear();
    }
    (!session.is_closed(), intake.len())
}

/// Packets that are right, to be broken.
fn right(version: u8) -> Vec<Vec<u8>> {
    vec![
        publish(version, 1, TOPIC, 1, b"{\"hr\": 71}"),
        publish(version, 0, TOPIC, 0, b"{}"),
        publish_with(V5, 1, TOPIC, 2, &[0x23, 0, 1, 0x26, 0, 1, b'k', 0, 1, b'v'], b"x"),
        subscribe(version, 3, &["#"]),
        unsubscribe(version, 4, &["a/b"]),
        vec![0xc0, 0x00],
        vec![0x40, 0x02, 0x00, 0x01],
        vec![0x50, 0x02, 0x00, 0x01],
        vec![0x62, 0x02, 0x00, 0x01],
        vec![0x70, 0x02, 0x00, 0x01],
        packet(0xf0, &[0x18, 0x00]),
        vec![0xe0, 0x00],
    ]
}

#[test]
fn every_malformed_packet_ends_its_connection_alone() {
    let (listener, intake) = listen(config());
    let mut bystander = Client::welcome(listener.local_addr(), V5, "bystander", "ward");
    let broken: Vec<Vec<u8>> = vec![
        vec![0x00, 0x00],                               // reserved type 0
        vec![0xf0, 0x00],                               // AUTH / reserved type 15
        vec![0x20, 0x02, 0x00, 0x00],                   // CONNACK from a client
        vec![0x90, 0x03, 0x00, 0x01, 0x00],             // SUBACK from a client
        vec![0xd0, 0x00],                               // PINGRESP from a client
        vec![0x36, 0x02, 0x00, 0x00],                   // QoS 3
        vec![0x32, 0x04, 0x00, 0x09, b'a', b'b'],       // topic longer than the packet
        vec![0x32, 0x05, 0x00, 0x02, 0xc3, 0x28, 0x00], // topic that is not UTF-8
        vec![0x32, 0xff, 0xff, 0xff, 0xff, 0x01],       // five-byte length
        vec![0x82, 0x02, 0x00, 0x01],                   // SUBSCRIBE without a filter
        publish(V5, 1, TOPIC, 0, b"packet id zero"),
        publish(V3, 1, TOPIC, 0, b"packet id zero"),
    ];
    for version in [V3, V5] {
        for bytes in &broken {
            let mut client = Client::welcome(listener.local_addr(), version, "m", "ward");
            client.send(bytes);
            if let Some(said) = client.read_or_end() {
                assert!(version == V5 && said.disconnect() >= 0x80, "{bytes:?} {said:?}");
                client.expect_end();
            }
        }
    }
    bystander.expect_nothing_but_pong();
    let stats = listener.stats();
    assert_eq!((intake.len(), stats.connections.panics), (0, 0));
}

#[test]
fn the_right_packets_do_pass_the_feed() {
    for version in [V3, V5] {
        let mut bytes = Connect::new(version, "m").bytes();
        bytes.extend(publish(version, 1, TOPIC, 1, b"x"));
        bytes.extend(subscribe(version, 3, &["#"]));
        bytes.extend([0xc0, 0x00]);
        for piece in [1, 3, 1_000] {
            assert_eq!(feed(&bytes, piece), (true, 1));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn random_bytes_never_panic_and_never_become_a_frame(bytes in prop::collection::vec(any::<u8>(), 0..300), piece in 1usize..64) {
        prop_assert_eq!(feed(&bytes, piece).1, 0);
    }

    #[test]
    fn random_bytes_after_a_connect_never_panic(
        v5 in any::<bool>(), bytes in prop::collection::vec(any::<u8>(), 0..300), piece in 1usize..64,
    ) {
        let mut all = Connect::new(if v5 { V5 } else { V3 }, "m").bytes();
        all.extend(bytes);
        feed(&all, piece);
    }

    #[test]
    fn random_bodies_of_every_packet_type_never_panic(
        v5 in any::<bool>(), connected in any::<bool>(), first in any::<u8>(),
        body in prop::collection::vec(any::<u8>(), 0..60), piece in 1usize..64,
    ) {
        let mut all = if connected { Connect::new(if v5 { V5 } else { V3 }, "m").bytes() } else { Vec::new() };
        all.extend(packet(first, &body));
        feed(&all, piece);
    }

    #[test]
    fn right_packets_with_wrong_bytes_never_panic(
        v5 in any::<bool>(), order in prop::collection::vec(0usize..12, 1..8),
        wrong in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        in_connect in any::<bool>(), piece in 1usize..200,
    ) {
        let version = if v5 { V5 } else { V3 };
        let connect = Connect { props: &[0x11, 0, 0, 0, 9, 0x21, 0, 4, 0x22, 0, 3], will_qos: Some(1), ..Connect::new(version, "m") };
        let mut all = connect.bytes();
        let safe = if in_connect { 0 } else { all.len() };
        let kinds = right(version);
        for kind in order {
            all.extend(&kinds[kind]);
        }
        for (at, byte) in wrong {
            let at = safe + at.index(all.len() - safe);
            all[at] = byte;
        }
        feed(&all, piece);
    }
}
