"""Alert figures by unit, held against a count by hand over the same rows; and without rows, no number is made up."""

import math
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from copy_rows import ANN, BOB
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from nightlamp import errors
from nightlamp.figures import Gauges, router
from nightlamp.figures.alerts import NO_UNITS, NONE_JUDGED, as_json, burdens, together
from nightlamp.identity.roles import Principal, Role
from nightlamp.observe.metrics import RouteCollector
from nightlamp.settings import Database, Decode, Figures, Settings
from nightlamp.store import Store

T0 = datetime(2026, 3, 1, tzinfo=UTC)
NOW = T0 + timedelta(days=30)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ICU = Figures(outcome_units=["ICU"])
PLAIN = Figures()
OPENED, CLEARED, ACKNOWLEDGED, SNOOZED, ESCALATED, EXPIRED = 1, 2, 3, 4, 6, 8


async def _alert(
    sql: asyncpg.Connection,
    number: int,
    at: datetime,
    *steps: tuple[int, timedelta],
    unit: str | None = "ward",
    severity: int = 3,
    patient: UUID | None = ANN,
    held: bool = False,
) -> None:
    """An alert with its steps, each so long after the opening."""
    for ordinal, (kind, after) in enumerate([(OPENED, timedelta(0)), *steps]):
        await sql.execute(
            "INSERT INTO alert_events (seq, alert_id, at, value, patient_id, ordinal, kind, severity, unit, bed, rule, "
            "model, version, reason, contributions, held) "
            "VALUES ($1, $2, $3, 7, $4, $5, $6, $7, $8, '1', 'news2-high', 'news2', '1', 'why', '[]', $9)",
            *(number, number << 16, at + after, patient, ordinal, kind, severity, unit, held),
        )


async def _stay(
    sql: asyncpg.Connection,
    unit: str,
    since: datetime,
    until: datetime | None,
    *,
    patient: UUID = ANN,
    bed: str = "1",
    cancelled: bool = False,
) -> None:
    await sql.execute(
        "INSERT INTO patients VALUES ($1, $2, $2) ON CONFLICT DO NOTHING",
        *(patient, since),
    )
    await sql.execute(
        "INSERT INTO bed_stays (patient_id, unit, bed, started_at, ended_at, started_seq, cancelled) "
        "VALUES ($1, $2, $3, $4, $5, 1, $6)",
        *(patient, unit, bed, since, until, cancelled),
    )


async def test_alerts_are_counted_by_the_days_that_beds_were_taken(store: Store, sql: asyncpg.Connection) -> None:
    await _stay(sql, "ward", T0 - DAY, T0 + DAY)  # one day of the time asked for
    await _stay(sql, "ward", T0 + DAY, None, patient=BOB, bed="2")  # to the end of it
    await _stay(sql, "ward", T0, T0 + DAY, patient=BOB, bed="3", cancelled=True)
    await _stay(sql, "quiet", T0, T0 + 2 * DAY, bed="9")
    for number, severity in enumerate([3, 3, 2, 1, 0], 1):
        await _alert(sql, number, T0 + number * HOUR, severity=severity)
    await _alert(sql, 6, T0 - HOUR)
    await _alert(sql, 7, T0 + 4 * DAY)
    ward, quiet = (await burdens(store.reader, PLAIN, T0, T0 + 4 * DAY, now=NOW))[::-1]
    assert (ward.unit, ward.patient_days, ward.alerts, ward.technical) == ("ward", 4.0, 4, 1)
    assert (ward.high, ward.medium, ward.low, ward.per_patient_day) == (2, 1, 1, 1.0)
    assert (quiet.unit, quiet.patient_days, quiet.alerts, quiet.per_patient_day) == ("quiet", 2.0, 0, 0.0)
    total = together([ward, quiet])
    assert (total.alerts, total.patient_days) == (4, 6.0)


