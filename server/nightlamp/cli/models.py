"""`nightlamp models`: which bundles there are, what they are, and why one would be refused at start."""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from nightlamp._core import Scorers
from nightlamp.bundles import bundles
from nightlamp.settings import ConfigurationError

from .terminal import err, fail, out, settings_of

app = typer.Typer(help="Model bundles: list them, check one. Loads each as `serve` does.", no_args_is_help=True)


@dataclass(frozen=True)
class Found:
    """A bundle's folder and what the engine says of it."""

    folder: Path
    manifest: dict[str, Any]
    """As far as it reads; empty where it does not."""
    sha256: str
    """Of model.txt, where the bundle was taken."""
    refused: str | None
    """Why, in the engine's words without the folder."""


def look(folder: Path) -> Found:
    """Loads one bundle as the engine does at start."""
    try:
        manifest = tomllib.loads((folder / "manifest.toml").read_text())
    except (OSError, UnicodeError, tomllib.TOMLDecodeError):
        manifest = {}
    try:
        listed = json.loads(Scorers([folder]).listing())[-1]
    except ValueError as error:
        return Found(folder, manifest, "", str(error).removeprefix(f"bundle {folder}: "))
    return Found(folder, manifest, listed["sha256"], None)


@app.command("list")
def list_models(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """List the bundles of `models.dir`: version, hashes, and those refused with the reason. Ends with 1 if any is."""
    models = settings_of(context).models
    found = [look(path.parent) for path in sorted(models.dir.glob("*/*/manifest.toml"))]
    try:
        served = set(bundles(models))
    except ConfigurationError as error:
        fail(str(error))
    if as_json:
        typer.echo(json.dumps([_plain(bundle, bundle.folder in served) for bundle in found], indent=1))
    else:
        table = Table("bundle", "served", "model", "plan", "data", "outcome", "within", box=None)
        for bundle in (bundle for bundle in found if bundle.refused is None):
            training, manifest = bundle.manifest["training"], bundle.manifest
            hashes = (bundle.sha256, training["fingerprint"], training.get("data_sha256") or "-")
            within = f"{manifest['horizon_h']:g} h"
            at_start = "yes" if bundle.folder in served else "no"
            table.add_row(_name(bundle), at_start, *(text[:12] for text in hashes), escape(manifest["outcome"]), within)
        out.print(table)
        if not found:
            err.print(f"{models.dir} holds no bundle", highlight=False)
    refused = [bundle for bundle in found if bundle.refused is not None]
    for bundle in refused:
        err.print(f"[bold red]refused[/] {escape(_name(bundle))}: {escape(bundle.refused or '')}", highlight=False)
    if refused:
        raise typer.Exit(1)


@app.command()
def check(folder: Annotated[Path, typer.Argument(help="Folder of one bundle: model.txt and manifest.toml.")]) -> None:
    """Say whether the engine takes a bundle; ends with 1 and the reason where not."""
    found = look(folder)
    if found.refused is not None:
        fail(f"refused: {found.refused}")
    manifest, training = found.manifest, found.manifest["training"]
    out.print(f"{manifest['name']} {manifest['version']}: {manifest['outcome']}", highlight=False, markup=False)
    for what, text in {
        "model.txt": f"SHA-256 {found.sha256}",
        "plan": training["fingerprint"],
        "data": f"{training.get('data_sha256') or 'no fingerprint'}; {training['data']}",
        "trained on": f"{training['rows']:,} rows of {training['patients']:,} patients",
        "engine": manifest["engine_version"],
        **{f"threshold {purpose}": f"{said['value']:.4f}" for purpose, said in manifest.get("thresholds", {}).items()},
    }.items():
        out.print(f"  {what}: {text}", highlight=False, markup=False)


def _name(bundle: Found) -> str:
    return f"{bundle.folder.parent.name}/{bundle.folder.name}"


def _plain(bundle: Found, served: bool) -> dict[str, Any]:
    training = bundle.manifest.get("training", {})
    return {
        "folder": str(bundle.folder),
        "name": bundle.manifest.get("name"),
        "version": bundle.manifest.get("version"),
        "served": served and bundle.refused is None,
        "model_sha256": bundle.sha256 or None,
        "plan_fingerprint": training.get("fingerprint"),
        "data_sha256": training.get("data_sha256") or None,
        "refused": bundle.refused,
    }
