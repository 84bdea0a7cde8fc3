"""`nightlamp parity`: a recording through the running server, held against the offline path, and measured."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.table import Table

from nightlamp.settings import Models

from .progress import progress
from .terminal import bundle_folder, fail, out

if TYPE_CHECKING:
    from nightlamp.parity.offline import Bundle
    from nightlamp.parity.run import Server

VIA = ("both", "hl7", "mqtt")


def parity(
    bundle: Annotated[str, typer.Argument(help="Which bundle: its name, or the folder of one version.")],
    data: Annotated[
        Path, typer.Option(help="Folder of PhysioNet/CinC Challenge 2019 files: set[AB].parquet or p*.psv.")
    ],
    models: Annotated[
        Path | None, typer.Option(help="Where bundles stand; those nightlamp carries, if absent.")
    ] = None,
    patients: Annotated[int | None, typer.Option(min=1, help="Only so many, evenly from each hospital.")] = None,
    via: Annotated[str, typer.Option(help="hl7 (HTTP), mqtt (device JSON), or both: every other patient.")] = "both",
    url: Annotated[
        str | None, typer.Option(help="A running server in recorded time; one of its own, if absent.")
    ] = None,
    token: Annotated[str, typer.Option(envvar="NIGHTLAMP_KEY", help="Its key, role admin.")] = "",
    mqtt: Annotated[str | None, typer.Option(help="Its MQTT door, host:port; the host of --url, port 1883.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Send a recording through the running server and compare what it stored with the offline path.

    Leaves with 1 unless every feature, raw score and risk is equal to 1e-9 and every hour is accounted for.
    """
    if via not in VIA:
        fail(f"--via is one of {', '.join(VIA)}", 2)
    try:
        from nightlamp.own_server import ServerFailed
        from nightlamp.parity import run as plot
        from nightlamp.parity.doors import Refused
        from nightlamp.parity.offline import Bundle
        from nightlamp.score.recording import DataError
    except ModuleNotFoundError as error:
        fail(f"this needs packages that are not installed ({error.name}): pip install 'nightlamp[train]'")
    try:
        loaded = Bundle(bundle_folder(bundle, models or Models().dir))
        with progress() as report, _server(loaded, url, token, mqtt) as server:
            report("reading the data", 0, 1)
            sent = plot.load(data, patients)
            report("reading the data", 1, 1)
            found = plot.run(loaded, sent, server, via, report)  # type: ignore[arg-type]
    except (DataError, Refused, ServerFailed, ValueError, OSError) as error:
        fail(str(error))
    if as_json:
        out.print_json(json.dumps(_plain(found)))
    else:
        _show(found)
    if not found["parity"]["holds"]:
        raise typer.Exit(1)


@contextmanager
def _server(bundle: "Bundle", url: str | None, token: str, mqtt: str | None) -> Iterator["Server"]:
    """The server named, or one of our own that is gone afterwards with all it stored."""
    from nightlamp import own_server
    from nightlamp.embedded.postgresql import EmbeddedPostgresql
    from nightlamp.identity.keys import KeyFile
    from nightlamp.identity.roles import Role
    from nightlamp.parity.run import Server

    if url is not None:
        if not token:
            fail("a key is needed: --token or $NIGHTLAMP_KEY (nightlamp keys create --role admin)", 2)
        host, _, port = (mqtt or f"{urlsplit(url).hostname}:1883").rpartition(":")
        yield Server(url.rstrip("/"), token, (host, int(port)))
        return
    with tempfile.TemporaryDirectory(prefix="nightlamp-parity-") as name:
        folder = Path(name)
        _, key = KeyFile(folder / "keys.json").create(Role("admin"), note="parity")
        process, said = own_server.start(folder, **settings(bundle.folder))
        try:
            yield Server(
                said["http_url"], key, ("127.0.0.1", int(said["mqtt_port"])), EmbeddedPostgresql.url_of(folder)
            )
        finally:
            own_server.end([process])


def settings(folder: Path) -> dict[str, str]:
    """What a server needs that replays a recording of many patients with this bundle alone."""
    folder = folder.resolve()
    return {
        "DECODE__RECORDED_TIME": "true",
        "MODELS__DIR": str(folder.parent.parent),
        "MODELS__LOAD": json.dumps([f"{folder.parent.name}/{folder.name}"]),
        "LIMITS__PATIENTS_MAX": "100000",
        "LIMITS__MESSAGE_IDS_MAX": "10000000",
        "JOURNAL__SNAPSHOT_S": "0",
    }


def _show(found: dict[str, Any]) -> None:
    """For a person."""
    parity, figures, server, seconds = found["parity"], found["figures"], found["server"], found["seconds"]
    doors = ", ".join(f"{n:,} {name}" for name, n in parity["compared_by_door"].items())
    differ = f"{parity['features_not_identical']:,} not bit-identical, largest difference"
    lines = [
        f"{found['bundle']}: {found['patients']:,} patients, {found['hours']:,} hours, {found['values_sent']:,} values",
        f"acknowledged after {seconds['until_acknowledged']} s, stored after {seconds['until_stored']} s",
        f"compared hours   {parity['compared']:,} ({doors})",
        f"features         {parity['features_compared']:,}, {differ} {parity['feature_difference_max']:.3g} "
        f"{parity['worst_feature']}",
        f"raw score, risk  largest difference {parity['raw_difference_max']:.3g}, {parity['risk_difference_max']:.3g}; "
        f"{parity['risks_not_identical']:,} risks not bit-identical",
        f"not scored       {', '.join(f'{n:,} {why}' for why, n in parity['not_scored'].items())}; "
        f"unexplained {parity['unexplained']:,}, unexpected {parity['unexpected']:,}",
        f"refused values   {server['values_refused']:,}, offline {server['values_refused_offline']:,}; "
        f"{server['dead_letters']:,} dead letters with those of admissions",
        f"parity           {'holds' if parity['holds'] else 'DOES NOT HOLD'} (within {parity['tolerance']:g})",
    ]
    out.print("\n".join(lines), highlight=False)
    mine, every, own = figures["served"], figures["offline_every_hour"], figures["bundle_out_of_fold"]
    out.print(
        f"figures          {mine['patients']:,} patients, {mine['event_patients']:,} with the outcome", highlight=False
    )
    table = Table("", "served", "95 % interval", "every hour", "bundle", "served - bundle", box=None)
    for name, gap in figures["difference"].items():
        low, high = mine["ci95"].get(name) or (float("nan"), float("nan"))
        spread = f"{low:.4f} to {high:.4f}"
        table.add_row(name, f"{mine[name]:.4f}", spread, f"{every[name]:.4f}", f"{own[name]:.4f}", f"{gap:+.4f}")
    out.print(table)
    out.print(f"bundle: its out-of-fold figures; every hour: offline; served: {figures['how']}.", highlight=False)
    if figures["trained_on_these_patients"]:
        out.print("The bundle was trained on these files: its figures on them say nothing about new patients.")
    else:
        held = ", ".join(f"{name} {'yes' if held else 'NO'}" for name, held in figures["holds"].items())
        out.print(f"Within {figures['within']:g} of the bundle's own figures: {held or 'too few patients to say'}.")


def _plain(value: Any) -> Any:
    """For JSON: NaN and infinity, which it does not know, as null."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and value - value != 0 else value
