"""`nightlamp replay`: one patient as it was, from the running server, or from the data folder of a stopped one."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode
from uuid import UUID

import typer
from rich.table import Table

from nightlamp.settings import Settings

from .remote import Key, Url, call, server_url
from .terminal import err, fail, out, settings_of
from .times import moment

if TYPE_CHECKING:
    from nightlamp.as_of import Past

OFFLINE_S_MAX = 3_600.0


def replay(
    context: typer.Context,
    patient: Annotated[UUID, typer.Option("--patient", help="The patient's pseudonym, as the API gives it.")],
    at: Annotated[str | None, typer.Option("--at", help="RFC 3339 with offset, such as 2026-03-01T12:30:00Z.")] = None,
    seq: Annotated[int | None, typer.Option("--seq", min=1, help="After this frame, instead of --at.")] = None,
    scorer: Annotated[str | None, typer.Option("--scorer", help="Only this rule or model.")] = None,
    features: Annotated[bool, typer.Option("--features", help="With the feature rows (--json).")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The whole answer as JSON.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="From the data folder, without a server.")] = False,
    key: Key = "",
    url: Url = None,
) -> None:
    """Show what was known of a patient at a past time, from the journal.

    With a key the running server answers, and compares each score with its stored row. With --offline the journal in
    the data folder is read (and only read): for a server that is stopped.
    """
    from nightlamp.as_of import Past

    settings = settings_of(context)
    at_us = _microseconds(at, seq)
    if offline:
        found = _from_folder(settings, patient, at_us, seq, scorer, features)
    else:
        asked = {"at": at, "seq": seq, "scorer": scorer, "features": str(features).lower()}
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        base = url or server_url(settings)
        found = Past.model_validate(call(base, "GET", f"/v1/patients/{patient}/as-of?{query}", key))
    if as_json:
        out.print(found.model_dump_json(indent=2), markup=False, highlight=False)
    else:
        _show(found)


def _microseconds(at: str | None, seq: int | None) -> int | None:
    from nightlamp.as_of.views import us_of

    if (at is None) == (seq is None):
        fail("give either --at or --seq", 2)
    if at is None:
        return None
    time = moment(at, "--at")
    if time > datetime.now(UTC):
        fail("--at: lies in the future", 2)
    return us_of(time)


def _from_folder(
    settings: Settings, patient: UUID, at_us: int | None, seq: int | None, scorer: str | None, features: bool
) -> "Past":
    """The past from the data folder."""
    import orjson

    from nightlamp import bundles
    from nightlamp._core import CoreError, replay_folder
    from nightlamp.as_of.question import question, refusal
    from nightlamp.as_of.views import past

    data, site_key = settings.data_dir.resolve(), _site_key(settings.data_dir)
    config = settings.engine_config(site_key, bundles.bundles(settings.models), bundles.policy(settings))
    every = bundles.all_versions(settings.models)
    asked = question(patient, at_us=at_us, seq=seq, time_s_max=OFFLINE_S_MAX, bundles=every)
    try:
        with err.status("reading the journal ..."):
            told = orjson.loads(replay_folder(str(data), config, asked))
    except CoreError as error:
        fail(refusal(error).detail)
    except (ValueError, RuntimeError) as error:
        fail(str(error))
    return past(patient, told, scorer=scorer, features=features)


def _site_key(data_dir: Path) -> bytes:
    """The folder's secret, without which its pseudonyms mean nothing; never made here."""
    try:
        return (data_dir / "site.key").read_bytes()
    except OSError as error:
        fail(f"{data_dir}: no data folder of a server can be read there ({error.strerror})")


def _show(past: "Past") -> None:
    where = f"{past.unit} {past.bed}" if past.bed else "in no bed"
    gone = f", had left at {past.discharged_at.isoformat()}" if past.discharged_at else ""
    out.print(f"{past.patient_id} as of [bold]{past.at.isoformat()}[/]: {where}{gone}", highlight=False)
    out.print(f"frame {past.seq}, received {past.received_at.isoformat()}", highlight=False)
    table = Table("score", "version", "value", "at", "inputs", "from", "same as stored", box=None)
    for score in past.scores:
        value = "none" if score.value is None else f"{score.value:g}"
        same = {True: "yes", False: "NO", None: score.stored_row.replace("_", " ")}[score.matches_stored]
        known = f"{score.present} of {score.expected}"
        table.add_row(score.model, score.version, value, score.scored_at.isoformat(), known, score.origin, same)
    out.print(table)
    table = Table("signal", "value", "unit", "age", box=None)
    for signal in past.signals:
        table.add_row(signal.signal, f"{signal.value:g}", signal.unit, f"{signal.age_s:.0f} s")
    out.print(table)
    for alert in past.alerts:
        out.print(f"open: {alert.rule} ({alert.severity}) since {alert.opened_at.isoformat()}: {alert.reason}")
    for model in past.missing_models:
        err.print(f"{model.name} {model.version} ({model.sha256[:12]}) scored then and is not on this machine")
