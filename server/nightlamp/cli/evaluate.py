"""`nightlamp evaluate`: a bundle on recorded data, as an HTML report and as JSON."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from .progress import progress
from .terminal import bundle_folder, fail, out


def evaluate(
    bundle: Annotated[str, typer.Argument(help="A bundle's folder, or its name (the newest version) under --models.")],
    data: Annotated[Path, typer.Option(help="The recorded data, as the bundle's recipe reads them.")],
    adapter: Annotated[
        str | None, typer.Option(help="What reads the data, if not what the recipe names; long_format for your own.")
    ] = None,
    reports: Annotated[Path, typer.Option("--out", help="Where report.html and report.json are written.")] = Path(
        "reports"
    ),
    risks: Annotated[
        Path | None, typer.Option(help="Out-of-fold risks (Parquet) that `nightlamp train --risks` wrote.")
    ] = None,
    out_of_fold: Annotated[
        bool, typer.Option("--out-of-fold", help="Fit the recipe anew in folds, for patients that trained the bundle.")
    ] = False,
    patients: Annotated[int | None, typer.Option(min=100, help="Only so many patients.")] = None,
    models: Annotated[Path, typer.Option(help="Where bundles stand.")] = Path("models"),
) -> None:
    """Measure a bundle on recorded data and write one HTML report and one JSON file. The same input gives the same
    bytes."""
    try:
        from nightlamp.score.recording import DataError
        from nightlamp.score.report import evaluation, page
    except ModuleNotFoundError as error:
        fail(f"evaluation needs packages that are not installed ({error.name}): pip install 'nightlamp[train]'")
    if risks is not None and out_of_fold:
        fail("--risks and --out-of-fold are two ways to the same thing: give one", 2)
    folder = bundle_folder(bundle, models)
    with progress() as report:
        try:
            wanted = evaluation.Wanted(data, patients, risks, out_of_fold, adapter)
            found = evaluation.evaluate(evaluation.Bundle.at(folder), wanted, report)
        except (DataError, ValueError) as error:
            fail(str(error))
    reports.mkdir(parents=True, exist_ok=True)
    (reports / "report.json").write_text(json.dumps(found, indent=1) + "\n")
    (reports / "report.html").write_text(page.html(found))
    out.print(found["headline"], highlight=False)
    out.print(summary(found), highlight=False)
    out.print(f"written: {reports / 'report.html'} and report.json", highlight=False)


def summary(found: dict[str, Any]) -> str:
    """The figures and their intervals by group, aligned for the terminal whatever its width."""
    names = ("prevalence", "auroc", "auprc", "utility", "brier", "ece")
    shown = [name for name in names if name in found["overall"]]
    lines = [["rows of", "patients", "events", *(_TITLES.get(name, name) for name in shown)]]
    groups = [("all", found["overall"])]
    for key in ("by_half", "by_hospital"):
        groups += list(found.get(key, {}).items())
    for name, one in groups:
        figures = [_figure(one, figure) for figure in shown]
        lines.append([name, f"{one['patients']:,}", f"{one['event_patients']:,}", *figures])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


_TITLES = {"auroc": "AUROC", "auprc": "AUPRC", "brier": "Brier", "ece": "ECE"}
_SPREAD = ("auroc", "auprc", "utility")


def _figure(one: dict[str, Any], name: str) -> str:
    if one.get(name) is None:
        return "-"
    spread = one["ci95"].get(name) if name in _SPREAD else None
    return f"{one[name]:.4f}" + (f" ({spread[0]:.3f}-{spread[1]:.3f})" if spread else "")
