//! What may be published, and what is answered where it may not.

use super::client::{Client, SUBACK, UNSUBACK, V3, V5, publish, publish_with, subscribe, unsubscribe};
use super::{config, listen, until};

const TOPIC: &str = "nightlamp/v1/icu/7/vitals";

#[test]
fn an_unknown_topic_and_a_foreign_unit_are_refused_by_puback_in_5() {
    let (listener, intake) = listen(config());
    let mut client = Client::welcome(listener.local_addr(), V5, "m", "icu");
    client.publish("nightlamp/v1/icu/7/waveform", 1, b"x");
    assert_eq!(client.read().puback(), (1, 0x90));
    client.publish("nightlamp/v1/ward/7/vitals", 2, b"x");
    assert_eq!(client.read().puback(), (2, 0x87));
    // A refusal waits for the publish before it, and the connection stays good.
    client.publish(TOPIC, 3, b"x");
    client.publish("other", 4, b"x");
    until("submitted", || intake.len() == 1);
    client.expect_nothing_but_pong();
    intake.make_durable(1);
    assert_eq!(client.read().puback(), (3, 0));
    assert_eq!(client.read().puback(), (4, 0x90));
    let stats = listener.stats().inlet;
    assert_eq!((stats.publishes, stats.journalled_vitals, stats.refused_topic, stats.refused_scope), (4, 1, 2, 1));
}

#[test]
fn an_unknown_topic_and_a_foreign_unit_close_a_3_1_1_connection() {
    let (listener, intake) = listen(config());
    for (qos, topic) in [(1, "other"), (1, "nightlamp/v1/ward/7/vitals"), (0, "other"), (1, "a/+/b"), (1, "")] {
        let mut client = Client::welcome(listener.local_addr(), V3, "m", "icu");
        client.send(&publish(V3, qos, topic, 1, b"x"));
        client.expect_end();
    }
    assert_eq!(intake.len(), 0);
    let stats = listener.stats().inlet;
    assert_eq!((stats.refused_topic, stats.refused_scope), (4, 1));
}

#[test]
fn a_refused_qos_0_publish_is_answered_by_disconnect_in_5() {
    let (listener, _intake) = listen(config());
    for (topic, code) in [("other", 0x90), ("nightlamp/v1/ward/7/vitals", 0x87)] {
        let mut client = Client::welcome(listener.local_addr(), V5, "m", "icu");
        client.send(&publish(V5, 0, topic, 0, b"x"));
        assert_eq!(client.read().disconnect(), code);
        client.expect_end();
    }
}

#[test]
fn qos_2_is_refused() {
    let (listener, intake) = listen(config());
    let mut client = Client::welcome(listener.local_addr(), V5, "m", "ward");
    client.send(&publish(V5, 2, TOPIC, 1, b"x"));
    assert_eq!(client.read().disconnect(), 0x9b);
    client.expect_end();
    let mut client = Client::welcome(listener.local_addr(), V3, "m", "ward");
    client.send(&publish(V3, 2, TOPIC, 1, b"x"));
    client.expect_end();
    assert_eq!(intake.len(), 0);
    assert_eq!(listener.stats().inlet.refused_qos, 2);
}

#[test]
fn subscriptions_are_refused_filter_by_filter() {
    let (listener, _intake) = listen(config());
    for (version, code) in [(V3, 0x80), (V5, 0x87)] {
        let mut client = Client::welcome(listener.local_addr(), version, "m", "ward");
        client.send(&subscribe(version, 77, &["#", "nightlamp/v1/+/+/vitals"]));
        let said = client.read();
        assert_eq!(said.kind, SUBACK);
        assert_eq!(said.body[..2], [0, 77]);
        assert!(said.body.ends_with(&[code, code]), "{said:?}");
        client.send(&unsubscribe(version, 78, &["#"]));
        let said = client.read();
        assert_eq!((said.kind, &said.body[..2]), (UNSUBACK, &[0u8, 78][..]));
        client.expect_nothing_but_pong();
    }
    assert_eq!(listener.stats().connections.subscribes_refused, 2);
}

#[test]
fn topic_aliases_are_followed_and_unknown_ones_refused() {
    let (listener, intake) = listen(config());
    intake.durable_at_once();
    let mut client = Client::welcome(listener.local_addr(), V5, "m", "ward");
    client.send(&publish_with(V5, 1, TOPIC, 1, &[0x23, 0, 2], b"named"));
    client.send(&publish_with(V5, 1, "", 2, &[0x23, 0, 2], b"by alias"));
    assert_eq!(client.read().puback(), (1, 0));
    assert_eq!(client.read().puback(), (2, 0));
    assert_eq!(intake.frames()[1].context, "icu/7");
    for alias in [3u16, 17, 0] {
        let mut client = Client::welcome(listener.local_addr(), V5, "m", "ward");
        let [high, low] = alias.to_be_bytes();
        client.send(&publish_with(V5, 1, "", 1, &[0x23, high, low], b"x"));
        assert!(client.read().disconnect() >= 0x80);
        client.expect_end();
    }
    assert_eq!(intake.len(), 2);
}

#[test]
fn a_disconnect_from_the_client_is_no_failure() {
    let (listener, _intake) = listen(config());
    for version in [V3, V5] {
        let mut client = Client::welcome(listener.local_addr(), version, "m", "ward");
        client.send(&[0xe0, 0x00]);
        client.expect_end();
    }
    let mut client = Client::welcome(listener.local_addr(), V3, "m", "ward");
    client.expect_nothing_but_pong();
    drop(client);
    until("the lost socket is counted", || listener.stats().connections.closed_socket == 1);
    until("all sockets are closed", || listener.stats().connections.sockets == 0);
    assert_eq!(listener.stats().connections.closed_protocol, 0);
}
