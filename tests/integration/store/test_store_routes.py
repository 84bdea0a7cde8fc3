"""The query API over both databases: ranges, pages, corrections, and who may see what."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, cast

import httpx
import orjson
import pytest
from copy_rows import ANN, BOB, T0, alert, batch, dead_letter, encounter, observation, score, snoozed
from fastapi import FastAPI, HTTPException

from nightlamp import errors
from nightlamp.alerting import router as alerting_router
from nightlamp.identity.roles import Principal
from nightlamp.store import Store, StoreBehind, router

RANGE = {"from": (T0 - timedelta(hours=1)).isoformat(), "to": (T0 + timedelta(hours=1)).isoformat()}


@dataclass
class Caller:
    """A principal that the test can change."""

    permissions: set[str]
    units: frozenset[str] | None = None

    def may(self, permission: str) -> bool:
        return permission in self.permissions

    def may_see(self, unit: str) -> bool:
        return self.units is None or unit in self.units

    may_read_alert, _may_reach = Principal.may_read_alert, Principal._may_reach


@dataclass
class Access:
    """Lets the caller do what it may."""

    caller: Caller

    def require(self, _: object, permission: str) -> Caller:
        if not self.caller.may(permission):
            raise HTTPException(403)
        return self.caller

    def require_any(self, connection: object, *permissions: str) -> Caller:
        """As `Access.require_any`."""
        return self.require(connection, next((one for one in permissions if self.caller.may(one)), permissions[0]))


@pytest.fixture
def caller() -> Caller:
    return Caller({"read", "read_identity"})


@pytest.fixture
async def api(store: Store, caller: Caller) -> AsyncIterator[httpx.AsyncClient]:
    def require(permission: str) -> Callable[[], Awaitable[Caller]]:
        async def dependency() -> Caller:
            if not caller.may(permission):
                raise HTTPException(403)
            return caller

        return dependency

    app = FastAPI()
    app.state.access = Access(caller)
    app.include_router(router(store, require))
    app.include_router(alerting_router(store, actions=cast(Any, None)))
    errors.install(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ward") as client:
        yield client


async def _get(api: httpx.AsyncClient, path: str, **query: Any) -> dict[str, Any]:
    answer = await api.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def _all_pages(api: httpx.AsyncClient, path: str, limit: int, **query: Any) -> list[dict[str, Any]]:
    items, cursor = [], {}
    for _ in range(1000):
        page = await _get(api, path, limit=limit, **query, **cursor)
        assert len(page["items"]) <= limit
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = {"cursor": page["next_cursor"]}
    raise AssertionError("pages without end")


@pytest.fixture
async def ward(store: Store) -> None:
    """Ann in the ICU with values, corrections, scores and alerts; Bob came to ward 7 and left."""
    minute = timedelta(minutes=1)
    values = [observation(2, ordinal=n, signal=1 + n % 3, at=T0 - n // 3 * minute, value=float(n)) for n in range(30)]
    await store.write(
        batch(
            1,
            9,
            encounter_events=[
                encounter(1, 1, place="icu/4", birth_day=date(1950, 1, 1), sex="F"),
                encounter(2, 1, patient=BOB, place="w7/1"),
                encounter(9, 3, patient=BOB),
            ],
            observations=[
                *values,
                observation(3, signal=1, value=77.0, status=3),  # corrects the newest HR
                observation(4, signal=2, value=None, status=4),  # withdraws the newest SBP
                observation(5, patient_id=BOB, value=1.0),
            ],
            scores=[score(n, ordinal=o, features=[1.5, float("nan")]) for n in range(3, 8) for o in range(2)],
            alert_events=[
                alert(3, 3 << 16, 1),
                alert(4, 4 << 16, 1, unit="w7", patient_id=BOB),
                snoozed(5, 3 << 16),
                alert(6, 3 << 16, 2),
            ],
            dead_letters=[dead_letter(5), dead_letter(5, ordinal=3, raw=None), dead_letter(8, reason="unknown_code")],
            dead_letter_replays=[{"seq": 5, "replayed_seq": 9, "replayed_at": T0}],
        )
    )


pytestmark = pytest.mark.usefixtures("ward")


async def test_the_ward_lists_who_is_there_with_names_only_for_those_who_may(
    api: httpx.AsyncClient, caller: Caller
) -> None:
    (ann,) = (await _get(api, "/v1/patients"))["items"]
    assert (ann["patient_id"], ann["unit"], ann["bed"], ann["sex"]) == (str(ANN), "icu", "4", "F")
    assert ann["identity"]["given"] == "Ann"
    assert ann["identity"]["birth_date"] == "1950-01-01"
    caller.permissions.discard("read_identity")
    answer = await api.get("/v1/patients")
    assert answer.json()["items"][0]["identity"] is None
    assert not any(word in answer.text for word in ("Ann", "Äß", "id-0001", "1950"))


async def test_who_left_is_listed_when_asked_for(api: httpx.AsyncClient) -> None:
    both = await _all_pages(api, "/v1/patients", 1, gone=True)
    assert [one["patient_id"] for one in both] == sorted([str(ANN), str(BOB)])
    assert {one["unit"] for one in both} == {"icu", None}


async def test_nobody_reads_without_permission(api: httpx.AsyncClient, caller: Caller) -> None:
    caller.permissions.clear()
    paths = [
        "/v1/patients",
        "/v1/alerts",
        *(f"/v1/patients/{ANN}/{kind}" for kind in ("observations", "scores", "alerts")),
    ]
    assert {(await api.get(path)).status_code for path in paths} == {403}


async def test_a_caller_of_one_unit_sees_no_other(api: httpx.AsyncClient, caller: Caller) -> None:
    caller.units = frozenset({"w7"})
    assert (await _get(api, "/v1/patients"))["items"] == []
    assert [one["unit"] for one in (await _get(api, "/v1/alerts"))["items"]] == ["w7"]
    hidden = await api.get(f"/v1/patients/{ANN}/observations")
    unknown = await api.get("/v1/patients/00000000-0000-0000-0000-000000000000/observations")
    assert (hidden.status_code, hidden.json()) == (unknown.status_code, unknown.json())
    assert hidden.status_code == 404
    assert len((await _get(api, f"/v1/patients/{BOB}/observations", **RANGE))["items"]) == 1


@pytest.mark.parametrize("limit", [1, 4, 29, 100])
async def test_pages_of_any_size_give_every_current_value_once_newest_first(api: httpx.AsyncClient, limit: int) -> None:
    items = await _all_pages(api, f"/v1/patients/{ANN}/observations", limit, **RANGE)
    assert len(items) == 29
    keys = [(one["observed_at"], one["signal"]) for one in items]
    assert len(set(keys)) == 29
    assert [at for at, _ in keys] == sorted((at for at, _ in keys), reverse=True)
    newest = {one["signal"]: one for one in items if one["observed_at"].startswith("2026-11-21T03:12")}
    assert (newest["HR"]["value"], newest["HR"]["status"], newest["HR"]["unit"]) == (77.0, "corrected", "/min")
    assert "SBP" not in newest


async def test_signals_and_times_narrow_the_answer(api: httpx.AsyncClient) -> None:
    path = f"/v1/patients/{ANN}/observations"
    some = await _get(api, path, signal=["HR", "FiO2"], **RANGE)
    assert {one["signal"] for one in some["items"]} == {"HR", "FiO2"}
    bounds = {"from": (T0 - timedelta(minutes=3)).isoformat(), "to": T0.isoformat()}
    times = {one["observed_at"][14:16] for one in (await _get(api, path, **bounds))["items"]}
    assert times == {"09", "10", "11"}, "from inclusive, to exclusive"
    assert (await _get(api, path, signal="nothing", **RANGE))["items"] == []


async def test_scores_carry_their_inputs_and_missing_ones_are_null(api: httpx.AsyncClient) -> None:
    items = await _all_pages(api, f"/v1/patients/{ANN}/scores", 3, features=True, **RANGE)
    assert [(one["seq"], one["ordinal"]) for one in items] == [(str(n), o) for n in range(7, 2, -1) for o in (1, 0)]
    assert items[0]["features"] == [1.5, None]
    assert items[0]["inputs"][:2] == [
        {"signal": "HR", "value": 131.0, "age_s": 2.5, "points": 3},
        {"signal": "SBP", "value": None, "age_s": None, "points": None},
    ]
    assert (await _get(api, f"/v1/patients/{ANN}/scores", **RANGE))["items"][0]["features"] is None
    assert (await _get(api, f"/v1/patients/{ANN}/scores", model="sepsis", **RANGE))["items"] == []


async def test_alerts_show_their_present_state(api: httpx.AsyncClient) -> None:
    second, first = await _all_pages(api, "/v1/alerts", 1)
    assert (first["state"], first["alert_id"], first["severity"]) == ("cleared", str(3 << 16), "high")
    assert first["cleared_at"] > first["opened_at"]
    assert first["contributions"][1] == {"feature": 'odd "name"', "value": None, "share": 0.5}
    assert (second["state"], second["cleared_at"]) == ("open", None)
    assert [one["unit"] for one in (await _get(api, "/v1/alerts", open=True))["items"]] == ["w7"]
    assert [one["unit"] for one in (await _get(api, "/v1/alerts", unit="icu"))["items"]] == ["icu"]
    assert len((await _get(api, f"/v1/patients/{ANN}/alerts"))["items"]) == 1


async def test_what_is_not_cleared_comes_first_with_the_steps_of_its_life(api: httpx.AsyncClient, store: Store) -> None:
    """Ann's alert was opened first, snoozed and cleared; then two of its kind opened and stayed."""
    steps = [
        alert(10, 10 << 16, 1),
        alert(11, 11 << 16, 1, patient_id=None, unit=None, bed=None),
        snoozed(12, 10 << 16),
    ]
    raised = alert(13, 10 << 16, 9, rule="news2-very-high", reason="NEWS2 9 >= 9")
    await store.write(batch(10, 14, alert_events=[*steps, raised, snoozed(14, 10 << 16)]))
    shown = await _all_pages(api, "/v1/alerts", 1)
    assert [int(one["alert_id"]) >> 16 for one in shown] == [11, 10, 4, 3]
    assert [one["state"] for one in shown] == ["open", "snoozed", "open", "cleared"]
    feed, one = shown[:2]
    assert (feed["patient_id"], feed["unit"]) == (None, None)
    assert [step["kind"] for step in one["history"]] == ["opened", "snoozed", "raised", "snoozed"]
    assert (one["by"], one["role"], one["note"], one["level"]) == ("k1", "nurse", "CT", 2)
    assert one["reason"] == "NEWS2 9 >= 9", "of the newest raise"
    states = {
        state: await _get(api, "/v1/alerts", state=state) for state in ("snoozed", "cleared", "active", "expired")
    }
    found = {state: [int(one["alert_id"]) >> 16 for one in page["items"]] for state, page in states.items()}
    assert found == {"snoozed": [10], "cleared": [3], "active": [11, 10, 4], "expired": []}
    assert len((await _get(api, "/v1/alerts", patient=str(ANN)))["items"]) == 2
    assert (await _get(api, f"/v1/alerts/{10 << 16}"))["history"] == one["history"]
    assert (await api.get("/v1/alerts/7")).status_code == 404
    await store.write(batch(15, 15, alert_events=[alert(15, 11 << 16, 2, patient_id=None, unit=None, bed=None)]))
    for state, loose in (("active", []), ("cleared", [11]), (None, [11])):
        page = await _get(api, "/v1/alerts", patient="none", **({"state": state} if state else {}))
        assert [int(one["alert_id"]) >> 16 for one in page["items"]] == loose
    assert (await api.get("/v1/alerts", params={"patient": "nobody"})).status_code == 422


