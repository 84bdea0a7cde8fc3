//! P5 at the door: sizes, numbers and times are bounded, and whoever meets a bound is told where the protocol can.

use std::io::Write;

use super::client::{Client, Connect, V3, V5, packet, publish};
use super::{ListenerConfig, config, listen, until};
use crate::receive::Source;

const TOPIC: &str = "nightlamp/v1/icu/7/vitals";

fn small() -> ListenerConfig {
    let mut config = config();
    config.limits.frame_bytes_max = 1_000;
    config
}

#[test]
fn p5_a_payload_at_the_limit_passes_and_one_byte_more_is_refused() {
    let (listener, intake) = listen(small());
    intake.durable_at_once();
    let mut client = Client::welcome(listener.local_addr(), V5, "m", "ward");
    client.publish(TOPIC, 1, &[b'x'; 1_000]);
    assert_eq!(client.read().puback(), (1, 0));
    client.publish(TOPIC, 2, &[b'x'; 1_001]);
    assert_eq!(client.read().puback(), (2, 0x97));
    client.expect_nothing_but_pong();
    client.send(&publish(V5, 0, TOPIC, 0, &[b'x'; 1_001]));
    assert_eq!(client.read().disconnect(), 0x95);
    client.expect_end();
    let mut client = Client::welcome(listener.local_addr(), V3, "m", "ward");
    client.send(&publish(V3, 0, TOPIC, 0, &[b'x'; 1_001]));
    client.expect_end();
    assert_eq!(intake.len(), 1);
    assert_eq!(listener.stats().inlet.refused_too_large, 3);
}

#[test]
fn p4_a_publish_that_3_1_1_cannot_refuse_is_kept_as_a_dead_letter_and_what_waits_behind_it_arrives() {
    let (listener, intake) = listen(small());
    intake.durable_at_once();
    let mut client = Client::welcome(listener.local_addr(), V3, "m", "ward");
    client.publish(TOPIC, 1, b"before");
    assert_eq!(client.read().puback(), (1, 0));
    // One byte too many; more than is read at all; more than is sent at once; and all behind one another.
    for (id, size) in [(2, 1_001), (3, 6_000), (4, 3 << 20)] {
        client.publish(TOPIC, id, &vec![b'x'; size]);
        assert_eq!(client.read().puback(), (id, 0));
    }
    let mut line = publish(V3, 1, TOPIC, 5, b"between");
    line.extend(publish(V3, 1, TOPIC, 6, &[b'y'; 10_000]));
    line.extend(publish(V3, 1, TOPIC, 7, b"after"));
    client.send(&line);
    for id in 5..=7 {
        assert_eq!(client.read().puback(), (id, 0));
    }
    let frames = intake.frames();
    let large: Vec<_> = frames.iter().filter(|frame| frame.source == Source::MqttTooLarge).collect();
    let contexts: Vec<&str> = large.iter().map(|frame| &*frame.context).collect();
    assert_eq!(contexts, ["1001 icu/7", "6000 icu/7", "3145728 icu/7", "10000 icu/7"]);
    assert!(large.iter().all(|frame| frame.payload.len() == 1_000), "as much as a frame may be");
    let small: Vec<_> =
        frames.iter().filter(|frame| frame.source == Source::JsonMqtt).map(|frame| &frame.payload[..]).collect();
    assert_eq!(small, [&b"before"[..], b"between", b"after"]);
    let stats = listener.stats().inlet;
    assert_eq!((stats.publishes, stats.journalled_vitals, stats.refused_too_large, stats.kept_too_large), (7, 3, 4, 4));
    // Whose topic is none of ours, or whose unit is not the sender's, is closed on as ever: that can be set right.
    client.publish("else/where", 8, &[b'x'; 9_000]);
    client.expect_end();
}

#[test]
fn p5_a_packet_that_only_announces_its_size_is_refused_before_it_is_read() {
    let (listener, _intake) = listen(small());
    let mut client = Client::welcome(listener.local_addr(), V5, "m", "ward");
    client.send(&[0x32, 0xff, 0xff, 0xff, 0x7f]);
    assert_eq!(client.read().disconnect(), 0x95);
    client.expect_end();
    let mut client = Client::welcome(listener.local_addr(), V3, "m", "ward");
    client.send(&[0x30, 0xff, 0xff, 0xff, 0x7f]);
    client.expect_end();
    assert_eq!(listener.stats().connections.closed_too_large, 2);
}

