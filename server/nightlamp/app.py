"""The one place that wires. Parts start in the order of the route and stop in reverse, drained, within 10 s.

data folder, journal -> PostgreSQL, Redis -> schema -> engine and pipeline -> HTTP door     (stop: from right to left)

Settings that the engine refuses end the start before anything else has been made or claimed.
"""

import asyncio
import contextlib
import gc
import json
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI

from nightlamp import bundles, endings, http_app, open_files, supervision, tasks
from nightlamp._core import Decoder, Engine, HL7Door, catalogue
from nightlamp.ahead import Ahead, open_folder
from nightlamp.alerting import Actions
from nightlamp.as_of import AsOf
from nightlamp.beginning import Beginning
from nightlamp.embedded.keeper import Keeper, Part
from nightlamp.embedded.postgresql import EmbeddedPostgresql
from nightlamp.embedded.redis import EmbeddedRedis
from nightlamp.figures import Gauges
from nightlamp.http_app import Parts
from nightlamp.http_line import LineLimits, bounded
from nightlamp.identity.access import Access
from nightlamp.identity.data_folder import DataFolder
from nightlamp.identity.keys import KeyFile, KeyFileError
from nightlamp.identity.sessions import Sessions
from nightlamp.notify import Service
from nightlamp.observe.feeds import Feeds, feed_counts
from nightlamp.pipeline import Pipeline
from nightlamp.policy_simulation.service import Simulations
from nightlamp.publish import AlertEntry, AlertHistory, HistoryBehind, Hub, RedisChannels
from nightlamp.publish.line import framed
from nightlamp.receive.direct import Direct
from nightlamp.receive.door import Door, DoorCounts
from nightlamp.receive.receipts import Receipts
from nightlamp.settings import Database, Settings
from nightlamp.spool import Lane
from nightlamp.store import Store, StoreError

_log = structlog.get_logger("nightlamp.app")
STOP_S_MAX = 10.0
HTTP_STOP_S = 3
#: For the engine's threads; what is left of STOP_S_MAX afterwards is for storing.
ENGINE_STOP_S_MAX = 6.0
#: How long a start waits for a data folder that a backup, or the server before, still has.
FOLDER_WAIT_S_MAX = 30.0
KEYS_EVERY_S, KEYS_USED_EVERY_S, MAINTAIN_EVERY_S = 1.0, 60.0, 3_600.0
COLLECT_AFTER_S = 0.02
Ready = Callable[[str, int | None], None]


async def run(settings: Settings, ready: Ready, begun: Ahead) -> None:
    """Run a server until SIGINT or SIGTERM.

    `ready` is told its address and MQTT port once every part works. `begun`: how far the start is.

    Raises `StartError`, `ConfigurationError`, `DataFolderError`, `KeyFileError` or `EmbeddedError`; `endings.Ended`
    when it ends by itself.
    """
    open_files.make_room(settings.http.concurrency_max + 2 * settings.limits.mqtt_connections_max)
    stop = asyncio.Event()
    for wanted in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(wanted, stop.set)
    with contextlib.closing(begun.listener) as listener:
        async with AsyncExitStack() as stack:
            starting = asyncio.create_task(_start(settings, begun, stack))
            await _first(stop, starting)
            if not starting.done():
                starting.cancel()
                await asyncio.gather(starting, return_exceptions=True)
                return
            parts, folder, later = starting.result()
            url = f"{'https' if settings.http.tls else 'http'}://{_host(settings)}:{listener.getsockname()[1]}"
            async with _http(settings, http_app.build(parts), Direct(parts.door), listener) as finished:
                folder.announce(url, parts.engine.mqtt_port())
                stack.callback(folder.withdraw)
                # What is here now stays: a full collection need not walk through modules and code for tens of ms.
                gc.freeze()
                _log.info("ready", http=url, mqtt_port=parts.engine.mqtt_port())
                ready(url, parts.engine.mqtt_port())
                if later is not None:
                    begins = asyncio.create_task(_begin(later, folder, parts.engine, url), name="begin")
                    stack.push_async_callback(tasks.end, begins)
                    await endings.over(
                        stop, finished, parts.door.receipts.failed, parts.hung, parts.tasks.ended, begins
                    )
                else:
                    await endings.over(stop, finished, parts.door.receipts.failed, parts.hung, parts.tasks.ended)
        _log.info("stopped")


async def _begin(beginning: Beginning, folder: DataFolder, engine: Engine, url: str) -> None:
    """The route begins when the database answers; then the MQTT doors are open, and their port is known."""
    await beginning.later()
    folder.announce(url, engine.mqtt_port())