async def test_shares_and_times_to_acknowledgement(store: Store, sql: asyncpg.Connection) -> None:
    minutes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 60]
    for number, after in enumerate(minutes, 1):
        steps = [(ACKNOWLEDGED, timedelta(minutes=after)), (ACKNOWLEDGED, timedelta(hours=5))]
        await _alert(sql, number, T0, *steps, held=number == 1)
    await _alert(sql, 11, T0, (SNOOZED, HOUR), (ESCALATED, 2 * HOUR), (ESCALATED, 3 * HOUR), (EXPIRED, 4 * HOUR))
    await _alert(sql, 12, T0, (CLEARED, HOUR), severity=0)
    (ward,) = await burdens(store.reader, PLAIN, T0, T0 + DAY, now=NOW)
    told = as_json(ward, PLAIN)
    assert told["acknowledged_after_s"] == {"median": 300.0, "p90": 540.0}
    assert told["counts"] == {"held": 1, "acknowledged": 10, "snoozed": 1, "escalated": 1, "expired": 1, "cleared": 0}
    assert told["shares"]["acknowledged"] == pytest.approx(10 / 11)
    assert told["shares"]["expired"] == pytest.approx(1 / 11)
    assert told["per_patient_day"] is None


async def test_an_alert_is_right_where_a_move_to_higher_care_followed_in_time(
    store: Store, sql: asyncpg.Connection
) -> None:
    await _stay(sql, "ward", T0 - DAY, T0 + 10 * HOUR)
    await _stay(sql, "ICU", T0 + 10 * HOUR, None)
    await _stay(sql, "ward", T0, None, patient=BOB, bed="2")
    await _stay(sql, "ICU", T0 + HOUR, T0 + 2 * HOUR, patient=BOB, bed="8", cancelled=True)
    await _alert(sql, 1, T0)  # followed
    await _alert(sql, 2, T0 + 11 * HOUR, unit="ICU")  # where nobody can be moved up
    await _alert(sql, 3, T0 - DAY)  # too early
    await _alert(sql, 4, T0, patient=BOB)  # not followed
    await _alert(sql, 5, NOW - HOUR, patient=BOB)  # not known yet
    await _alert(sql, 6, T0, patient=None, severity=0, unit=None)  # about nobody
    found = {one.unit: one for one in await burdens(store.reader, ICU, T0 - 2 * DAY, NOW, now=NOW)}
    assert (found["ward"].followed, found["ward"].judged, found["ward"].ppv) == (1, 3, pytest.approx(1 / 3))
    assert (found["ICU"].judged, found["ICU"].ppv) == (0, None)
    assert (found[""].technical, found[""].alerts) == (1, 0)


async def test_a_young_alert_is_not_judged_by_the_outcome_that_came_early(
    store: Store, sql: asyncpg.Connection
) -> None:
    """Of 20 young alerts two were followed: judged alone they would make it 100 %. Of 20 old ones two as well."""
    for number in range(1, 41):
        patient, at = UUID(int=number), NOW - (2 * DAY if number > 20 else HOUR)
        await _alert(sql, number, at, patient=patient)
        if number % 10 == 0:
            await _stay(sql, "ICU", at + HOUR / 2, None, patient=patient, bed=str(number))
    (_, ward) = await burdens(store.reader, ICU, NOW - 7 * DAY, NOW, now=NOW)
    assert (ward.alerts, ward.followed, ward.judged, ward.ppv) == (40, 2, 20, 0.1)


async def test_days_that_are_still_to_come_are_no_patient_days(store: Store, sql: asyncpg.Connection) -> None:
    await _stay(sql, "ward", NOW - DAY, None)
    await _stay(sql, "ward", NOW + DAY, None, patient=BOB, bed="2")
    found = await burdens(store.reader, PLAIN, NOW - 2 * DAY, NOW + 90 * DAY, now=NOW)
    assert [(one.unit, one.patient_days) for one in found] == [("ward", 1.0)]
    assert await burdens(store.reader, PLAIN, NOW + DAY, NOW + 2 * DAY, now=NOW) == []


async def test_a_merged_record_is_followed_under_the_name_of_its_survivor(
    store: Store, sql: asyncpg.Connection
) -> None:
    await _alert(sql, 1, T0, patient=BOB)
    await _stay(sql, "ICU", T0 + HOUR, None)
    await sql.execute("INSERT INTO former_records VALUES ($1, $2, 1)", BOB, ANN)
    found = {one.unit: one for one in await burdens(store.reader, ICU, T0, T0 + DAY, now=NOW)}
    assert found["ward"].ppv == 1.0


async def test_without_outcomes_there_is_no_predictive_value_and_the_reason_is_said(
    store: Store, sql: asyncpg.Connection
) -> None:
    await _alert(sql, 1, NOW - HOUR)
    (unnamed,) = await burdens(store.reader, PLAIN, T0, NOW, now=NOW)
    (early,) = await burdens(store.reader, ICU, T0, NOW, now=NOW)
    assert as_json(unnamed, PLAIN)["ppv"] == {"value": None, "followed": 0, "judged": 0, "why_not": NO_UNITS}
    assert as_json(early, ICU)["ppv"]["why_not"] == NONE_JUDGED
    assert await burdens(store.reader, ICU, T0, T0 + DAY, now=NOW) == []


