"""`nightlamp policy simulate`: what a policy would have opened, on recorded time, before it wakes anybody."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from nightlamp.policy.checking import PolicyRefused, check, default_text
from nightlamp.settings import ConfigurationError, Settings

from .policy_file import loaded, read, refuse
from .policy_result import show
from .progress import progress
from .remote import Key, Url, call, server_url
from .terminal import fail, out, settings_of
from .times import moment

OFFLINE_S_MAX = 3_600.0
#: How often a running server is asked how far it is.
ASK_S = 0.5
HOSPITALS = ("A", "B")


@dataclass(frozen=True, slots=True)
class Texts:
    """The policy to try, and the one to compare it with where that is not the one in force; with their files."""

    file: Path
    text: str
    against: Path | None
    current: str | None

    def refused(self, problem: dict[str, Any]) -> None:
        """Leaves with 1, the file and the line, where a server has refused one of them."""
        field = str(problem.get("field"))
        file = {"body.text": self.file, "body.against": self.against}.get(field)
        if problem.get("code") != "policy_refused" or file is None:
            return
        line = int(problem.get("line", 0))
        why = str(problem.get("detail", "")).removeprefix(f"{field}: ").removeprefix(f"line {line}: ")
        refuse(file, PolicyRefused(line, why, str(problem.get("shown", ""))))


def simulate(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The policy to try, TOML.")],
    since: Annotated[str | None, typer.Option("--from", help="RFC 3339 with offset; as far back as there is.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="RFC 3339 with offset, exclusive; until now.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="From the data folder, without a server.")] = False,
    physionet: Annotated[
        Path | None, typer.Option(help="Instead: a folder of PhysioNet/CinC Challenge 2019 files.")
    ] = None,
    hospital: Annotated[str | None, typer.Option(help="Of these: only hospital A or B.")] = None,
    patients: Annotated[int | None, typer.Option(min=1, help="Of these: only so many.")] = None,
    against: Annotated[Path | None, typer.Option(help="Compare with this policy instead of the one in force.")] = None,
    tolerance_min: Annotated[
        float, typer.Option(min=0, max=1_440, help="Openings so far apart are still one alert, minutes.")
    ] = 60.0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the whole result there.")] = None,
    key: Key = "",
    url: Url = None,
) -> None:
    """Try a policy on recorded time and compare it with the one in force: alerts per 100 patient-days, how many were
    right.

    With a key the running server does it, in the background, on its journal. With --offline the journal in the data
    folder is read (and only read). With --physionet the patients of the challenge are, each alone, with sepsis as the
    outcome.
    """
    settings = settings_of(context)
    if physionet is not None and (offline or since or until):
        fail("--physionet has no --from, --to and --offline", 2)
    tried = Texts(file, read(file), against, None if against is None else read(against))
    times = (_microseconds(since, "--from"), _microseconds(until, "--to"))
    if physionet is not None:
        found = _physionet(settings, physionet, tried, hospital, patients, tolerance_min * 60)
    elif offline:
        found = _offline(settings, tried, times, tolerance_min * 60)
    else:
        found = _running(url or server_url(settings), key, tried, (since, until), tolerance_min * 60)
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=1) + "\n")
    show(found, out)


def _microseconds(text: str | None, option: str) -> int | None:
    return None if text is None else round(moment(text, option).timestamp() * 1e6)


def _checked(settings: Settings, tried: Texts) -> None:
    """Leaves with 1, the file and the line where the engine would not take one of them."""
    scorers = loaded(settings)
    for file, text in ((tried.file, tried.text), (tried.against, tried.current)):
        if file is None or text is None:
            continue
        try:
            check(text, scorers)
        except PolicyRefused as refused:
            refuse(file, refused)


def _in_settings(settings: Settings) -> str:
    from nightlamp.bundles import policy

    try:
        return policy(settings) or default_text()
    except ConfigurationError as error:
        fail(str(error), 2)


def _physionet(
    settings: Settings,
    folder: Path,
    tried: Texts,
    hospital: str | None,
    patients: int | None,
    tolerance_s: float,
) -> dict[str, Any]:
    """On the challenge's patients. What is in force is what the settings say: there is no journal."""
    if hospital is not None and hospital not in HOSPITALS:
        fail(f"--hospital is one of {', '.join(HOSPITALS)}", 2)
    _checked(settings, tried)
    from nightlamp._core import CoreError
    from nightlamp.bundles import bundles

    try:
        from nightlamp.policy_simulation import physionet
        from nightlamp.score.recording import DataError
    except ModuleNotFoundError as error:
        fail(f"this needs packages that are not installed ({error.name}): pip install 'nightlamp[train]'")
    current, candidate = tried.current or _in_settings(settings), tried.text
    models = {path.parent.name: path for path in bundles(settings.models)}
    try:
        with progress() as report:
            return physionet.simulate(
                folder,
                (current, candidate),
                models,
                report,
                hospital=hospital,
                patients=patients,
                tolerance_s=tolerance_s,
            )
    except CoreError as error:
        fail(str(error.args[2]))
    except (DataError, ValueError, OSError) as error:
        fail(str(error))


def _offline(
    settings: Settings, tried: Texts, times: tuple[int | None, int | None], tolerance_s: float
) -> dict[str, Any]:
    """On the data folder of a stopped server, or a copy of one."""
    _checked(settings, tried)
    from nightlamp._core import CoreError
    from nightlamp.policy_simulation.journal import Asked, offline

    try:
        with progress() as report:
            return offline(settings, Asked(tried.current, tried.text, *times, tolerance_s), OFFLINE_S_MAX, report)
    except CoreError as error:
        fail(str(error.args[2]))
    except OSError as error:
        fail(f"{settings.data_dir}: no data folder of a server can be read there ({error.strerror})")
    except (ConfigurationError, ValueError, RuntimeError) as error:
        fail(str(error))


def _running(
    base: str, key: str, tried: Texts, times: tuple[str | None, str | None], tolerance_s: float
) -> dict[str, Any]:
    """On the journal of a running server, which does it beside the route."""
    asked = {"against": tried.current, "text": tried.text, "from": times[0], "to": times[1], "tolerance_s": tolerance_s}
    body = {name: value for name, value in asked.items() if value is not None}
    begun = call(base, "POST", "/v1/policy/simulate", key, body, refused=tried.refused)
    with progress() as report:
        while (now := call(base, "GET", "/v1/policy/simulation", key))["running"] is not None:
            if now["running"]["id"] != begun["id"]:
                fail("another simulation was started meanwhile")
            report("frames", now["running"]["done"], max(now["running"]["total"], 1))
            time.sleep(ASK_S)
    if now["last"] is None or now["last"]["id"] != begun["id"]:
        fail("the server has no result of it: was it started again?")
    if now["last"]["error"] is not None:
        fail(str(now["last"]["error"]))
    result: dict[str, Any] = now["last"]["result"]
    return result
