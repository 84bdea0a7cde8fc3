"""The history of a stay over both databases: honest buckets, gaps, corrections, bounds, and who may see it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from copy_rows import ANN, BOB, T0, batch, encounter, merge, observation, score
from fastapi import FastAPI

from nightlamp import errors, history
from nightlamp.identity.roles import Permission, Principal, Role
from nightlamp.store import Store, reader

MINUTE = timedelta(minutes=1)


@dataclass
class Door:
    """An access that lets everybody in as the test says."""

    caller: Principal

    def require(self, _: Any, permission: Permission) -> Principal:
        if not self.caller.may(permission):
            raise errors.Problem(403, "forbidden", "no")
        return self.caller


@pytest.fixture
def door() -> Door:
    return Door(Principal("key", Role.NURSE, frozenset(), None))


@pytest.fixture
async def api(store: Store, door: Door) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.state = SimpleNamespace(access=door)  # type: ignore[assignment]
    errors.install(app)
    app.include_router(history.router(store))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ward") as client:
        yield client


async def ask(api: httpx.AsyncClient, minutes: int, points: int, patient: Any = ANN, **more: Any) -> Any:
    span = {"from": T0.isoformat(), "to": (T0 + minutes * MINUTE).isoformat(), "points": points}
    answer = await api.get(f"/v1/patients/{patient}/history", params=span | more)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
async def ward(store: Store) -> None:
    """Heart rates every minute of an hour, silent from 20 to 40; one of them corrected, one withdrawn."""
    at = [minute for minute in range(60) if not 20 <= minute < 40]
    values = [observation(2, ordinal=n, at=T0 + n * MINUTE, value=60.0 + n) for n in at]
    values.append(observation(3, at=T0 + 3 * MINUTE, value=160.0, status=3))
    values.append(observation(4, at=T0 + 50 * MINUTE, value=None, status=4))
    scores = [score(5, scored_at=T0 + n * MINUTE, value=float(n), ordinal=n) for n in (1, 2, 31)]
    scores.append(score(5, scored_at=T0 + 32 * MINUTE, value=float("nan"), ordinal=40))
    events = [encounter(1, 1, place="icu/4"), encounter(1, 1, patient=BOB, place="w7/1", ordinal=1)]
    seen = [{"patient_id": who, "first_seen_at": T0, "last_seen_at": T0} for who in (ANN, BOB)]
    await store.write(batch(1, 9, patients_seen=seen, encounter_events=events, observations=values, scores=scores))


@pytest.mark.usefixtures("ward")
async def test_a_bucket_says_least_largest_and_last_and_a_silence_is_a_gap(api: httpx.AsyncClient) -> None:
    told = await ask(api, 60, 6)
    assert [course["signal"] for course in told["signals"]] == ["HR"]
    (heart,) = told["signals"]
    assert heart["low"] == [60, 70, None, None, 100, 111]
    assert heart["high"] == [160, 79, None, None, 109, 119]
    assert heart["last"] == [69, 79, None, None, 109, 119]
    last_at = round((T0 + 9 * MINUTE).timestamp() * 1_000)
    assert heart["last_at_ms"][0] == last_at
    assert told["extremes"] is True
    (news2,) = told["scores"]
    assert (news2["model"], news2["last"]) == ("news2", [2, None, None, 31, None, None])


@pytest.mark.usefixtures("ward")
async def test_too_many_rows_give_the_last_of_each_bucket_and_say_so(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = await ask(api, 60, 6)
    monkeypatch.setattr(reader, "HISTORY_ROWS_MAX", 10)
    sampled = await ask(api, 60, 6)
    assert sampled["extremes"] is False
    assert sampled["signals"][0]["last"] == exact["signals"][0]["last"]
    assert sampled["signals"][0]["last_at_ms"] == exact["signals"][0]["last_at_ms"]
    assert sampled["signals"][0]["low"] == [None] * 6


@pytest.mark.usefixtures("ward")
async def test_only_the_signals_asked_for_are_told(api: httpx.AsyncClient) -> None:
    assert (await ask(api, 60, 2, signals="SBP,FiO2"))["signals"] == []
    assert len((await ask(api, 60, 2, signals="SBP,HR"))["signals"]) == 1


@pytest.mark.usefixtures("ward")
async def test_a_patient_of_two_records_is_read_as_one(api: httpx.AsyncClient, store: Store) -> None:
    joined = [observation(12, patient_id=BOB, at=T0 + 25 * MINUTE, value=99.0)]
    scored = [
        score(12, ordinal=n, patient_id=BOB, scored_at=T0 + n * MINUTE, value=v) for n, v in ((25, 8.0), (26, 5.0))
    ]
    await store.write(
        batch(
            10,
            19,
            observations=joined,
            scores=scored,
            patient_merges=[merge(13, BOB, ANN)],
            encounter_events=[encounter(13, 9, place="icu/4")],
        )
    )
    for who in (ANN, BOB):
        told = await ask(api, 60, 6, who)
        assert told["patient_id"] == str(ANN)
        assert told["signals"][0]["last"] == [69, 79, 99, None, 109, 119]
        (news2,) = told["scores"]
        assert news2["last"] == [2, None, 5, 31, None, None], "the risk course of the former record is the patient's"
        assert news2["high"] == [2, None, 8, 31, None, None]


@pytest.mark.usefixtures("ward")
async def test_who_may_not_see_the_unit_sees_no_patient_and_bounds_are_held(api: httpx.AsyncClient, door: Door) -> None:
    door.caller = Principal("key", Role.NURSE, frozenset(), frozenset({"w7"}))
    assert (await api.get(f"/v1/patients/{ANN}/history")).status_code == 404
    assert (await api.get(f"/v1/patients/{BOB}/history")).status_code == 200
    door.caller = Principal("key", Role.SRE, frozenset(), None)
    assert (await api.get(f"/v1/patients/{BOB}/history")).status_code == 403
    door.caller = Principal("key", Role.NURSE, frozenset(), None)
    for wrong in (
        {"points": 1},
        {"points": history.POINTS_MAX + 1},
        {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"},
        {"from": "2020-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"},
        {"signals": ",".join(f"S{n}" for n in range(history.SIGNALS_MAX + 1))},
    ):
        assert (await api.get(f"/v1/patients/{ANN}/history", params=wrong)).status_code == 422, wrong