async def test_what_people_wrote_is_blank_for_who_may_see_no_names(
    api: httpx.AsyncClient, store: Store, caller: Caller
) -> None:
    await store.write(batch(10, 12, alert_events=[alert(10, 10 << 16, 1), snoozed(11, 10 << 16)]))
    paths = ("/v1/alerts", f"/v1/alerts/{10 << 16}", f"/v1/patients/{ANN}/alerts")
    assert ['"note":"CT"' in (await api.get(path)).text for path in paths] == [True] * 3
    caller.permissions.remove("read_identity")
    for path in paths:
        answer = await api.get(path)
        assert (answer.status_code, '"note":"CT"' in answer.text) == (200, False)
        assert '"note":""' in answer.text


@pytest.mark.parametrize("cursor", ["", "x", "1", "1.2.3.4", "9" * 99, f"{2**62}.1", "0.40000"])
async def test_a_forged_cursor_is_refused_not_an_error(api: httpx.AsyncClient, cursor: str) -> None:
    answer = await api.get(f"/v1/patients/{ANN}/observations", params={"cursor": cursor, **RANGE})
    assert answer.status_code == 422
    assert (await api.get("/v1/patients", params={"cursor": cursor})).status_code == 422


@pytest.mark.parametrize("bad", [{"to": "0001-01-01T00:00:00+14:00"}, {"from": "9999-12-31T23:00:00-14:00"}])
async def test_times_at_the_end_of_the_calendar_are_refused_not_an_error(
    api: httpx.AsyncClient, bad: dict[str, str]
) -> None:
    assert (await api.get(f"/v1/patients/{ANN}/observations", params=bad)).status_code == 422