async def _start(settings: Settings, begun: Ahead, stack: AsyncExitStack) -> tuple[Parts, DataFolder, Beginning | None]:
    """All parts but the HTTP server, and the beginning that is to be waited for; `stack` stops them in reverse."""
    if begun.opened is not None:
        opened = await asyncio.wrap_future(begun.opened)
    else:
        waited_for = DataFolder(settings.data_dir)
        await waited_for.lock_within(FOLDER_WAIT_S_MAX)
        opened = await asyncio.to_thread(open_folder, settings, waited_for)
    folder, keys, journal, engine = opened.folder, opened.keys, opened.journal, opened.engine
    notify = await asyncio.to_thread(Service, settings)
    database_url, redis_url = await _neighbours(settings, folder, begun.cluster, stack)

    store = await Store.connect(database_url)
    stack.push_async_callback(store.close)
    engine.set_credentials(keys.mqtt_credentials())
    recorded = settings.decode.recorded_time
    if recorded:
        _log.warning("replaying a recording: frames count by the time their messages say; not for a live ward")
    hub = Hub(journal, history=_history(store), recorded_time=recorded)
    lane = Lane(folder.spool, settings.lane.memory_bytes_max, settings.lane.spool_bytes_max)
    pipeline = Pipeline(engine, hub, store, lane)
    stack.push_async_callback(_drain, engine, pipeline)
    beginning = Beginning(store, engine, pipeline, journal, _signals(), _scorers(engine))
    used_before = bool(settings.database.url.get_secret_value()) and engine.durable_seq() > 0
    has_begun = await beginning.now_or_later(patient=used_before)

    channels = RedisChannels(redis_url, limits=hub.limits, stats=hub.stats)
    hub.taps.append(channels.put)
    receipts = Receipts(engine, settings.http.receipts_max, settings.http.receipt_timeout_s)
    receipts.start()
    stack.callback(receipts.stop)
    actions = Actions(engine, receipts)
    notifier = notify.begin(database_url, store.alert_messages, actions.channel)
    if notifier is not None:
        hub.taps.append(notifier.put)
    hung: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    lasting = tasks.Tasks()
    lasting.start(stack, "supervision", supervision.watch(engine, hung))
    lasting.start(stack, "redis", channels.run())
    if notifier is not None:
        lasting.start(stack, "notify", notifier.run())
        lasting.start(stack, "reach", notify.reach.watch(engine.policy))
    else:
        lasting.start(stack, "notify", notify.farewell(database_url, actions.channel))
    lasting.start(stack, "keys", _watch_keys(keys, engine))
    lasting.start(stack, "partitions", _maintain(store, settings.database, recorded))
    figures = Gauges(store.reader, settings)
    lasting.start(stack, "figures", figures.run())
    access = Access(keys, _sessions(settings, folder))
    decoder = Decoder(settings.decoder_config(opened.site_key))
    http = settings.http
    frame_bytes_max, body_timeout_s = settings.limits.frame_bytes_max, http.body_timeout_s
    deliveries = engine.deliveries()
    hl7 = HL7Door(engine, decoder, deliveries)
    door = Door(access, engine, decoder, deliveries, hl7, receipts, DoorCounts(), frame_bytes_max, body_timeout_s)
    as_of = AsOf(engine, store, settings.replay, bundles.all_versions(settings.models), settings.database.keep_days)
    simulations = Simulations(engine, settings.figures, settings.replay.simulate_s_max, folder.path)
    stack.push_async_callback(simulations.close)
    feeds = Feeds(partial(feed_counts, engine.stats, door.counts))
    lasting.start(stack, "feeds", feeds.watch())
    parts = Parts(
        settings,
        access,
        engine,
        store,
        hub,
        pipeline,
        door,
        as_of,
        simulations,
        actions,
        feeds,
        hung,
        lasting,
        notify,
        figures,
    )
    return parts, folder, None if has_begun else beginning


def _sessions(settings: Settings, folder: DataFolder) -> Sessions:
    console = settings.console
    return Sessions(console.token_ttl_s, console.session_ttl_s, path=folder.sessions, idle_s=console.idle_lock_s)


async def _neighbours(
    settings: Settings, folder: DataFolder, cluster: Future[None] | None, stack: AsyncExitStack
) -> tuple[str, str]:
    """URLs of PostgreSQL and Redis; private ones are started where the settings name none, side by side."""
    urls = [settings.database.url.get_secret_value(), settings.redis.url.get_secret_value()]
    private: list[tuple[str, Callable[[], Awaitable[Part]]]] = [
        ("postgresql", partial(EmbeddedPostgresql.start, folder.path, cluster)),
        ("redis", partial(EmbeddedRedis.start, folder.path)),
    ]

    async def keep(place: int) -> None:
        name, start = private[place]
        keeper = await Keeper.start(name, start)
        # At once: a start that is cancelled, or fails, stops what has begun.
        stack.push_async_callback(keeper.stop)
        urls[place] = keeper.url

    # What the imports left is collected while the neighbours' processes start.
    asyncio.get_running_loop().call_later(COLLECT_AFTER_S, gc.collect)
    kept = [keep(place) for place, url in enumerate(urls) if not url]
    for error in await asyncio.gather(*kept, return_exceptions=True):
        if error is not None:
            raise error
    return urls[0], urls[1]


