"""The report as one HTML file: no script, no address, readable in light, dark and on paper."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from nightlamp.score.report import charts

HERE = Path(__file__).parent
#: Subgroup dimensions in the order of the page.
DIMENSIONS = {
    "by_hospital": "hospital", "by_half": "half", "by_age": "age", "by_sex": "sex", "by_unit": "service",
    "by_ethnicity": "ethnicity", "by_variant": "variant",
}  # fmt: skip
ABSENT, TO = "\u2013", "\u2013"


def html(found: dict[str, Any]) -> str:
    """The page of an evaluation."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"share": share, "number": number, "count": count, "within": within}
    return environment.get_template("report.html.j2").render(
        found=found,
        css=(HERE / "report.css").read_text(),
        charts=drawn(found),
        dimensions={key: title for key, title in DIMENSIONS.items() if key in found},
    )


def drawn(found: dict[str, Any]) -> dict[str, str]:
    """Every chart there are figures for."""
    if "auroc" not in found["overall"]:
        return {}
    made = {
        "roc": charts.roc(found),
        "pr": charts.precision_recall(found),
        "reliability_mass": charts.reliability(
            found["reliability"]["equal_mass"], "mass", "Reliability in ten bins of equally many rows"
        ),
        "reliability_width": charts.reliability(
            found["reliability"]["equal_width"], "width", "Reliability in ten bins of equal width"
        ),
        "decision": charts.decision(found["decision_curve"]),
        "subgroups": charts.subgroups(found, DIMENSIONS),
    }
    if "alert_budgets" in found:
        made |= {
            "ppv": charts.budgets(found, "ppv_alert", "PPV of an alert"),
            "sensitivity": charts.budgets(found, "sensitivity", "stays with the outcome found"),
            "lead": charts.leads(found["lead_time"]),
        }
    return made


def share(value: float | None, digits: int = 1) -> str:
    """A share as per cent; a dash where there is none."""
    return ABSENT if value is None else f"{value * 100:.{digits}f} %"


def number(value: float | None, digits: int = 3) -> str:
    """A number; a dash where there is none."""
    if value is None:
        return ABSENT
    text = f"{value:.{digits}f}"
    return text[1:] if float(text) == 0.0 and text.startswith("-") else text


def count(value: int | None) -> str:
    """A whole number with its thousands apart."""
    return ABSENT if value is None else f"{value:,}"


def within(one: dict[str, Any], name: str, digits: int = 3, scale: float = 1.0) -> str:
    """The interval of a figure, in brackets; empty where there is none."""
    spread = one.get("ci95", {}).get(name)
    return "" if spread is None else f"{spread[0] * scale:.{digits}f}{TO}{spread[1] * scale:.{digits}f}"
