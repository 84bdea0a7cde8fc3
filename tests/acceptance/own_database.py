"""What a running server has counted and stored: its metrics, and the tables of its own embedded database."""

import asyncio
import re
from typing import Any

import asyncpg
from running_server import RunningServer
from waiting import until

from nightlamp.embedded.child import Account, socket_folder


def metrics(server: RunningServer) -> dict[str, float]:
    """Sums over labels, by name."""
    found: dict[str, float] = {}
    with server.client("sre") as sre:
        for name, value in re.findall(r"^(\w+)(?:\{[^}]*\})? (\S+)$", sre.get("/metrics").text, re.MULTILINE):
            found[name] = found.get(name, 0) + float(value)
    return found


def stored(server: RunningServer, query: str, within_s: float = 60) -> list[dict[str, Any]]:
    """Rows of a query over the tables themselves, once all that is durable now is stored."""
    durable = metrics(server)["nightlamp_journal_durable_seq"]
    until(lambda: metrics(server)["nightlamp_store_cursor_seq"] >= durable, within_s)

    async def ask() -> list[dict[str, Any]]:
        sockets = socket_folder(server.data_dir, Account.find())
        connection = await asyncpg.connect(host=str(sockets), port=5432, user="postgres", database="nightlamp")
        try:
            return [dict(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    return asyncio.run(ask())
