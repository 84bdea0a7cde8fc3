"""What the demo's narrator makes of what happens, without a server: nothing is told that did not happen."""

import asyncio
import io
import smtplib
from email.message import EmailMessage
from typing import Any, cast

import pytest
from alert_steps import step
from notified import so
from rich.console import Console

from nightlamp._core import Scorers
from nightlamp.demo.narrator import Narrator
from nightlamp.demo.pace import Pace
from nightlamp.demo.record import Record
from nightlamp.demo.sink import Delivery, Mailbox
from nightlamp.demo.story import Chapter, NotOffered, Outcome, Scene, Told
from nightlamp.policy.checking import check

SCENE = cast(Scene, None)


def _narrator() -> tuple[Narrator, io.StringIO]:
    written = io.StringIO()
    return Narrator(Console(file=written, width=200)), written


async def _happens(_: Scene) -> Told:
    return Told(["bed 7 did"], "look there", "1 s")


async def _never(_: Scene) -> Told:
    await asyncio.Event().wait()
    raise AssertionError


async def _fails(_: Scene) -> Told:
    raise RuntimeError("answered 409")


async def _unknown(_: Scene) -> Told:
    raise NotOffered("no such door")


async def test_a_chapter_that_does_not_happen_or_goes_wrong_is_told_as_missing_and_as_nothing_else() -> None:
    narrator, written = _narrator()
    tellers = (_happens, _never, _fails, _unknown)
    chapters = [Chapter(number, teller.__name__, teller) for number, teller in enumerate(tellers, 1)]
    lines = await narrator.tell(SCENE, chapters, 0.1)
    narrator.summary(lines)
    outcomes = [line.outcome for line in lines]
    assert outcomes == [Outcome.TOLD, Outcome.MISSING, Outcome.MISSING, Outcome.NOT_OFFERED]
    said = written.getvalue()
    assert "did not happen in its time" in said
    assert "went wrong: answered 409" in said
    assert said.count("measured  1 s") == 1


@pytest.mark.parametrize("times", [0.1, 1.0, 3.0, 10.0])
def test_the_policy_of_every_pace_is_one_the_server_takes(times: float) -> None:
    pace = Pace(times)
    assert check(pace.policy(), Scorers([])).sha256
    assert pace.silence_for_s > pace.silent_s, "the silence lasts until it is told"


async def test_what_was_said_before_is_found_and_what_comes_later_is_waited_for() -> None:
    record = Record()
    record.message(step(1), at=1.0)
    assert (await record.step(lambda one: one.kind == "opened")).at == 1.0
    waiting = asyncio.ensure_future(record.step(lambda one: one.kind == "cleared"))
    await asyncio.sleep(0)
    record.message(step(2, kind="acknowledged"), at=2.0)
    await asyncio.sleep(0.01)
    assert not waiting.done()
    record.message(step(3, kind="cleared"), at=3.0)
    assert (await waiting).at == 3.0


def _state(points: float | None) -> dict[str, Any]:
    return {"type": "patient", "patient": "p", "bed": "07", "scores": {"news2": {"value": points}}}


def test_a_deterioration_begins_when_news2_leaves_the_ordinary_for_good() -> None:
    record = Record()
    for at, points in enumerate([0, 4, 1, 3, None, 5, 7]):
        record.message(_state(points), float(at))
    assert record.abnormal_since == {"p": 3.0}
    record.message(_state(2), 9.0)
    assert record.abnormal_since == {}


async def test_the_mailbox_takes_what_a_mail_client_sends_and_refuses_once_closed() -> None:
    got: list[Delivery] = []
    mailbox = Mailbox("ward-mail", got.append)
    await mailbox.open()
    host, _, port = mailbox.host.partition(":")

    def send() -> None:
        message = EmailMessage()
        message["Subject"], message["From"], message["To"] = "HIGH alert", "a@ward.example", "b@ward.example"
        message.set_content("Bed: ICU 07\n.dotted\n")
        with smtplib.SMTP(host, int(port), timeout=5) as client:
            client.send_message(message)

    await asyncio.to_thread(send)
    await so(lambda: got)
    assert (got[0].channel, got[0].title) == ("ward-mail", "HIGH alert")
    assert "Bed: ICU 07" in got[0].text.splitlines()
    await mailbox.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.to_thread(send)
    await mailbox.open()
    await asyncio.to_thread(send)
    await so(lambda: len(got) == 2)
    await mailbox.close()