def _signals() -> list[tuple[int, str, str, str | None]]:
    """(id, name, unit, LOINC) of the catalogue, for the store."""
    return [(one["number"], one["name"], one["unit"], next(iter(one["loinc"]), None)) for one in catalogue()]


def _scorers(engine: Engine) -> list[tuple[str, str, bytes, str]]:
    """(name, version, sha256, manifest as JSON) of every scorer, for the store."""
    listed = json.loads(engine.scorers())
    return [(one["name"], one["version"], bytes.fromhex(one["sha256"] or ""), json.dumps(one)) for one in listed]


def _history(store: Store) -> AlertHistory:
    """Old alerts for consoles that return."""

    async def read(after: int, through: int | None, limit: int) -> Sequence[AlertEntry]:
        try:
            found = await store.alert_messages(after, through, limit)
        except StoreError as error:
            raise HistoryBehind(str(error)) from error
        return [AlertEntry(*one) for one in found]

    return read


async def _maintain(store: Store, settings: Database, recorded: bool) -> None:
    """Partitions ahead of time, what is old dropped, hourly; 0 days keep everything, and so does a replay."""
    days, alerts_days = (0, 0) if recorded else (settings.keep_days, settings.alerts_keep_days)
    keep = timedelta(days=days) if days else None
    while True:
        await asyncio.sleep(MAINTAIN_EVERY_S)
        try:
            made, dropped = await store.maintain(keep)
            _log.info("partitions", made=made, dropped=dropped)
            if alerts_days:
                alerts, messages = await store.forget_alerts(timedelta(days=alerts_days))
                _log.info("alerts are kept for a time", days=alerts_days, alerts=alerts, messages=messages)
        except StoreError as error:
            _log.warning("partitions could not be made; the default partition takes the rows", exc_info=error)


async def _drain(engine: Engine, pipeline: Pipeline) -> None:
    """Doors shut, journal flushed, the rest stored if there is time; what is not, the next start makes again."""
    began = time.monotonic()
    if not await _within(ENGINE_STOP_S_MAX, engine.stop):
        _log.error("the engine did not stop in time; the next start goes on from the journal", s_max=ENGINE_STOP_S_MAX)
    stored = await pipeline.drain(max(0.5, STOP_S_MAX - HTTP_STOP_S - (time.monotonic() - began)))
    _log.info("drained", stored=stored, stored_seq=pipeline.progress.stored_seq)


async def _within(seconds: float, work: Callable[[], None]) -> bool:
    """Run `work` beside the loop; False when it is not done in time.

    On a daemon thread: the loop's own threads are waited for when the process ends, however long they take.
    """
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def finish() -> None:
        try:
            work()
        finally:
            with contextlib.suppress(RuntimeError):  # the loop may be closed by then
                loop.call_soon_threadsafe(done.set)

    threading.Thread(target=finish, name="engine stop", daemon=True).start()
    try:
        await asyncio.wait_for(done.wait(), seconds)
    except TimeoutError:
        return False
    return True


async def _watch_keys(keys: KeyFile, engine: Engine) -> None:
    """A key made or revoked by the command line holds within a second; days of use are written once a minute."""
    next_use = time.monotonic() + KEYS_USED_EVERY_S
    while True:
        await asyncio.sleep(KEYS_EVERY_S)
        try:
            if keys.refresh():
                engine.set_credentials(keys.mqtt_credentials())
            if time.monotonic() >= next_use:
                next_use += KEYS_USED_EVERY_S
                await asyncio.to_thread(keys.note_use)
        except (OSError, ValueError, KeyFileError) as error:
            _log.error("the key file cannot be read or written; the keys read before hold", exc_info=error)


def _host(settings: Settings) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.http.host, settings.http.host)  # noqa: S104 (shown only)
    return f"[{host}]" if ":" in host else host


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: ours stop the whole server, in order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def _http(
    settings: Settings, app: FastAPI, direct: Direct, listener: socket.socket
) -> AsyncIterator[asyncio.Task[None]]:
    """A serving HTTP server; gives the task that ends when it stops by itself."""
    http, tls = settings.http, settings.http.tls
    line = LineLimits(http.concurrency_max, http.head_bytes_max, http.head_timeout_s, http.write_timeout_s)
    config = uvicorn.Config(
        app,
        lifespan="off",
        http=bounded(line, direct),
        ws=framed(http.write_timeout_s),
        ws_per_message_deflate=False,
        ws_max_size=64 << 10,
        ws_max_queue=8,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=HTTP_STOP_S,
        ssl_certfile=tls.cert if tls else None,
        ssl_keyfile=str(tls.key) if tls else None,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve([listener]), name="http")
    try:
        while not server.started and not task.done():  # noqa: ASYNC110 (uvicorn offers no event)
            await asyncio.sleep(0.005)
        yield task
    finally:
        server.should_exit = True
        await task


async def _first(stop: asyncio.Event, task: asyncio.Task[Any]) -> None:
    """Wait for whichever comes first."""
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
