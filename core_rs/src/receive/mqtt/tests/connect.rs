//! Who may enter, and what they are told.

use super::client::{Client, Connect, PINGRESP, Said, V3, V5, publish};
use super::{SECRET, config, credential, listen, until};
use crate::receive::mqtt::{Credentials, ListenerConfig};

fn answer(connect: &Connect<'_>) -> (Said, super::super::ListenerSnapshot) {
    let (listener, _intake) = listen(config());
    let (mut client, said) = Client::connect(listener.local_addr(), connect);
    if said.connack() != 0 {
        client.expect_end();
    }
    until("counted", || {
        let c = listener.stats().connections;
        c.connected + c.refused_anonymous + c.refused_credentials + c.refused_connect == 1
    });
    (said, listener.stats())
}

#[test]
fn nobody_enters_anonymously() {
    for (version, code) in [(V3, 5), (V5, 0x87)] {
        for (user, password) in [(None, None), (Some("ward"), None)] {
            let (said, stats) = answer(&Connect { user, password, ..Connect::new(version, "m") });
            assert_eq!(said.connack(), code);
            assert_eq!(stats.connections.refused_anonymous, 1);
        }
    }
}

#[test]
fn a_wrong_password_or_user_is_refused_alike() {
    for (version, code) in [(V3, 4), (V5, 0x86)] {
        for (user, password) in [("ward", "wrong"), ("nobody", SECRET), ("", SECRET), ("ward", "")] {
            let connect = Connect { user: Some(user), password: Some(password), ..Connect::new(version, "m") };
            let (said, stats) = answer(&connect);
            assert_eq!(said.connack(), code);
            assert_eq!(stats.connections.refused_credentials, 1);
        }
    }
}

#[test]
fn nothing_is_read_before_the_credentials_are_checked() {
    let (listener, intake) = listen(config());
    intake.durable_at_once();
    let topic = "nightlamp/v1/icu/7/vitals";
    for version in [V3, V5] {
        // CONNECT with a wrong password and a publish in the same segment; and a publish without any CONNECT.
        let mut client = Client::open(listener.local_addr(), version);
        let mut bytes = Connect { password: Some("wrong"), ..Connect::new(version, "m") }.bytes();
        bytes.extend(publish(version, 1, topic, 1, b"smuggled"));
        client.send(&bytes);
        assert_ne!(client.read().connack(), 0);
        client.expect_end();
        let mut client = Client::open(listener.local_addr(), version);
        client.send(&publish(version, 1, topic, 1, b"smuggled"));
        client.expect_end();
    }
    assert_eq!(intake.len(), 0);
}

#[test]
fn version_5_is_told_what_this_door_offers() {
    let mut config = config();
    config.limits.mqtt_inflight_max = 33;
    config.limits.frame_bytes_max = 10_000;
    let (listener, _intake) = listen(config);
    // Session expiry of an hour asked, no client id, no keep-alive.
    let connect = Connect { props: &[0x11, 0, 0, 0x0e, 0x10], keep_alive_s: 0, ..Connect::new(V5, "") };
    let (mut client, said) = Client::connect(listener.local_addr(), &connect);
    assert_eq!(said.body[..2], [0, 0], "no session present, success");
    let props = &said.body[3..];
    let has = |wanted: &[u8]| props.windows(wanted.len()).any(|window| window == wanted);
    assert!(has(&[0x24, 1]), "maximum QoS 1");
    assert!(has(&[0x21, 0, 33]), "receive maximum");
    assert!(has(&[0x27, 0, 0, 0x37, 0x10]), "maximum packet size 14,096");
    assert!(has(&[0x22, 0, 16]), "topic aliases");
    assert!(has(&[0x11, 0, 0, 0, 0]), "no session is kept");
    assert!(has(&[0x13, 0x0e, 0x10]), "server keep alive");
    assert!(has(&[0x28, 0]) && has(&[0x29, 0]) && has(&[0x2a, 0]), "no subscriptions");
    assert!(has(b"nightlamp-"), "assigned client id");
    client.expect_nothing_but_pong();
}

#[test]
fn a_persistent_session_is_accepted_and_never_present() {
    for version in [V3, V5] {
        let (listener, _intake) = listen(config());
        for _ in 0..2 {
            let connect = Connect { clean: false, ..Connect::new(version, "m") };
            let (_client, said) = Client::connect(listener.local_addr(), &connect);
            assert_eq!(said.body[..2], [0, 0]);
        }
    }
}

#[test]
fn a_nameless_3_1_1_client_cannot_have_a_session() {
    let (said, _) = answer(&Connect { clean: false, ..Connect::new(V3, "") });
    assert_eq!(said.connack(), 2);
    let (said, _) = answer(&Connect { clean: true, ..Connect::new(V3, "") });
    assert_eq!(said.connack(), 0);
}

#[test]
fn a_client_id_beyond_the_limit_is_refused() {
    let long = "m".repeat(257);
    assert_eq!(answer(&Connect::new(V3, &long)).0.connack(), 2);
    assert_eq!(answer(&Connect::new(V5, &long)).0.connack(), 0x85);
}