async def test_a_unit_that_may_not_be_seen_is_not_in_the_figures(store: Store, sql: asyncpg.Connection) -> None:
    for number, unit in enumerate(["a", "b", "c"], 1):
        await _alert(sql, number, T0, unit=unit)
        await _stay(sql, unit, T0, T0 + DAY, bed=unit)

    async def units(**asked: Any) -> list[str]:
        return [one.unit for one in await burdens(store.reader, PLAIN, T0, NOW, now=NOW, **asked)]

    assert await units() == ["a", "b", "c"]
    assert await units(units=["b", "c"]) == ["b", "c"]
    assert await units(units=["b", "c"], unit="a") == []
    assert await units(unit="c") == ["c"]


@pytest.mark.parametrize("seed", range(3))
async def test_figures_equal_a_count_by_hand(store: Store, sql: asyncpg.Connection, seed: int) -> None:
    dice, units = random.Random(seed), ["a", "b"]
    made = []
    for number in range(1, 41):
        kinds = sorted(dice.sample([ACKNOWLEDGED, SNOOZED, ESCALATED, EXPIRED, CLEARED], dice.randint(0, 4)))
        steps = [(kind, timedelta(seconds=dice.randint(1, 10_000))) for kind in kinds]
        severity, unit, at = dice.randint(0, 3), dice.choice(units), T0 + dice.randint(-24, 72) * HOUR
        await _alert(sql, number, at, *steps, unit=unit, severity=severity)
        made.append((at, unit, severity, dict(steps)))
    for found in await burdens(store.reader, PLAIN, T0, T0 + 2 * DAY, now=NOW):
        mine = [one for one in made if one[1] == found.unit and T0 <= one[0] < T0 + 2 * DAY]
        about = [steps for _, _, severity, steps in mine if severity > 0]
        assert found.alerts == len(about)
        assert found.technical == len(mine) - len(about)
        kinds = {"acknowledged": ACKNOWLEDGED, "snoozed": SNOOZED, "escalated": ESCALATED, "expired": EXPIRED}
        for name, kind in kinds.items():
            assert getattr(found, name) == sum(kind in steps for steps in about)
        times = sorted(steps[ACKNOWLEDGED].total_seconds() for steps in about if ACKNOWLEDGED in steps)
        assert found.answered(0.9) == (times[math.ceil(0.9 * len(times)) - 1] if times else None)


async def test_prometheus_shows_the_last_day_and_nothing_where_there_is_no_number(
    store: Store, sql: asyncpg.Connection
) -> None:
    await _stay(sql, "ward", NOW - 2 * DAY, None)
    await _alert(sql, 1, NOW - HOUR, (ACKNOWLEDGED, timedelta(minutes=2)))
    await _alert(sql, 2, NOW - 3 * DAY)
    gauges = Gauges(store.reader, Settings(figures=PLAIN))
    await gauges.ask(NOW)
    registry = CollectorRegistry()
    registry.register(RouteCollector([gauges.metrics]))
    text = generate_latest(registry).decode()
    assert 'nightlamp_alerts_24h_alerts{unit="ward"} 1.0' in text
    assert 'nightlamp_alerts_24h_alerts_per_patient_day{unit="ward"} 1.0' in text
    assert 'nightlamp_alerts_24h_acknowledged_after_median_seconds{unit="ward"} 120.0' in text
    assert "positive_predictive_value{" not in text


async def test_figures_are_no_longer_told_once_the_database_has_not_answered_twice_running(
    store: Store, sql: asyncpg.Connection
) -> None:
    """A gauge that stands still looks like a quiet ward."""
    await _alert(sql, 1, NOW - HOUR)
    gauges = Gauges(store.reader, Settings(figures=ICU))

    async def missed() -> tuple[int, int]:
        await sql.execute("ALTER TABLE alert_events RENAME TO away")
        await gauges.ask(NOW)
        await sql.execute("ALTER TABLE away RENAME TO alert_events")
        told = gauges.metrics()["alerts_24h"]
        return len(told["alerts"].values), told["failures_total"]

    await gauges.ask(NOW)
    assert await missed() == (1, 1), "once is no outage"
    await gauges.ask(NOW)
    assert await missed() == (1, 2), "nor is once more, with an answer between"
    assert await missed() == (0, 3)
    await gauges.ask(NOW)
    assert gauges.metrics()["alerts_24h"]["alerts"].values == {("ward",): 1}


