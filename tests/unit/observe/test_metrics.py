"""Metrics: nested statistics become families named by stage, counters told from gauges."""

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from nightlamp.observe.engine_figures import by_stage
from nightlamp.observe.metrics import SERIES_PER_NAME_MAX, RouteCollector


def _scrape(statistics: dict[str, dict[str, object]]) -> dict[str, object]:
    registry = CollectorRegistry()
    registry.register(RouteCollector([lambda: statistics]))
    text = generate_latest(registry).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def test_counters_gauges_and_labels() -> None:
    found = _scrape(
        {"journal": {"frames_total": 3, "bytes": 5, "refused_total": {"journal_full": 1, "overloaded": 0}, "note": "x"}}
    )
    assert found["nightlamp_journal_frames"].type == "counter"
    assert found["nightlamp_journal_bytes"].type == "gauge"
    samples = {s.labels["kind"]: s.value for s in found["nightlamp_journal_refused"].samples}
    assert samples == {"journal_full": 1, "overloaded": 0}
    assert set(found) == {"nightlamp_journal_frames", "nightlamp_journal_bytes", "nightlamp_journal_refused"}


def test_one_name_has_a_bounded_number_of_series() -> None:
    found = _scrape({"decode": {"dead_total": {str(n): n for n in range(1_000)}}})
    assert len(found["nightlamp_decode_dead"].samples) == SERIES_PER_NAME_MAX


def test_the_engines_figures_become_counters_gauges_and_a_histogram() -> None:
    found = _scrape(
        by_stage(
            {
                "receive": {"mqtt_listener": {"inlet": {"publishes": 4, "held": 1}}, "mqtt_brokers": []},
                "journal": {
                    "frames": 3,
                    "durable_seq": 9,
                    "sync_buckets_us": [100, 1_000],
                    "sync_buckets": [1, 2, 3],
                    "sync_us_sum": 5_000,
                    "error": None,
                },
                "pipeline": {"frames": 3},
                "gauges": {"patients": 2},
                "ever": {"frames_received": 8},
                "lag": {"frames": 0, "head_age_ms": 7},
                "failed": "panic",
            }
        )
    )
    assert found["nightlamp_receive_mqtt_publishes"].type == "counter"
    assert found["nightlamp_receive_mqtt_held"].type == "gauge"
    assert found["nightlamp_journal_durable_seq"].samples[0].value == 9
    assert found["nightlamp_journal_up"].samples[0].value == 1
    assert found["nightlamp_pipeline_up"].samples[0].value == 0
    assert found["nightlamp_pipeline_patients"].samples[0].value == 2
    assert found["nightlamp_pipeline_ever_frames_received"].type == "gauge"
    buckets = {s.labels["le"]: s.value for s in found["nightlamp_journal_sync_seconds"].samples if "le" in s.labels}
    assert buckets == {"0.0001": 1, "0.001": 3, "+Inf": 6}
