"""What people wrote reaches only who may see names: snapshot, live, after a gap; nothing else of a message changes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ward_batches import Batch, alert, patient

from nightlamp.publish.client import Client, Subscription
from nightlamp.publish.hub import Hub
from nightlamp.publish.words import without_words

NOTE = 'Mrs "Nightingale" \\'
FULL = Subscription(everything=True)
WORDLESS = FULL.within(None, words=False)


def read(client: Client) -> list[dict[str, object]]:
    out: list[dict[str, object]] = []
    while bodies := client.take(1 << 20):
        out += [json.loads(body) for body in bodies]
    return out


@pytest.mark.parametrize("wanted", [WORDLESS, FULL.within(frozenset({"ICU-1"}), words=False)])
def test_a_note_is_blank_in_the_snapshot_live_and_after_a_gap_for_who_may_see_no_names(wanted: Subscription) -> None:
    hub = Hub("journal-a")
    hub.offer(Batch([patient(1, "p1", alerts=[{"id": "1", "note": NOTE}]), alert(1, note=NOTE), alert(2, note=NOTE)]))
    with hub.attached(wanted, 1 << 16, "journal-a") as client, hub.attached(FULL, 1 << 16, "journal-a") as full:
        hub.offer(Batch([patient(3, "p2", alerts=[{"id": "3", "note": NOTE}]), alert(3, note=NOTE)]))
        for reader, said in ((client, ""), (full, NOTE)):
            told = read(reader)
            assert [one["note"] for one in told if one["type"] == "alert"] == [said] * 3
            assert [one["alerts"][0]["note"] for one in told if one["type"] == "patient"] == [said] * 2  # type: ignore[index]


@given(st.recursive(st.text() | st.integers(), lambda inner: st.dictionaries(st.text() | st.just("reason"), inner)))
def test_only_notes_change_whatever_else_a_message_says(other: object) -> None:
    for said in ("", NOTE, '"note":"x"', "\\", "\x7fé"):
        body = {"reason": f'"note":"{said}"', "note": said, "other": other, "alerts": [{"note": said, "at_ms": 1}]}
        for compact in (True, False):
            text = json.dumps(body, separators=(",", ":") if compact else None, ensure_ascii=compact).encode()
            assert json.loads(without_words(text)) == body | {"note": "", "alerts": [{"note": "", "at_ms": 1}]}
