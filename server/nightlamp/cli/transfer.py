"""`nightlamp transfer`: how a bundle's recipe does from one site of its data to another, written into the bundle."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from .progress import progress
from .terminal import fail, out


def transfer(
    bundle: Annotated[str, typer.Argument(help="Which bundle, by its recipe; it has been trained.")],
    data: Annotated[Path, typer.Option(help="The recorded data that it was trained on.")],
    models: Annotated[Path, typer.Option("--out", help="Where bundles stand.")] = Path("models"),
    patients: Annotated[int | None, typer.Option(min=100, help="Only so many patients: a trial.")] = None,
) -> None:
    """Fit the recipe at each site alone, judge it at the others, and write that into metrics.json and card.md."""
    try:
        from nightlamp.score import adapters
        from nightlamp.score import bundle as bundles
        from nightlamp.score import recipe as recipes
        from nightlamp.score.recording import DataError
        from nightlamp.score.transfer import measure
    except ModuleNotFoundError as error:
        fail(f"training needs packages that are not installed ({error.name}): pip install 'nightlamp[train]'")
    if bundle not in recipes.names():
        fail(f"there is no recipe for {bundle}; there is {', '.join(recipes.names())}", 2)
    recipe = recipes.load(bundle)
    folder = models / recipe.name / recipe.version
    with progress() as report:
        try:
            bundles.check_recipe(folder, recipe)
            found = measure(recipe, adapters.read(path=data, patients=patients, **recipe.data), report)
            bundles.add_transfer(folder, recipe, found)
        except (DataError, OSError, ValueError) as error:
            fail(str(error))
    table = Table("from, to", "means", "labelled", "AUROC", "AUPRC", "utility", box=None)
    for one in found:
        figures = [f"{one[name]:.4f}" if name in one else "" for name in ("auroc", "auprc", "utility")]
        table.add_row(f"{one['source']} to {one['target']}", one["means"], str(one["labelled"]), *figures)
    out.print(table)
    out.print(f"written: {folder}", highlight=False)
