"""`nightlamp train`: recorded data to a model bundle, through the engine that serves."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from .evaluate import summary
from .progress import progress
from .terminal import fail, out


def train(
    bundle: Annotated[str, typer.Argument(help="Which bundle, by its recipe; or a recipe file of your own (.toml).")],
    data: Annotated[
        Path, typer.Option(help="The recorded data (sepsis: folder of the PhysioNet/CinC Challenge 2019).")
    ],
    adapter: Annotated[
        str | None, typer.Option(help="What reads the data, if not what the recipe names; long_format for your own.")
    ] = None,
    models: Annotated[Path, typer.Option("--out", help="Where bundles stand.")] = Path("models"),
    risks: Annotated[
        Path | None, typer.Option(help="Also write the out-of-fold risks here (Parquet), for `nightlamp evaluate`.")
    ] = None,
    patients: Annotated[int | None, typer.Option(min=100, help="Only so many patients: a trial, not a model.")] = None,
) -> None:
    """Train a bundle from recorded data. The same data and recipe give the same model file."""
    try:
        from nightlamp.score import adapters
        from nightlamp.score import bundle as bundles
        from nightlamp.score import recipe as recipes
        from nightlamp.score.recording import DataError
        from nightlamp.score.report import risks as risk_files
        from nightlamp.score.train import train as run
    except ModuleNotFoundError as error:
        fail(f"training needs packages that are not installed ({error.name}): pip install 'nightlamp[train]'")
    if bundle not in recipes.names() and not bundle.endswith(".toml"):
        fail(f"there is no recipe for {bundle}; there is {', '.join(recipes.names())}", 2)
    try:
        recipe = recipes.load(bundle)
    except ValueError as error:
        fail(str(error), 2)
    if adapter is not None:
        if adapter not in adapters.names():
            fail(f"there is no adapter {adapter}; there is {', '.join(adapters.names())}", 2)
        recipe = recipe.on(adapter)
    with progress() as report:
        report("reading the data", 0, 1)
        try:
            recording = adapters.read(path=data, patients=patients, **recipe.data)
            report("reading the data", 1, 1)
            trained = run(recipe, recording, report)
            if risks is not None:
                risk_files.write(risks, recording, risk_files.Risks(trained.risk, trained.alarms, trained.fold))
            folder = bundles.write(trained, models, datetime.now(UTC).date().isoformat())
        except (DataError, OSError, ValueError) as error:
            fail(str(error))
    out.print("out of fold:", highlight=False)
    out.print(summary(trained.figures), highlight=False)
    if bedside := trained.figures.get("bedside"):
        out.print(
            f"bedside threshold: enter {bedside['enter']:.4f}, clear {bedside['clear']:.4f} "
            f"({bedside['episodes_per_100_patient_days']:.2f} alerts per 100 patient-days, "
            f"PPV {bedside['ppv_alert'] or 0:.3f})",
            highlight=False,
        )
    out.print(f"written: {folder}", highlight=False)