async def test_alert_messages_resume_without_gap_or_duplicate(store: Store) -> None:
    all_of_them = await store.alert_messages(0, None, 100)
    assert [one.cursor >> 16 for one in all_of_them] == [3, 4, 5, 6]
    one_by_one, at = [], 0
    while found := await store.alert_messages(at, None, 1):
        one_by_one += found
        at = found[-1].cursor
    assert one_by_one == all_of_them
    assert [one.cursor >> 16 for one in await store.alert_messages(0, 4 << 16, 100)] == [3, 4]
    body = orjson.loads(all_of_them[0].body)
    assert (body["kind"], body["severity"], body["score"], body["id"]) == ("opened", "high", "news2", str(3 << 16))
    with pytest.raises(StoreBehind):
        await store.alert_messages(0, 10 << 16, 1)


async def test_dead_letters_are_listed_without_bytes_and_shown_with_them(store: Store) -> None:
    page = await store.reader.dead_letters(limit=2)
    assert [(one["seq"], one["ordinal"]) for one in page.items] == [(8, 2), (5, 3)]
    rest = await store.reader.dead_letters(limit=2, cursor=page.next_cursor)
    assert [(one["seq"], one["ordinal"], one["replayed_seq"]) for one in rest.items] == [(5, 2, 9)]
    assert "raw" not in rest.items[0]
    assert [one["seq"] for one in (await store.reader.dead_letters(waiting=True)).items] == [8]
    assert [one["seq"] for one in (await store.reader.dead_letters(reason="empty_bed")).items] == [5, 5]
    first, second = await store.reader.dead_letter(5)
    assert (first["raw"], second["raw"]) == (b"\x00\xff{}", None)
    assert await store.reader.dead_letter(6) == []


async def test_one_patient_is_told_with_the_stay_and_a_name_only_for_those_who_may(
    api: httpx.AsyncClient, caller: Caller
) -> None:
    ann = await _get(api, f"/v1/patients/{ANN}")
    assert (ann["unit"], ann["bed"], ann["identity"]["given"]) == ("icu", "4", "Ann")
    assert ann["admitted_at"] is not None
    assert ann["discharged_at"] is None
    assert (await _get(api, f"/v1/patients/{BOB}"))["discharged_at"] is not None
    caller.permissions.discard("read_identity")
    answer = await api.get(f"/v1/patients/{ANN}")
    assert answer.json()["identity"] is None
    assert not any(word in answer.text for word in ("Ann", "Äß", "id-0001", "1950"))
    caller.units = frozenset({"w7"})
    assert (await api.get(f"/v1/patients/{ANN}")).status_code == 404
    assert (await api.get(f"/v1/patients/{BOB}")).status_code == 200