#[test]
fn other_versions_are_told_so() {
    let (listener, _intake) = listen(config());
    for version in [3u8, 6] {
        let mut client = Client::open(listener.local_addr(), V3);
        client.send(&Connect::new(version, "m").bytes());
        assert_eq!(client.read().connack(), 1);
        client.expect_end();
    }
    // MQTT 3.1, which had another protocol name.
    let mut client = Client::open(listener.local_addr(), V3);
    client.send(b"\x10\x0f\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x01m");
    assert_eq!(client.read().connack(), 1);
    client.expect_end();
    assert_eq!(listener.stats().connections.refused_version, 3);
}

#[test]
fn wills_are_accepted_counted_and_ignored() {
    for (version, qos, code) in [(V3, 1, 0), (V3, 2, 0), (V5, 1, 0), (V5, 2, 0x9b)] {
        let (said, stats) = answer(&Connect { will_qos: Some(qos), ..Connect::new(version, "m") });
        assert_eq!(said.connack(), code);
        assert_eq!(stats.connections.wills_ignored, u64::from(code == 0));
    }
}

#[test]
fn enhanced_authentication_is_refused() {
    let (said, _) = answer(&Connect { props: b"\x15\x00\x01x", ..Connect::new(V5, "m") });
    assert_eq!(said.connack(), 0x8c);
}

#[test]
fn a_client_that_comes_again_replaces_itself_and_nobody_else() {
    let (listener, _intake) = listen(config());
    let mut first = Client::welcome(listener.local_addr(), V5, "m", "ward");
    let mut other = Client::welcome(listener.local_addr(), V5, "m", "icu");
    let mut second = Client::welcome(listener.local_addr(), V5, "m", "ward");
    assert_eq!(first.read().disconnect(), 0x8e);
    first.expect_end();
    other.expect_nothing_but_pong();
    second.expect_nothing_but_pong();
    assert_eq!(listener.stats().connections.closed_taken_over, 1);
    until("the seat is given back", || listener.stats().connections.open == 2);
}

#[test]
fn a_second_connect_ends_the_connection() {
    for version in [V3, V5] {
        let (listener, _intake) = listen(config());
        let mut client = Client::welcome(listener.local_addr(), version, "m", "ward");
        client.send(&Connect::new(version, "m").bytes());
        if version == V5 {
            assert_eq!(client.read().disconnect(), 0x82);
        }
        client.expect_end();
        assert_eq!(listener.stats().connections.closed_protocol, 1);
    }
}

#[test]
fn withdrawn_credentials_end_a_connection_with_its_next_publish() {
    let (listener, intake) = listen(config());
    intake.durable_at_once();
    let topic = "nightlamp/v1/icu/7/vitals";
    let mut gone = Client::welcome(listener.local_addr(), V5, "a", "ward");
    let mut kept = Client::welcome(listener.local_addr(), V5, "b", "icu");
    gone.publish(topic, 1, b"before");
    assert_eq!(gone.read().puback(), (1, 0));
    listener.set_credentials(Credentials::new([credential("icu", SECRET, &["icu"])]).unwrap());
    gone.publish(topic, 2, b"after");
    assert_eq!(gone.read().disconnect(), 0x87);
    gone.expect_end();
    kept.publish(topic, 1, b"after");
    assert_eq!(kept.read().puback(), (1, 0));
    let (_, said) = Client::connect(listener.local_addr(), &Connect::new(V5, "c"));
    assert_eq!(said.connack(), 0x86);
    assert_eq!(listener.stats().connections.closed_withdrawn, 1);
}

#[test]
fn a_connect_sent_byte_by_byte_is_accepted() {
    let (listener, _intake) = listen(config());
    for version in [V3, V5] {
        let mut client = Client::open(listener.local_addr(), version);
        for byte in Connect::new(version, "slow").bytes() {
            client.send(&[byte]);
        }
        assert_eq!(client.read().connack(), 0);
        client.send(&[0xc0]);
        client.send(&[0x00]);
        assert_eq!(client.read().kind, PINGRESP);
    }
}

#[test]
fn settings_that_make_no_sense_are_refused_at_the_start() {
    let intake = super::FakeIntake::new();
    let mut zero = config();
    zero.limits.mqtt_inflight_max = 0;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let bound = ListenerConfig { port: taken.local_addr().unwrap().port(), ..config() };
    let half = ListenerConfig { cert: Some("/nonexistent".into()), ..config() };
    let tls = ListenerConfig { key: Some("/nonexistent".into()), ..half.clone() };
    for wrong in [zero, bound, half, tls] {
        assert!(super::MqttListener::start(wrong, super::credentials(), intake.clone()).is_err());
    }
    assert!(serde_json::from_str::<ListenerConfig>(r#"{"prot": 1}"#).is_err());
    let read = r#"{"host": "127.0.0.1", "port": 0, "cert": null, "key": null}"#;
    assert!(serde_json::from_str::<ListenerConfig>(read).is_ok());
}

#[test]
fn a_client_that_wants_no_topic_alias_enters_like_any_other() {
    // 3.1.2.11.5: absent and 0 mean the same; before and behind it other properties stand.
    for props in [&[0x22, 0, 0][..], &[0x11, 0, 0, 0, 9, 0x26, 0, 1, b'"', 0, 1, b'v', 0x22, 0, 0, 0x21, 0, 4], &[0x22, 0, 3]] {
        let (said, stats) = answer(&Connect { props, ..Connect::new(V5, "m") });
        assert_eq!((said.connack(), stats.connections.connected, stats.connections.panics), (0, 1, 0), "{props:?}");
    }
}
