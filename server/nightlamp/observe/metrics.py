"""`/metrics`: every stage's counters in Prometheus' text format, read once a scrape from where they are kept.

Names are `nightlamp_<stage>_<what>_<unit>`; labels never hold patients (P6). Statistics are nested,
`{stage: {name: number | {label value: number} | Labelled | Buckets}}`; a name that ends in `_total` is a counter, other
numbers are gauges. Several sources may tell of one stage.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from nightlamp.identity.access import requires
from nightlamp.identity.roles import Permission, Principal

Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily
Statistics = Mapping[str, Mapping[str, Any]]
SERIES_PER_NAME_MAX = 200


@dataclass(frozen=True, slots=True)
class Buckets:
    """A histogram: `counts` has one more entry than `edges_s`, not cumulative; edges and sum in seconds."""

    edges_s: Sequence[float]
    counts: Sequence[int]
    sum_s: float

    def family(self, name: str) -> HistogramMetricFamily:
        """As Prometheus wants it: cumulative."""
        labels = [*(repr(edge) for edge in self.edges_s), "+Inf"]
        return HistogramMetricFamily(
            name, f"{_words(name)}.", list(zip(labels, accumulate(self.counts), strict=True)), self.sum_s
        )


@dataclass(frozen=True, slots=True)
class Labelled:
    """Numbers under labels of their own names; each key of `values` has one text a label."""

    labels: tuple[str, ...]
    values: Mapping[Any, int | float]


def families(statistics: Statistics) -> Iterator[Family]:
    """Metric families of nested statistics, in their order. Numbers only; anything else is left out."""
    for stage, values in statistics.items():
        for name, value in values.items():
            full = f"nightlamp_{stage}_{name}"
            make = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            if isinstance(value, Buckets):
                yield value.family(full)
            elif isinstance(value, int | float):
                yield make(full, f"{stage}: {_words(name)}.", value=value)
            elif isinstance(value, Labelled | Mapping):
                told = (
                    value if isinstance(value, Labelled) else Labelled(("kind",), {(k,): v for k, v in value.items()})
                )
                family = make(full, f"{stage}: {_words(name)}.", labels=list(told.labels))
                for key, number in list(told.values.items())[:SERIES_PER_NAME_MAX]:
                    if isinstance(number, int | float):
                        family.add_metric([str(label) for label in key], number)
                yield family


def _words(name: str) -> str:
    return name.removesuffix("_total").replace("_", " ")


class RouteCollector(Collector):
    """Collects from several sources of nested statistics."""

    def __init__(self, sources: Iterable[Callable[[], Statistics]]) -> None:
        self._sources = list(sources)

    def describe(self) -> Iterable[Family]:
        """Nothing is known before the first scrape."""
        return []

    def collect(self) -> Iterator[Family]:
        """One reading of every source."""
        for source in self._sources:
            yield from families(source())


def router(sources: Iterable[Callable[[], Statistics]]) -> APIRouter:
    """`/metrics` (permission operate)."""
    registry = CollectorRegistry()
    registry.register(RouteCollector(sources))
    routes = APIRouter(tags=["observe"])

    @routes.get("/metrics", summary="Prometheus metrics of every stage", response_class=Response)
    async def metrics(_: Annotated[Principal, Depends(requires(Permission.OPERATE))]) -> Response:
        """Text format 0.0.4."""
        return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return routes
