"""What a running server has stored: the tables of its own embedded database."""

import asyncio
from typing import Any

import asyncpg
from running_server import RunningServer
from waiting import until

from nightlamp.embedded.child import Account, socket_folder


def stored(server: RunningServer, query: str, within_s: float = 60) -> list[dict[str, Any]]:
    """Rows of a query over the tables themselves, once all that is durable now is stored."""
    durable = server.metrics()["nightlamp_journal_durable_seq"]
    until(lambda: server.metrics()["nightlamp_store_cursor_seq"] >= durable, within_s)

    async def ask() -> list[dict[str, Any]]:
        sockets = socket_folder(server.data_dir, Account.find())
        connection = await asyncpg.connect(host=str(sockets), port=5432, user="postgres", database="nightlamp")
        try:
            return [dict(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    return asyncio.run(ask())
