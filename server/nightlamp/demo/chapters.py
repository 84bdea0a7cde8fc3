"""The chapters that come from the ward: it fills, a patient deteriorates, one alert is answered, one is not.

Each waits for what really happens and says what was measured, in seconds from the cause to what a person gets.
"""

import asyncio

from .record import Step, clock
from .sink import Delivery
from .story import Scene, Told

REASONS_MAX = 3


async def mail(scene: Scene, about: Step, phrase: str, channel: str = "ward-mail") -> Delivery:
    """The message about this step: the phrase in its title, the bed in its text, and no older than the step."""

    def wanted(one: Delivery) -> bool:
        here = f"Bed: {about.place}" in one.text.splitlines()
        return one.channel == channel and phrase in one.title and here and one.at * 1_000 >= about.at_ms

    return await scene.record.delivered(wanted)


def since_step(step: Step, at: float) -> float:
    """Seconds from when the server took the frame that made the step until `at`."""
    return at - float(step.at_ms) / 1_000


async def fills(scene: Scene) -> Told:
    """Every bed has a patient, vitals and a NEWS2."""
    beds = scene.house.beds
    await scene.record.until(lambda: len(scene.record.present()) >= beds)
    took = clock() - scene.began
    return Told(
        [f"{beds} patients were admitted by HL7, {beds} monitors speak MQTT; each patient has vitals and a NEWS2."],
        f"{scene.link()}  the ward board, by urgency",
        f"{took:.1f} s from the ward's start to NEWS2 in all {beds} beds",
    )


async def deteriorates(scene: Scene) -> Told:
    """The first high alert, with its reasons."""
    step = await scene.record.step(lambda one: one.is_call)
    scene.answered = step
    abnormal = scene.record.abnormal_since.get(step.patient)
    letter = await mail(scene, step, step.kind)
    began = (
        f"{step.at - abnormal:.0f} s from the first abnormal vital (NEWS2 above 2) to the alert, " if abnormal else ""
    )
    words = [f"- {one['words']}" for one in step.explanation[:REASONS_MAX]]
    return Told(
        [f"{step.place}: high alert {step.rule} {step.kind}: {step.reason}", *words],
        f"{scene.link(step.patient)}  its course, the alert on the time axis, why",
        f"{began}{1_000 * since_step(step, step.at):.0f} ms from receipt to this terminal, "
        f"{1_000 * since_step(step, letter.at):.0f} ms to the e-mail",
    )


async def is_answered(scene: Scene) -> Told:
    """The nurse looks, and acknowledges with a note."""
    step = await scene.record.until(lambda: scene.answered)
    await asyncio.sleep(scene.house.pace.reads_s)
    asked = clock()
    status, said = await scene.nurse.call("POST", f"/v1/alerts/{step.id}/acknowledge", {"note": "at the bedside"})
    if status != 200:
        raise RuntimeError(f"the acknowledgement was answered {status}")
    durable_ms = 1_000 * (clock() - asked)
    done = await scene.record.step(lambda one: one.id == step.id and one.kind == "acknowledged")
    return Told(
        [
            f"{step.place}: the nurse acknowledged it with a note, by POST /v1/alerts/{step.id}/acknowledge.",
            "It stays on the board, answered, until its condition ends; nobody is called about it any more.",
        ],
        f"{scene.link(step.patient)}  by whom, when, the note",
        f"{done.at - step.at:.1f} s from alert to answer; on disk (frame {said['seq']}) after {durable_ms:.0f} ms, "
        f"on the board {1_000 * (done.at - asked):.0f} ms after the click",
    )


async def is_ignored(scene: Scene) -> Told:
    """Nobody answers: charge nurse, physician, reminder, each with its message. What clears first does not count."""
    passed: set[str] = set()
    while True:
        step = await scene.record.until(lambda: _next(scene, passed))
        scene.ignored = step
        scene.say(f"{step.place}: high alert {step.rule}; nobody answers this one, on purpose")
        telling = asyncio.ensure_future(_escalates(scene, step))
        over = asyncio.ensure_future(_clears(scene, step))
        try:
            await asyncio.wait({telling, over}, return_when=asyncio.FIRST_COMPLETED)
            if telling.done():
                return telling.result()
        finally:
            telling.cancel()
            over.cancel()
        passed.add(step.id)


async def _clears(scene: Scene, call: Step) -> None:
    await scene.record.step(lambda one: one.id == call.id and one.kind == "cleared" and one.at > call.at)


def _next(scene: Scene, passed: set[str]) -> Step | None:
    """A high alert without an answer, not the one the nurse has."""
    if scene.answered is None:
        return None
    taken = {scene.answered.id, *passed}
    return next((one for one in scene.calls() if one.id not in taken and scene.waits(one.id)), None)


async def _escalates(scene: Scene, call: Step) -> Told:
    async def step(kind: str, to: str) -> Step:
        return await scene.record.step(
            lambda one: one.id == call.id and one.kind == kind and one.to == to and one.at >= call.at
        )

    escalated = await step("escalated", "charge_nurse")
    first = await mail(scene, escalated, "escalated to charge_nurse")
    paged = await step("escalated", "physician")
    page = await mail(scene, paged, "escalated to physician", "pager")
    scene.paged.set()
    reminded = await step("reminded", "physician")
    second = await mail(scene, reminded, "still unanswered")
    return Told(
        [
            f"{call.place}: nobody answered for {escalated.at - call.at:.0f} s: escalated to the charge nurse, e-mail",
            f"{paged.at - call.at:.0f} s: escalated to the physician, pager; "
            f"{reminded.at - call.at:.0f} s: still nobody: reminder, e-mail again.",
        ],
        f"{scene.link(call.patient)}  every step in the alert's history",
        f"from step to message: e-mail {1_000 * since_step(escalated, first.at):.0f} ms, "
        f"pager {1_000 * since_step(paged, page.at):.0f} ms, reminder {1_000 * since_step(reminded, second.at):.0f} ms",
    )


async def rounds(scene: Scene) -> None:
    """The nurse answers every other high alert, as long as the story lasts."""
    seen: set[str] = set()
    while True:
        step = await scene.record.until(lambda: next((one for one in scene.calls() if one.cursor not in seen), None))
        seen.add(step.cursor)
        await asyncio.sleep(scene.house.pace.reads_s)
        own = {one.id for one in (scene.answered, scene.ignored) if one is not None and one.cursor == step.cursor}
        if step.id in own or not scene.waits(step.id):
            continue
        try:
            status, _ = await scene.nurse.call(
                "POST", f"/v1/alerts/{step.id}/acknowledge", {"note": "seen on my round"}
            )
        except OSError:  # the server is being killed: she comes again
            seen.discard(step.cursor)
            continue
        if status == 200:
            scene.say(f"{step.place}: high alert {step.rule}; the nurse acknowledged it on her round")
