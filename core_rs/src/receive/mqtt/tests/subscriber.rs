//! A broker nobody here wrote (Mosquitto), with nightlamp as its subscriber.

use std::sync::Arc;

use super::super::{MqttSubscriber, MqttVersion, SubscriberConfig};
use super::foreign::{Broker, Certificate};
use super::{FakeIntake, SECRET, until};
use crate::error::Code;
use crate::receive::Source;

const TOPIC: &str = "nightlamp/v1/icu/7/vitals";

fn settings(broker: &Broker, version: MqttVersion) -> SubscriberConfig {
    SubscriberConfig {
        port: broker.port,
        version,
        client_id: "nightlamp-test".into(),
        username: "nightlamp".into(),
        password: SECRET.into(),
        backoff_ms_min: 10,
        backoff_ms_max: 100,
        stop_grace_ms: 100,
        ..SubscriberConfig::default()
    }
}

fn subscribe(config: &SubscriberConfig) -> (MqttSubscriber, Arc<FakeIntake>) {
    let intake = FakeIntake::new();
    let subscriber = MqttSubscriber::start(config.clone(), intake.clone()).unwrap();
    until("subscribed", || subscriber.stats().connected);
    (subscriber, intake)
}

fn payloads(intake: &FakeIntake) -> Vec<String> {
    intake.frames().iter().map(|frame| String::from_utf8(frame.payload.to_vec()).unwrap()).collect()
}

fn the_broker_keeps_what_is_not_durable(version: MqttVersion) {
    let Some(broker) = Broker::start(None) else { return };
    let config = settings(&broker, version);
    let (subscriber, intake) = subscribe(&config);
    broker.publish(TOPIC, "first");
    broker.publish("nightlamp/v1/icu/8/hl7v2", "second");
    until("both are in", || intake.len() == 2);
    assert_eq!(intake.frames()[1].source, Source::Hl7Mqtt);
    assert_eq!((intake.frames()[1].context.as_str(), intake.frames()[1].principal.as_str()), ("icu/8", "mqtt-broker"));
    intake.make_durable(1);
    until("one is acknowledged", || subscriber.stats().inlet.pubacks == 1);
    assert_eq!(subscriber.stats().inlet.withheld, 1);
    // Away without the second being durable: it comes again, the first does not, and what came meanwhile comes too.
    subscriber.stop();
    broker.publish(TOPIC, "third");
    let (subscriber, intake) = subscribe(&config);
    intake.durable_at_once();
    until("the rest is in", || intake.len() == 2);
    assert_eq!(payloads(&intake), ["second", "third"]);
    assert_eq!(subscriber.stats().sessions_resumed, 1);
    until("acknowledged", || subscriber.stats().inlet.pubacks == 2);
    subscriber.stop();
    let (subscriber, intake) = subscribe(&config);
    broker.publish(TOPIC, "fourth");
    until("the newest is in", || intake.len() == 1);
    assert_eq!(payloads(&intake), ["fourth"]);
    drop(subscriber);
}

#[test]
fn p1_the_broker_keeps_what_is_not_durable_in_3_1_1() {
    the_broker_keeps_what_is_not_durable(MqttVersion::V3);
}

#[test]
fn p1_the_broker_keeps_what_is_not_durable_in_5() {
    the_broker_keeps_what_is_not_durable(MqttVersion::V5);
}

#[test]
fn a_lost_broker_is_found_again_and_loses_nothing() {
    let Some(mut broker) = Broker::start(None) else { return };
    let (subscriber, intake) = subscribe(&settings(&broker, MqttVersion::V5));
    intake.durable_at_once();
    broker.publish(TOPIC, "before");
    until("in", || intake.len() == 1);
    broker.down();
    until("the loss is seen", || !subscriber.stats().connected);
    until("and tried again", || subscriber.stats().last_failure == Some("unreachable"));
    broker.up();
    until("back", || subscriber.stats().connected);
    broker.publish(TOPIC, "after");
    until("in", || payloads(&intake).contains(&"after".to_owned()));
    let stats = subscriber.stats();
    assert_eq!(stats.connects, 2);
    assert!(stats.failures >= 2);
}

#[test]
fn a_refused_login_is_visible_and_does_not_hinder_a_stop() {
    let Some(broker) = Broker::start(None) else { return };
    for version in [MqttVersion::V3, MqttVersion::V5] {
        let wrong = SubscriberConfig {
            password: "wrong".into(),
            backoff_ms_min: 60_000,
            backoff_ms_max: 60_000,
            ..settings(&broker, version)
        };
        assert!(!format!("{wrong:?}").contains("wrong"));
        let subscriber = MqttSubscriber::start(wrong, FakeIntake::new()).unwrap();
        until("refused", || subscriber.stats().last_failure == Some("credentials"));
        assert!(!subscriber.stats().connected);
        subscriber.stop();
    }
}