#[test]
fn p5_a_connect_above_64_kib_is_refused_before_it_is_read() {
    let (listener, _intake) = listen(config());
    for split in [2, 5] {
        let mut client = Client::open(listener.local_addr(), V3);
        let head = [0x10, 0x81, 0x80, 0x04, 0x00];
        client.send(&head[..split]);
        client.send(&head[split..]);
        client.expect_end();
    }
    until("counted", || listener.stats().connections.refused_connect == 2);
}

#[test]
fn p5_a_slow_connect_is_cut_off() {
    let (listener, _intake) = listen(ListenerConfig { connect_timeout_ms: 1_000, ..config() });
    let mut silent = Client::open(listener.local_addr(), V3);
    let mut slow = Client::open(listener.local_addr(), V5);
    slow.send(&Connect::new(V5, "slow").bytes()[..9]);
    silent.expect_end();
    slow.expect_end();
    assert_eq!(listener.stats().connections.refused_timeout, 2);
    // Who connected in time is not affected.
    let mut client = Client::welcome(listener.local_addr(), V3, "m", "ward");
    std::thread::sleep(std::time::Duration::from_millis(1_200));
    client.expect_nothing_but_pong();
}

#[test]
fn p5_silence_beyond_the_keep_alive_ends_the_connection() {
    let (listener, _intake) = listen(config());
    let keep_alive = |version| Connect { keep_alive_s: 1, ..Connect::new(version, "m") };
    let (mut client, _) = Client::connect(listener.local_addr(), &keep_alive(V5));
    assert_eq!(client.read().disconnect(), 0x8d);
    client.expect_end();
    let (mut client, _) = Client::connect(listener.local_addr(), &keep_alive(V3));
    client.expect_end();
    assert_eq!(listener.stats().connections.closed_keep_alive, 2);
}

#[test]
fn p5_connections_above_the_limit_are_told_busy_and_seats_come_back() {
    let mut config = config();
    config.limits.mqtt_connections_max = 2;
    let (listener, _intake) = listen(config);
    let _one = Client::welcome(listener.local_addr(), V5, "1", "ward");
    let two = Client::welcome(listener.local_addr(), V3, "2", "ward");
    for (version, code) in [(V3, 3), (V5, 0x89)] {
        let (mut client, said) = Client::connect(listener.local_addr(), &Connect::new(version, "3"));
        assert_eq!(said.connack(), code);
        client.expect_end();
    }
    // One that is already here may come again.
    let _one_again = Client::welcome(listener.local_addr(), V5, "1", "ward");
    drop(two);
    until("a seat is free", || listener.stats().connections.open == 1);
    let _three = Client::welcome(listener.local_addr(), V5, "3", "ward");
    assert_eq!(listener.stats().connections.refused_limit, 2);
}

#[test]
fn p5_sockets_that_never_connect_cannot_keep_others_out() {
    let mut config = config();
    config.limits.mqtt_connections_max = 8;
    let (listener, _intake) = listen(config);
    let idle: Vec<_> = (0..8).map(|_| Client::open(listener.local_addr(), V3)).collect();
    until("accepted", || listener.stats().connections.sockets == 8);
    let clients: Vec<_> = (0..8).map(|i| Client::welcome(listener.local_addr(), V3, &format!("m{i}"), "ward")).collect();
    let mut beyond = Client::open(listener.local_addr(), V3);
    beyond.expect_end();
    drop((idle, clients));
}

#[test]
fn p5_the_receive_maximum_holds() {
    let mut config = config();
    config.limits.mqtt_inflight_max = 4;
    let (listener, intake) = listen(config);
    // MQTT 5: one more than promised breaks the protocol.
    let mut client = Client::welcome(listener.local_addr(), V5, "5", "ward");
    for id in 1..=5 {
        client.publish(TOPIC, id, b"x");
    }
    assert_eq!(client.read().disconnect(), 0x93);
    client.expect_end();
    assert_eq!(intake.len(), 4);
    // 3.1.1 knows no such number: the rest waits in the socket.
    let mut client = Client::welcome(listener.local_addr(), V3, "3", "ward");
    for id in 1..=9 {
        client.publish(TOPIC, id, b"x");
    }
    until("four are in", || intake.len() == 8);
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert_eq!(intake.len(), 8);
    intake.durable_at_once();
    for id in 1..=9 {
        assert_eq!(client.read().puback(), (id, 0));
    }
}

