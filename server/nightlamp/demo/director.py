"""Puts the demo on: sinks and server, then the ward, then the story, then a ward to look around in."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from rich.console import Console

from . import chapters, simulation, troubles
from .house import House
from .narrator import Line, Narrator, beside
from .pace import settings
from .people import Person
from .record import Record, clock
from .sink import Delivery, Mailbox, Pager
from .story import Chapter, Outcome, Scene

STORY_S = 300.0
PEOPLE = ("nurse", "charge_nurse", "admin")
CHAPTERS = (
    Chapter(1, "The ward fills", chapters.fills),
    Chapter(2, "A patient deteriorates", chapters.deteriorates),
    Chapter(3, "A nurse answers", chapters.is_answered),
    Chapter(4, "An alert is ignored", chapters.is_ignored),
    Chapter(5, "A monitor falls silent", troubles.monitor_falls_silent),
    Chapter(6, "A notification channel dies", troubles.channel_dies),
    Chapter(7, "A policy is tried", simulation.policy_is_tried),
)
#: After all the others, since it disturbs them.
KILL = Chapter(8, "The server is killed", troubles.server_is_killed)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the demo is asked for. `seconds`: it ends then, 0 never; `once`: it ends with the story."""

    port: int
    seconds: int
    once: bool
    kill: bool
    deteriorating: float
    hurry: float


class ChildEnded(Exception):
    """The server or the ward ended by itself; the text says which."""


async def play(house: House, wish: Wish, out: Console, welcome: Callable[[], None]) -> bool:
    """The whole demo; whether every chapter was told. Raises own_server.ServerFailed, ChildEnded."""
    playing = asyncio.current_task()
    assert playing is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, playing.cancel)
    record, narrator = Record(), Narrator(out)

    def arrived(delivery: Delivery) -> None:
        narrator.delivery(delivery)
        record.delivery(delivery)

    async with _sinks(arrived) as (mailbox, pager):
        addresses = {mailbox.channel: mailbox.url, pager.channel: pager.url}
        house.start_server(wish.port, settings(house.folder, house.pace, addresses))
        welcome()
        house.start_ward(wish.deteriorating, wish.hurry)
        narrator.began = clock()
        nurse, charge_nurse, admin = (Person(house.url, house.keys[role]) for role in PEOPLE)
        scene = Scene(house, record, nurse, charge_nurse, admin, pager, narrator.say, narrator.began)
        try:
            async with beside(charge_nurse.listen(record), _watch(house, playing)):
                return await _tell(scene, narrator, wish)
        except asyncio.CancelledError:
            if name := house.ended():
                raise ChildEnded(f"{name} ended by itself (run again with --keep and read its log)") from None
            raise


async def _watch(house: House, playing: asyncio.Task[bool]) -> None:
    """Stops the play where a child ended by itself."""
    while not house.ended():  # noqa: ASYNC110 (a child's end is no event)
        await asyncio.sleep(0.2)
    playing.cancel()


async def _tell(scene: Scene, narrator: Narrator, wish: Wish) -> bool:
    began = clock()
    seconds = min(STORY_S, wish.seconds or STORY_S)
    async with beside(chapters.rounds(scene)):
        lines = await narrator.tell(scene, CHAPTERS, seconds)
        if wish.kill:
            lines += await narrator.tell(scene, [KILL], seconds - (clock() - began))
    narrator.summary(lines)
    if not wish.once:
        narrator.say("the story is over; the ward goes on, and from here the nurse is you")
        with suppress(TimeoutError):
            async with asyncio.timeout(began + wish.seconds - clock() if wish.seconds else None):
                await asyncio.Event().wait()
    return _whole(lines)


def _whole(lines: list[Line]) -> bool:
    return all(line.outcome is not Outcome.MISSING for line in lines)


@asynccontextmanager
async def _sinks(arrived: Callable[[Delivery], None]) -> AsyncIterator[tuple[Mailbox, Pager]]:
    mailbox, pager = Mailbox("ward-mail", arrived), Pager("pager", arrived)
    await mailbox.open()
    await pager.open()
    try:
        yield mailbox, pager
    finally:
        await mailbox.close()
        await pager.close()
