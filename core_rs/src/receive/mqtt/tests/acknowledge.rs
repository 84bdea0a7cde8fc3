//! P1 at the door: PUBACK means durable.

use super::client::{Client, V3, V5, publish};
use super::{config, listen, until};
use crate::receive::Source;

const TOPIC: &str = "nightlamp/v1/icu/7/vitals";

fn puback_waits_for_the_journal(version: u8) {
    let (listener, intake) = listen(config());
    let mut client = Client::welcome(listener.local_addr(), version, "m1", "ward");
    client.publish(TOPIC, 11, b"{\"a\":1}");
    client.publish(TOPIC, 12, b"{\"a\":2}");
    until("both are submitted", || intake.len() == 2);
    client.expect_nothing_but_pong();
    assert_eq!(listener.stats().inlet.withheld, 2);
    intake.make_durable(1);
    assert_eq!(client.read().puback(), (11, 0));
    client.expect_nothing_but_pong();
    intake.make_durable(2);
    assert_eq!(client.read().puback(), (12, 0));
    let stats = listener.stats().inlet;
    assert_eq!((stats.publishes, stats.journalled_vitals, stats.pubacks, stats.withheld), (2, 2, 2, 0));
}

#[test]
fn p1_puback_waits_for_the_journal_in_3_1_1() {
    puback_waits_for_the_journal(V3);
}

#[test]
fn p1_puback_waits_for_the_journal_in_5() {
    puback_waits_for_the_journal(V5);
}

#[test]
fn p1_one_commit_acknowledges_many_senders_and_only_what_it_covers() {
    let (listener, intake) = listen(config());
    let mut clients: Vec<_> = (0..50).map(|i| Client::welcome(listener.local_addr(), V3, &format!("m{i}"), "ward")).collect();
    for (i, client) in clients.iter_mut().enumerate() {
        client.publish(TOPIC, 1, b"x");
        until("submitted", || intake.len() == i + 1);
    }
    intake.make_durable(25);
    for client in &mut clients[..25] {
        assert_eq!(client.read().puback(), (1, 0));
    }
    for client in &mut clients[25..] {
        client.expect_nothing_but_pong();
    }
    intake.make_durable(50);
    for client in &mut clients[25..] {
        assert_eq!(client.read().puback(), (1, 0));
    }
}

#[test]
fn p1_a_publish_resent_while_it_waits_is_acknowledged_once() {
    let (listener, intake) = listen(config());
    let mut client = Client::welcome(listener.local_addr(), V3, "m1", "ward");
    client.publish(TOPIC, 5, b"once");
    let mut again = publish(V3, 1, TOPIC, 5, b"once");
    again[0] |= 0x08;
    client.send(&again);
    until("both copies are submitted", || intake.len() == 2);
    intake.make_durable(1);
    client.expect_nothing_but_pong();
    intake.make_durable(2);
    assert_eq!(client.read().puback(), (5, 0));
    client.expect_nothing_but_pong();
}

#[test]
fn a_frame_carries_source_principal_context_time_and_the_bytes_as_they_came() {
    let (listener, intake) = listen(config());
    intake.durable_at_once();
    let mut client = Client::welcome(listener.local_addr(), V5, "m1", "icu");
    client.publish(TOPIC, 1, b"{\"hr\": 71}");
    client.publish("nightlamp/v1/icu/Bed 8/hl7v2", 2, b"MSH|^~\\&|\r\0\xff");
    client.publish(TOPIC, 3, b"");
    for id in 1..=3 {
        assert_eq!(client.read().puback(), (id, 0));
    }
    let frames = intake.frames();
    assert_eq!((frames[0].source, frames[1].source), (Source::JsonMqtt, Source::Hl7Mqtt));
    assert_eq!((frames[0].context.as_str(), frames[1].context.as_str()), ("icu/7", "icu/Bed 8"));
    assert_eq!(frames[0].principal, "icu");
    assert_eq!(&frames[0].payload[..], b"{\"hr\": 71}");
    assert_eq!(&frames[1].payload[..], b"MSH|^~\\&|\r\0\xff");
    assert!(frames[2].payload.is_empty());
    assert!(frames[0].received_at_us > 1_700_000_000_000_000);
    assert_eq!(listener.stats().inlet.bytes, 10 + 12);
}

#[test]
fn qos_0_is_journalled_and_not_answered() {
    let (listener, intake) = listen(config());
    intake.durable_at_once();
    for version in [V3, V5] {
        let mut client = Client::welcome(listener.local_addr(), version, "m1", "ward");
        let bytes = publish(version, 0, TOPIC, 0, b"zero");
        client.send(&bytes);
        client.expect_nothing_but_pong();
    }
    assert_eq!(intake.len(), 2);
    let stats = listener.stats().inlet;
    assert_eq!((stats.publishes_qos0, stats.pubacks), (2, 0));
}

#[test]
fn a_stop_lets_out_what_becomes_durable_and_says_goodbye() {
    let (listener, intake) = listen(super::ListenerConfig { stop_grace_ms: 5_000, ..config() });
    let mut client = Client::welcome(listener.local_addr(), V5, "m1", "ward");
    client.publish(TOPIC, 9, b"last");
    until("submitted", || intake.len() == 1);
    let stopping = std::thread::spawn(move || listener.stop());
    std::thread::sleep(std::time::Duration::from_millis(20));
    intake.make_durable(1);
    assert_eq!(client.read().puback(), (9, 0));
    assert_eq!(client.read().disconnect(), 0x8b);
    client.expect_end();
    stopping.join().unwrap();
}

#[test]
fn a_stop_never_acknowledges_what_did_not_become_durable() {
    let (listener, intake) = listen(config());
    let mut client = Client::welcome(listener.local_addr(), V3, "m1", "ward");
    client.publish(TOPIC, 9, b"last");
    until("submitted", || intake.len() == 1);
    listener.stop();
    client.expect_end();
}