#[test]
fn p5_a_thousand_connections_publish_at_once() {
    let (listener, intake) = listen(config());
    intake.durable_at_once();
    let mut clients: Vec<_> =
        (0..1_000).map(|i| Client::welcome(listener.local_addr(), V3 + (i % 2) as u8, &format!("m{i}"), "ward")).collect();
    assert_eq!(listener.stats().connections.open, 1_000);
    for client in &mut clients {
        client.publish(TOPIC, 1, b"x");
    }
    for client in &mut clients {
        assert_eq!(client.read().puback(), (1, 0));
    }
    assert_eq!(intake.len(), 1_000);
    drop(clients);
    until("all are gone", || listener.stats().connections.sockets == 0);
    assert_eq!(listener.stats().connections.panics, 0);
}

#[test]
fn p5_a_client_that_never_reads_is_dropped_and_harms_nobody() {
    let (listener, intake) = listen(ListenerConfig { write_timeout_ms: 200, ..config() });
    intake.durable_at_once();
    let mut good = Client::welcome(listener.local_addr(), V3, "good", "ward");
    let mut deaf = Client::welcome(listener.local_addr(), V3, "deaf", "ward");
    // A flood of pings whose answers are never read fills both TCP windows, and goes on until the door has had enough.
    let flood = [0xc0u8, 0x00].repeat(64 * 1_024);
    let flooder = std::thread::spawn(move || while deaf.stream.write_all(&flood).is_ok() {});
    let mut id = 0;
    until("the deaf one is gone", || {
        id += 1;
        good.publish(TOPIC, id, b"x");
        assert_eq!(good.read().puback(), (id, 0));
        listener.stats().connections.closed_socket == 1
    });
    flooder.join().unwrap();
    good.expect_nothing_but_pong();
}

#[test]
fn p5_a_sender_refused_in_the_middle_of_a_packet_still_hears_why() {
    let (listener, _intake) = listen(small());
    let too_large = publish(V5, 1, TOPIC, 1, &[0; 1 << 20]);
    let (head, rest) = too_large.split_at(64);
    let mut client = Client::welcome(listener.local_addr(), V5, "m", "ward");
    client.send(head);
    until("refused, and its seat given back", || listener.stats().connections.open == 0);
    client.send(rest);
    assert_eq!(client.read().disconnect(), 0x95);
    client.expect_end();
    // It is heard out, but not for ever, and it does not hold up a stop.
    assert_eq!(listener.stats().connections.sockets, 1);
    drop(client);
    until("gone", || listener.stats().connections.sockets == 0);
    let mut stays = Client::welcome(listener.local_addr(), V5, "m", "ward");
    stays.send(head);
    assert_eq!(stays.read().disconnect(), 0x95);
    until("let go of", || listener.stats().connections.sockets == 0);
}

#[test]
fn a_frame_of_one_mebibyte_passes() {
    let (listener, intake) = listen(config());
    intake.durable_at_once();
    let payload: Vec<u8> = (0..1u32 << 20).map(|i| i as u8).collect();
    let mut client = Client::welcome(listener.local_addr(), V5, "m", "ward");
    client.publish(TOPIC, 1, &payload);
    assert_eq!(client.read().puback(), (1, 0));
    assert_eq!(&intake.frames()[0].payload[..], &payload[..]);
    let one_more = publish(V5, 1, TOPIC, 2, &[payload, vec![0]].concat());
    client.send(&one_more);
    assert_eq!(client.read().puback(), (2, 0x97));
    client.send(&publish(V5, 1, TOPIC, 3, &[0; (1 << 20) + 4_096]));
    assert_eq!(client.read().disconnect(), 0x95);
    // And the writer of this test knows how to write lengths.
    assert_eq!(packet(0x30, &[0; 200])[1..3], [0xc8, 0x01]);
}
