"""The chapters in which something fails: a monitor, a notification channel, and, if wanted, the server itself."""

import asyncio
from typing import Any

from .chapters import since_step
from .record import Step, clock
from .story import Scene, Told

DURABLE = "nightlamp_journal_durable_seq"
SERVER_BACK_S_MAX = 60.0


async def monitor_falls_silent(scene: Scene) -> Told:
    """The ward unplugs one monitor: a technical alert names the bed, and clears when it speaks again."""

    def about_monitor(one: Step) -> bool:
        return one.rule == "monitor-silent" and bed_number(one.bed) == scene.house.silent_bed

    opened = await scene.record.step(lambda one: about_monitor(one) and one.kind == "opened")
    last = scene.record.patients[opened.patient]["vitals"]["HR"]["at_ms"]
    letter = await scene.record.delivered(
        lambda one: "monitor-silent opened" in one.title and f"Bed: {opened.place}" in one.text
    )
    scene.say(f"{opened.place}: technical alert monitor-silent: {opened.reason}")
    cleared = await scene.record.step(lambda one: about_monitor(one) and one.kind == "cleared" and one.at > opened.at)
    return Told(
        [
            f"{opened.place}: the monitor fell silent: technical alert, e-mail.",
            f"It spoke again: cleared {cleared.at - opened.at:.0f} s later.",
        ],
        f"{scene.link()}  the bed's tile: old values turn grey and say their age",
        f"{opened.at - last / 1_000:.1f} s from its last value to the alert "
        f"(policy: {scene.house.pace.silent_s} s), {1_000 * since_step(opened, letter.at):.0f} ms on to the e-mail",
    )


def bed_number(bed: str) -> int:
    """The number of a bed of the simulated ward; -1 for what is none."""
    return int(bed) if bed.isdigit() else -1


async def channel_dies(scene: Scene) -> Told:
    """The pager refuses connections when the physician is to be reminded; a technical alert says so by e-mail."""
    await scene.paged.wait()
    await scene.pager.close()
    died = clock()
    scene.say("the pager's service was stopped: its address refuses connections from now on")

    def about_pager(one: Step) -> bool:
        return one.rule == "channel-dead" and one.subject == scene.pager.channel and one.at > died

    opened = await scene.record.step(lambda one: about_pager(one) and one.kind == "opened")
    letter = await scene.record.delivered(lambda one: "channel-dead opened" in one.title and one.at > died)
    await asyncio.sleep(scene.house.pace.reads_s / 2)
    await scene.pager.open()
    back = clock()
    first = await scene.record.delivered(lambda one: one.channel == scene.pager.channel and one.at > back)
    cleared = await scene.record.step(lambda one: about_pager(one) and one.kind == "cleared")
    await scene.record.delivered(lambda one: "channel-dead cleared" in one.title and one.at > back)
    return Told(
        [
            f"The pager was dead: technical alert, told by e-mail ({opened.reason}).",
            "Its messages waited; when it came back they were delivered and the alert cleared, by e-mail too.",
        ],
        f"{scene.link()}  the technical alert above the tiles; {scene.link(page='operations')} for an administrator",
        f"{opened.at - died:.1f} s from the failure to the alert (it fails when it is used), e-mail "
        f"{1_000 * since_step(opened, letter.at):.0f} ms on; {first.at - back:.1f} s from its return to the first "
        f"page, cleared after {cleared.at - back:.1f} s",
    )


async def server_is_killed(scene: Scene) -> Told:
    """kill -9 right after an acknowledgement was answered; what was answered must be there after the start."""
    step = await scene.record.until(lambda: scene.ignored)
    note = "taken over after the page"
    status, said = await scene.charge_nurse.call("POST", f"/v1/alerts/{step.id}/acknowledge", {"note": note})
    if status != 200:
        raise RuntimeError(f"the acknowledgement was answered {status}")
    before = await _durable(scene)
    scene.house.kill_server()
    killed = clock()
    scene.say(f"kill -9 of the server; frame {said['seq']} was acknowledged, {before:,} frames were on disk")
    await asyncio.sleep(scene.house.pace.reads_s / 2)
    started = clock()
    await scene.house.start_server_again()
    back = clock()
    answers = await _stored_answers(scene, step.id)
    after = await _durable(scene)
    if after < before or note not in answers:
        raise RuntimeError(f"lost: {before} frames before, {after} after, notes {answers}")
    return Told(
        [
            f"The server was killed right after it had acknowledged frame {said['seq']}, and started again.",
            f"{before:,} frames on disk before, {after:,} after; the charge nurse's answer and note stand.",
        ],
        f"{scene.link()}  a page that was open says so within 3 s and goes on without a reload",
        f"{back - started:.1f} s from its start to listening, {started - killed:.0f} s after the kill; "
        f"{before:,} frames before, {after:,} after, nothing acknowledged is lost",
    )


async def _durable(scene: Scene) -> int:
    _, text = await scene.admin.call("GET", "/metrics")
    return int(float(next(line.split()[-1] for line in text.splitlines() if line.startswith(DURABLE))))


async def _stored_answers(scene: Scene, alert_id: str) -> list[str]:
    """Notes of the alert's acknowledgements as the server gives them out, once it answers and there is one."""
    until = clock() + SERVER_BACK_S_MAX
    while clock() < until:
        try:
            status, alert = await scene.charge_nurse.call("GET", f"/v1/alerts/{alert_id}")
        except OSError:
            status, alert = 0, {}
        if status == 200 and (notes := _notes(alert)):
            return notes
        await asyncio.sleep(0.1)
    return []


def _notes(alert: dict[str, Any]) -> list[str]:
    return [step["note"] for step in alert["history"] if step["kind"] == "acknowledged"]
