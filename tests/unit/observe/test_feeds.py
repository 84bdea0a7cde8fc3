"""Feeds: when the last message came, how fast they come, and what is not connected."""

import json

from nightlamp.observe.feeds import FEEDS_MAX, READINGS_MAX, Count, Feeds, feed_counts
from nightlamp.receive.door import DoorCounts

INLET = {"publishes": 9, "journalled_vitals": 5, "journalled_hl7v2": 2, "refused_scope": 1, "refused_topic": 1}


def engine(**receive: object) -> bytes:
    return json.dumps({"receive": {"mqtt_listener": None, "mqtt_brokers": []} | receive}).encode()


def test_the_last_message_and_the_rate_over_a_minute_are_told() -> None:
    counts = {"hl7_http": Count("HL7", 0, 0)}
    feeds = Feeds(lambda: counts)
    feeds.look(0, 1_000)
    assert feeds.told()[0]["last_at_ms"] is None
    assert feeds.told()[0]["rate_per_s"] is None
    for second in range(1, 200):
        counts["hl7_http"] = Count("HL7", 2 * min(second, 100), 0)
        feeds.look(second, 1_000 + second)
    told = feeds.told()[0]
    assert told["last_at_ms"] == 1_100_000
    assert told["rate_per_s"] == 0
    assert told["messages"] == 200
    counts["hl7_http"] = Count("HL7", 320, 0)
    feeds.look(200, 1_200)
    assert feeds.told()[0]["rate_per_s"] == 120 / (READINGS_MAX - 1)


def test_messages_from_before_the_first_look_count_as_just_come() -> None:
    feeds = Feeds(lambda: {"hl7_http": Count("HL7", 7, 0)})
    feeds.look(5, 1_000)
    assert feeds.told()[0]["last_at_ms"] == 1_000_000


def test_feeds_are_bounded() -> None:
    feeds = Feeds(lambda: {str(number): Count("door", 0, 0) for number in range(FEEDS_MAX + 10)})
    feeds.look(0, 0)
    assert len(feeds.told()) == FEEDS_MAX


def test_every_door_is_a_feed_and_a_lost_broker_shows() -> None:
    doors = DoorCounts()
    doors.messages["hl7_http"], doors.accepted["hl7_http"] = 10, 7
    listener = {"connections": {"open": 3}, "inlet": INLET}
    brokers = [{"connected": False, "inlet": INLET}]
    counts = feed_counts(lambda: engine(mqtt_listener=listener, mqtt_brokers=brokers), doors)
    assert counts["hl7_http"] == Count("HL7 v2 over HTTP", 10, 3)
    assert counts["mqtt"] == Count("Monitors over MQTT", 7, 2, connections=3)
    assert counts["mqtt_broker_0"].up is False
    assert set(feed_counts(lambda: engine(), doors)) == {"hl7_http", "json_http"}