#[test]
fn p5_a_refusing_journal_stops_the_reading_and_nothing_is_lost() {
    let Some(broker) = Broker::start(None) else { return };
    let (subscriber, intake) = subscribe(&settings(&broker, MqttVersion::V5));
    intake.durable_at_once();
    intake.refuse(Some(Code::Overloaded));
    for number in 0..5 {
        broker.publish(TOPIC, &number.to_string());
    }
    until("held", || subscriber.stats().inlet.held == 1);
    assert_eq!((subscriber.stats().inlet.publishes, subscriber.stats().inlet.pubacks), (1, 0));
    intake.refuse(None);
    until("all in", || subscriber.stats().inlet.pubacks == 5);
    assert_eq!(payloads(&intake), ["0", "1", "2", "3", "4"]);
}

#[test]
fn what_is_not_ours_is_counted_and_taken_from_the_broker() {
    let Some(broker) = Broker::start(None) else { return };
    for version in [MqttVersion::V3, MqttVersion::V5] {
        let mut config = SubscriberConfig { filters: vec!["#".into()], ..settings(&broker, version) };
        config.limits.frame_bytes_max = 100;
        config.client_id = format!("all-{version:?}");
        let (subscriber, intake) = subscribe(&config);
        intake.durable_at_once();
        broker.publish("something/else", "x");
        broker.publish(TOPIC, &"x".repeat(101));
        broker.publish(TOPIC, "good");
        until("all are acknowledged", || subscriber.stats().inlet.pubacks == 3);
        let stats = subscriber.stats().inlet;
        assert_eq!((stats.refused_topic, stats.refused_too_large, stats.journalled_vitals), (1, 1, 1));
        assert_eq!(intake.len(), 1);
        assert!(subscriber.stats().connected);
    }
}

#[test]
fn a_burst_passes_in_order() {
    let Some(broker) = Broker::start(None) else { return };
    let (subscriber, intake) = subscribe(&settings(&broker, MqttVersion::V5));
    intake.durable_at_once();
    let Some(publisher) = super::foreign::program("mosquitto_pub") else { return };
    let port = broker.port.to_string();
    let lines: String = (0..500).map(|number| format!("{number}\n")).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), lines).unwrap();
    let done = std::process::Command::new(publisher)
        .args(["-h", "127.0.0.1", "-p", &port, "-u", "nightlamp", "-P", SECRET, "-q", "1", "-t", TOPIC, "-l"])
        .stdin(std::fs::File::open(file.path()).unwrap())
        .status()
        .unwrap();
    assert!(done.success());
    until("all in", || intake.len() == 500);
    let expected: Vec<_> = (0..500).map(|number| number.to_string()).collect();
    assert_eq!(payloads(&intake), expected);
    until("all acknowledged", || subscriber.stats().inlet.pubacks == 500);
}

#[test]
fn tls_trusts_only_the_given_authority() {
    let (Some(right), Some(wrong)) = (Certificate::make(), Certificate::make()) else { return };
    let Some(broker) = Broker::start(Some(&right)) else { return };
    let good = SubscriberConfig { tls: Some(right.client()), ..settings(&broker, MqttVersion::V5) };
    let (subscriber, _intake) = subscribe(&good);
    subscriber.stop();
    let bad = SubscriberConfig { tls: Some(wrong.client()), ..good };
    let subscriber = MqttSubscriber::start(bad, FakeIntake::new()).unwrap();
    until("refused", || subscriber.stats().last_failure == Some("tls"));
}

#[test]
fn settings_that_make_no_sense_are_refused_at_the_start() {
    let wrong = [
        SubscriberConfig { client_id: String::new(), ..SubscriberConfig::default() },
        SubscriberConfig { filters: Vec::new(), ..SubscriberConfig::default() },
        SubscriberConfig { principal: String::new(), ..SubscriberConfig::default() },
        SubscriberConfig {
            tls: Some(super::super::ClientTls { ca_path: "/nonexistent".into(), server_name: None }),
            ..SubscriberConfig::default()
        },
    ];
    for config in wrong {
        assert!(MqttSubscriber::start(config, FakeIntake::new()).is_err());
    }
    let read = serde_json::from_str::<SubscriberConfig>(r#"{"host": "broker", "version": "3.1.1"}"#).unwrap();
    assert_eq!(read.version, MqttVersion::V3);
}
