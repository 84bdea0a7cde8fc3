"""Metrics: nested statistics become families named by stage, counters told from gauges."""

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from nightlamp.observe.metrics import SERIES_PER_NAME_MAX, RouteCollector, engine_statistics


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


def test_the_engines_json_is_read_at_each_scrape() -> None:
    answers = iter([b'{"journal": {"bytes": 1}, "version": "x"}', b'{"journal": {"bytes": 2}}'])
    source = engine_statistics(lambda: next(answers))
    assert (source(), source()) == ({"journal": {"bytes": 1}}, {"journal": {"bytes": 2}})
