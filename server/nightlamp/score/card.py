"""card.md: what a model is, for whom, how good it was measured to be, and what nobody knows about it.

The headings are those that ONC HTI-1 b(11) and TRIPOD+AI ask for. A card is a function of manifest.toml, metrics.json
and the recipe's `[card]`: prose there, where `{{ figure("overall.auroc") }}` stands for a figure, so that none is typed
by hand. What the recipe does not answer says so. `[[card.targets]]` are what the bundle was to reach: `name`, `figure`,
`at_least` or `at_most`, and `tried`, which is shown where it was missed.
"""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

HERE = Path(__file__).parent
#: Keys of `[card]` that a recipe answers in prose; the template has their headings.
PROSE = (
    "developer", "funding", "output", "intended_use", "population", "users", "cautions", "risks", "inclusion",
    "demographics", "representativeness", "relevance", "fairness", "external_validation", "validity", "unknown",
    "monitoring", "local_validity", "updates", "references",
)  # fmt: skip
HEADINGS = (
    "Developer", "Funding", "Output and its type", "Intended use", "Intended population", "Users and their role",
    "Cautions", "Known risks", "Training data: inclusion and exclusion", "Demographic inputs", "Representativeness",
    "Relevance", "Fairness approach", "External validation", "Internal validity", "Internal fairness", "Targets",
    "What it looks at", "Not known", "Monitoring and its frequency", "Local validity and fairness",
    "Update schedule", "References",
)  # fmt: skip
UNSTATED = "Not stated by who trained this bundle."
DIMENSIONS = {
    "by_age": "age", "by_sex": "sex", "by_unit": "service", "by_ethnicity": "ethnicity", "by_variant": "variant",
}  # fmt: skip


def card(manifest: dict[str, Any], metrics: dict[str, Any], prose: dict[str, Any]) -> str:
    """The card as Markdown. Raises ValueError where the prose names a figure there is not."""
    environment = Environment(
        loader=FileSystemLoader(HERE),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Markdown for people, from a recipe of this repository or of the site itself
    )

    def figure(path: str, digits: int = 3) -> str:
        return f"{find(metrics, path):.{digits}f}"

    def percent(path: str, digits: int = 1) -> str:
        return f"{find(metrics, path) * 100:.{digits}f} %"

    def count(path: str) -> str:
        return f"{int(find(metrics, path)):,}"

    measured = {key for key, value in metrics.items() if value}
    said = {
        key: environment.from_string(str(prose.get(key, UNSTATED))).render(figure=figure, percent=percent, count=count)
        for key in PROSE
    }
    return environment.get_template("card.md.j2").render(
        manifest=manifest,
        metrics=metrics,
        said={key: text.strip() for key, text in said.items()},
        tried=str(prose.get("tried", "")).strip(),
        targets=[target(metrics, one) for one in prose.get("targets", []) if one["figure"].split(".")[0] in measured],
        dimensions={key: title for key, title in DIMENSIONS.items() if key in metrics},
        interval=interval,
    )


def find(metrics: dict[str, Any], path: str) -> float:
    """A figure by its path: `overall.auroc`, `by_hospital.A.auprc`, `transfer.A.B.plain.auroc` (source, target, means).

    Raises ValueError where there is none.
    """
    at: Any = metrics
    parts = path.split(".")
    if parts[0] == "transfer" and len(parts) == 5:
        known_rows = metrics.get("transfer") or []
        rows = [row for row in known_rows if [row["source"], row["target"], row["means"]] == parts[1:4]]
        at, parts = (rows[0] if rows else {}), parts[4:]
    for part in parts:
        known = at.get(part) if isinstance(at, dict) else at[int(part)] if isinstance(at, list) else None
        if known is None:
            raise ValueError(f"the card speaks of {path}, which was not measured")
        at = known
    return float(at)


def target(metrics: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """A target with what was measured, whether it is met and by how much it is missed."""
    measured = find(metrics, wanted["figure"])
    bound = wanted.get("at_least", wanted.get("at_most"))
    if bound is None:
        raise ValueError(f"the card's target {wanted['name']} has neither at_least nor at_most")
    short_by = float(bound) - measured if "at_least" in wanted else measured - float(bound)
    return {
        "name": wanted["name"],
        "bound": f"{'at least' if 'at_least' in wanted else 'at most'} {bound:g}",
        "measured": measured,
        "met": short_by <= 0,
        "short_by": short_by,
        "tried": wanted.get("tried", "Not stated."),
    }


def interval(one: dict[str, Any], name: str, digits: int = 3) -> str:
    """` (0.812 to 0.845)`, or nothing."""
    spread = one.get("ci95", {}).get(name)
    return f" ({spread[0]:.{digits}f} to {spread[1]:.{digits}f})" if spread else ""
