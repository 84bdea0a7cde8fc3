"""What stands open is kept beside what ever was: asked for at its own cost, told in bounded answers, kept a while."""

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import asyncpg
import httpx
import pytest
from copy_rows import alert, batch
from fastapi import FastAPI

from nightlamp.alerting import router
from nightlamp.identity.access import Access
from nightlamp.identity.roles import Permission, Principal, Role
from nightlamp.store import Store, writer
from nightlamp.store.alerts import AlertReader
from nightlamp.store.statements import sql as statement

OPENED, CLEARED, REMINDED = 1, 2, 7
ANYBODY = (None, None, None, None, None)
OPEN_NOW = "SELECT alert_id FROM alerts_open ORDER BY 1"
BY_STEPS = (
    "SELECT alert_id FROM alert_events WHERE kind = 1 "
    "EXCEPT SELECT alert_id FROM alert_events WHERE kind = 2 ORDER BY 1"
)
#: Alerts of 1,000 seconds each, all over but the newest.
MANY = (
    "INSERT INTO alert_events (seq, alert_id, at, value, patient_id, ordinal, kind, severity, unit, rule, model, "
    "version, reason, contributions) SELECT i * 10 + k, i << 16, now() - (3001 - i) * interval '1000 s', 7, "
    "md5(i::text)::uuid, 0, k, 3, 'U' || i % 40, 'n', 'n', '1', 'why', '[]' "
    "FROM generate_series(1, 3000) AS i, generate_series(1, 2) AS k WHERE k = 1 OR i < 2995"
)


class _Door:
    def require_any(self, _: object, *permissions: Permission) -> Principal:
        return Principal("k1", Role.NURSE, frozenset(), None)


@pytest.fixture
def api(store: Store) -> httpx.AsyncClient:
    app = FastAPI()
    app.state.access = cast(Access, _Door())
    app.include_router(router(store, actions=cast(Any, None)))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ward")


async def _ids(sql: asyncpg.Connection, query: str) -> list[int]:
    return [row["alert_id"] for row in await sql.fetch(query)]


@pytest.mark.parametrize("seed", range(3))
async def test_what_stands_open_is_what_opened_and_did_not_clear_however_it_was_batched(
    store: Store, sql: asyncpg.Connection, seed: int
) -> None:
    dice, seq, standing = random.Random(seed), 0, list[int]()
    for _ in range(12):
        first, rows = seq + 1, []
        for seq in range(first, first + dice.randint(1, 12)):
            if standing and dice.random() < 0.4:
                rows.append(alert(seq, standing.pop(dice.randrange(len(standing))), CLEARED))
            else:
                standing.append(seq << 16)
                rows.append(alert(seq, seq << 16, OPENED))
        await store.write(batch(first, seq, alert_events=rows))
        assert await _ids(sql, OPEN_NOW) == await _ids(sql, BY_STEPS) == sorted(standing)
    found = await AlertReader(store.reader).by_need(ANYBODY, "active", 500, None)
    assert [row["alert_id"] for row in found.items] == sorted(standing, reverse=True)


async def test_what_stands_open_is_found_without_a_look_at_what_is_over(store: Store, sql: asyncpg.Connection) -> None:
    await sql.execute(MANY)
    await sql.execute("ANALYZE")
    query = "EXPLAIN (ANALYZE, FORMAT JSON) " + statement("alerts_standing")
    for wanted, state in ((ANYBODY, None), ((None, None, ["U3"], None, None), None), (ANYBODY, "escalated")):
        (found,) = await sql.fetchrow(query, None, *wanted, state, 501, False)
        assert 0 < _rows_read(json.loads(found)[0]["Plan"]) < 200
    found = await AlertReader(store.reader).by_need(ANYBODY, "active", 3, None)
    rest = await AlertReader(store.reader).by_need(ANYBODY, "active", 500, found.next_cursor)
    assert [row["alert_id"] >> 16 for row in found.items + rest.items] == list(range(3000, 2994, -1))


def _rows_read(plan: dict[str, Any]) -> float:
    """Of alert_events, over all of a plan."""
    own = 0.0
    if plan.get("Relation Name") == "alert_events":
        own = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    return own + sum(map(_rows_read, plan.get("Plans", ())))


async def test_p5_an_answer_holds_the_newest_steps_of_an_alert_or_none_and_says_so(
    api: httpx.AsyncClient, store: Store
) -> None:
    reminded = [alert(seq, 1 << 16, REMINDED) for seq in range(2, 301)]
    await store.write(batch(1, 400, alert_events=[alert(1, 1 << 16, OPENED), *reminded, alert(350, 350 << 16, OPENED)]))
    async with api:
        short, long = (await api.get("/v1/alerts")).raise_for_status().json()["items"]
        bare = (await api.get("/v1/alerts", params={"history": False})).raise_for_status().json()["items"]
        alone = (await api.get(f"/v1/alerts/{1 << 16}")).raise_for_status().json()
    assert (len(short["history"]), short["history_cut"]) == (1, False)
    assert [step["seq"] for step in long["history"]] == [str(seq) for seq in range(101, 301)]
    assert long["history_cut"] is True
    assert [(one["history"], one["history_cut"]) for one in bare] == [(None, False)] * 2
    assert bare[1] | {"history": alone["history"]} == alone
    assert len(alone["history"]) == 300


async def test_p5_alerts_and_messages_are_kept_as_long_as_the_settings_say_and_what_stands_open_for_ever(
    store: Store, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "FORGET_MAX", 2)
    now = datetime.now(UTC)
    for number, days in enumerate([40, 39, 38, 37, 36, 29, 1], 1):
        opened = alert(2 * number - 1, number, OPENED, at=now - timedelta(days=50))
        cleared = alert(2 * number, number, CLEARED, at=now - timedelta(days=days))
        await store.write(batch(2 * number - 1, 2 * number, alert_events=[opened, cleared]))
        await sql.execute(
            "INSERT INTO notification_deliveries "
            "VALUES ($1, 0, 'ward', $2, $3, 'high', 'cleared', 1, 'failed', 'x', $3)",
            *(2 * number, number, now - timedelta(days=days)),
        )
    await store.write(batch(15, 15, alert_events=[alert(15, 99, OPENED, at=now - timedelta(days=99))]))
    assert await store.forget_alerts(timedelta(days=30)) == (5, 5)
    assert await _ids(sql, "SELECT DISTINCT alert_id FROM alert_events ORDER BY 1") == [6, 7, 99]
    assert await _ids(sql, "SELECT alert_id FROM notification_deliveries ORDER BY 1") == [6, 7]
    assert await store.forget_alerts(timedelta(days=30)) == (0, 0)