async def test_the_gauge_of_the_predictive_value_is_of_the_newest_alerts_that_can_be_judged(
    store: Store, sql: asyncpg.Connection
) -> None:
    for number, hours in enumerate([1, 23, 25, 30, 40, 47, 49], 1):  # outcome_h is 24: those of 25 to 47 h ago
        await _alert(sql, number, NOW - hours * HOUR, patient=UUID(int=number))
    for number, hours in ((1, 0.5), (3, 24.5), (7, 48.5)):
        await _stay(sql, "ICU", NOW - hours * HOUR, None, patient=UUID(int=number), bed=str(number))
    gauges = Gauges(store.reader, Settings(figures=ICU))
    await gauges.ask(NOW)
    told = gauges.metrics()["alerts_24h"]
    assert told["positive_predictive_value"].values[("ward",)] == 0.25
    assert told["alerts"].values[("ward",)] == 2


class Door:
    """Lets everybody in, to all units."""

    def require_any(self, *_: Any) -> Principal:
        return Principal("key", Role.NURSE, frozenset(), None)


@asynccontextmanager
async def _api(store: Store, **settings: Any) -> AsyncIterator[Callable[..., Any]]:
    app = FastAPI()
    app.state.access = Door()
    errors.install(app)
    app.include_router(router(store, Settings(**settings)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ward") as client:

        async def ask(since: datetime, until: datetime) -> httpx.Response:
            span = {"from": since.isoformat(), "to": until.isoformat()}
            return await client.get("/v1/figures/alerts", params=span)

        yield ask


async def test_where_alerts_are_forgotten_figures_begin_with_those_that_are_kept_and_say_so(
    store: Store, sql: asyncpg.Connection
) -> None:
    now = datetime.now(UTC)
    await _stay(sql, "ward", now - 100 * DAY, None)
    for number, days in enumerate(range(1, 90, 4), 1):
        await _alert(sql, number, now - days * DAY, (CLEARED, HOUR))
    async with _api(store) as ask:
        every = (await ask(now - 90 * DAY, now)).json()
        assert (every["kept_since"], datetime.fromisoformat(every["since"])) == (None, now - 90 * DAY)
        assert every["all"]["per_patient_day"] == pytest.approx(23 / 90)
    await store.forget_alerts(30 * DAY)
    async with _api(store, database=Database(alerts_keep_days=30)) as ask:
        told = (await ask(now - 90 * DAY, now)).json()
        since = datetime.fromisoformat(told["since"])
        assert told["since"] == told["kept_since"]
        assert now - 30 * DAY <= since
        assert told["all"]["patient_days"] == pytest.approx((now - since) / DAY)
        assert told["all"]["per_patient_day"] == pytest.approx(8 / 30, abs=0.01), "the burden is that of the time told"
        week = (await ask(now - 7 * DAY, now)).json()
        assert datetime.fromisoformat(week["since"]) == now - 7 * DAY
        gone = await ask(now - 90 * DAY, now - 40 * DAY)
        assert (gone.status_code, gone.json()["code"], "30 days" in gone.json()["detail"]) == (410, "forgotten", True)
    recording = {"database": Database(alerts_keep_days=30), "decode": Decode(recorded_time=True)}
    async with _api(store, **recording) as ask:  # nothing is forgotten of a recording
        assert (await ask(now - 90 * DAY, now)).json()["kept_since"] is None


@pytest.mark.parametrize(("keep_days", "value"), [(0, 0.25), (2, 0.25), (1, None)])
async def test_the_gauge_of_the_predictive_value_has_no_series_where_its_alerts_are_forgotten(
    store: Store, sql: asyncpg.Connection, keep_days: int, value: float | None
) -> None:
    for number, hours in enumerate([25, 30, 40, 47], 1):
        await _alert(sql, number, NOW - hours * HOUR, patient=UUID(int=number))
    await _stay(sql, "ICU", NOW - 24.5 * HOUR, None, patient=UUID(int=1))
    gauges = Gauges(store.reader, Settings(figures=ICU, database=Database(alerts_keep_days=keep_days)))
    await gauges.ask(NOW)
    assert gauges.metrics()["alerts_24h"]["positive_predictive_value"].values.get(("ward",)) == value
