//! P5: the journal refuses, and nothing is acknowledged, nothing is lost, nobody else notices.

use super::client::{Client, V3, V5, publish};
use super::{config, listen, until};
use crate::error::Code;

const TOPIC: &str = "nightlamp/v1/icu/7/vitals";

fn a_refusing_journal_holds_its_senders(version: u8, code: Code) {
    let (listener, intake) = listen(config());
    intake.durable_at_once();
    intake.refuse(Some(code));
    let mut client = Client::welcome(listener.local_addr(), version, "m", "ward");
    for id in 1..=3 {
        client.publish(TOPIC, id, format!("{id}").as_bytes());
    }
    until("the sender is held", || listener.stats().inlet.held == 1);
    let stats = listener.stats().inlet;
    assert_eq!((stats.publishes, stats.pubacks, stats.stalls), (1, 0, 1), "one is held, the rest is not read");
    // Someone who does not publish is served as ever, and newcomers enter.
    Client::welcome(listener.local_addr(), version, "other", "ward").expect_nothing_but_pong();
    intake.refuse(None);
    for id in 1..=3 {
        assert_eq!(client.read().puback(), (id, 0));
    }
    let payloads: Vec<_> = intake.frames().iter().map(|frame| frame.payload.clone()).collect();
    assert_eq!(payloads, [&b"1"[..], b"2", b"3"]);
    assert_eq!(listener.stats().inlet.held, 0);
}

#[test]
fn p5_overload_withholds_and_recovers_in_3_1_1() {
    a_refusing_journal_holds_its_senders(V3, Code::Overloaded);
}

#[test]
fn p5_a_full_journal_withholds_and_recovers_in_5() {
    a_refusing_journal_holds_its_senders(V5, Code::JournalFull);
}

#[test]
fn p5_qos_0_is_held_too() {
    let (listener, intake) = listen(config());
    intake.refuse(Some(Code::Overloaded));
    let mut client = Client::welcome(listener.local_addr(), V3, "m", "ward");
    client.send(&publish(V3, 0, TOPIC, 0, b"zero"));
    until("held", || listener.stats().inlet.held == 1);
    intake.refuse(None);
    until("journalled", || intake.len() == 1);
}

#[test]
fn p4_a_sender_that_leaves_while_held_is_counted_and_never_acknowledged() {
    let (listener, intake) = listen(super::ListenerConfig { stop_grace_ms: 50, ..config() });
    intake.refuse(Some(Code::Internal));
    let mut client = Client::welcome(listener.local_addr(), V3, "m", "ward");
    client.publish(TOPIC, 1, b"x");
    until("held", || listener.stats().inlet.held == 1);
    // Its own successor takes its place.
    let mut successor = Client::welcome(listener.local_addr(), V3, "m", "ward");
    client.expect_end();
    until("given up", || listener.stats().inlet.held_lost == 1);
    successor.expect_nothing_but_pong();
    let stats = listener.stats().inlet;
    assert_eq!((stats.publishes, stats.held, stats.held_lost, stats.pubacks, intake.len()), (1, 0, 1, 0, 0));
}

#[test]
fn p5_a_sender_held_for_too_long_is_told_busy_and_its_seat_is_free() {
    let (listener, intake) = listen(super::ListenerConfig { hold_ms_max: 100, ..config() });
    intake.refuse(Some(Code::JournalFull));
    for (version, name) in [(V5, "5"), (V3, "3")] {
        let mut client = Client::welcome(listener.local_addr(), version, name, "ward");
        client.publish(TOPIC, 1, b"x");
        if version == V5 {
            assert_eq!(client.read().disconnect(), 0x89);
        }
        client.expect_end();
    }
    until("the seats are free", || listener.stats().connections.open == 0);
    assert_eq!((listener.stats().connections.closed_held, listener.stats().inlet.pubacks), (2, 0));
}

#[test]
fn p5_the_journal_s_own_size_limit_is_answered_as_too_large() {
    let (listener, intake) = listen(config());
    intake.refuse(Some(Code::TooLarge));
    let mut client = Client::welcome(listener.local_addr(), V5, "m", "ward");
    client.publish(TOPIC, 1, b"x");
    assert_eq!(client.read().puback(), (1, 0x97));
}
