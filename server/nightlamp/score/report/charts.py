"""Charts as SVG for the page: matplotlib draws, colours are the page's CSS variables: light, dark and print follow.

Same figures, same bytes: no date, ids from a fixed salt a chart. Text stays text; an `aria-label` says what is shown.
"""

import io
import re
from collections.abc import Callable
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

#: Colours matplotlib is told, and the variables of report.css that they become.
INK, MUTED, GRID = "#010101", "#020202", "#030303"
MODEL, SECOND, THIRD, FOURTH, FIFTH = "#040404", "#050505", "#060606", "#070707", "#080808"
_VARIABLES = {
    INK: "ink", MUTED: "muted", GRID: "grid", MODEL: "c1", SECOND: "c2", THIRD: "c3", FOURTH: "c4", FIFTH: "c5",
}  # fmt: skip
OF_RULE = {"NEWS2": SECOND, "MEWS": THIRD, "qSOFA": FOURTH, "SIRS": FIFTH}
DASHES = {"NEWS2": (5, 2), "MEWS": (2, 1.5), "qSOFA": (6, 2, 1, 2), "SIRS": (1, 1.2)}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.6,
}


def svg(name: str, title: str, draw: Callable[[Axes], None], size: tuple[float, float] = (5.2, 3.9)) -> str:
    """One chart as an `<svg>` element; `title` is read out in its stead."""
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.add_subplot())
        out = io.StringIO()
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var(--{variable})")
    text = re.sub(r'(id="|#)(?=[\w])', rf"\g<1>{name}-", text)
    head, rest = text.split(">", 1)
    head = re.sub(r' (width|height)="[^"]*"', "", head)
    return f'{head} role="img" aria-label="{title}">{rest.strip()}'


def _percent(axis: Any, digits: int = 0) -> None:
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value * 100:.{digits}f} %"))


def roc(figures: dict[str, Any]) -> str:
    """ROC of the model and the rules."""

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8)
        for name, curve in reversed(figures["curves"].items()):
            _line(axes, name, curve["fpr"], curve["tpr"])
        axes.set(xlabel="false positive share of rows", ylabel="true positive share of rows")
        axes.set(xlim=(0, 1), ylim=(0, 1.01))
        axes.set_aspect("equal")
        _legend(axes, "lower right")

    return svg("roc", "ROC curve of the model and the rules", draw, (4.6, 4.4))


def precision_recall(figures: dict[str, Any]) -> str:
    """Precision against recall, with the prevalence as what chance gives."""
    prevalence = figures["overall"]["prevalence"]

    def draw(axes: Axes) -> None:
        axes.axhline(prevalence, color=MUTED, linewidth=0.8)
        top = 0.0
        for name, curve in reversed(figures["curves"].items()):
            shown = [(r, p) for r, p in zip(curve["recall"], curve["precision"], strict=True) if r >= 0.01]
            _line(axes, name, [r for r, _ in shown], [p for _, p in shown])
            top = max(top, *(p for _, p in shown))
        top = min(1.0, top * 1.08)
        axes.set(xlabel="recall (share of positive rows)", ylabel="precision", xlim=(0, 1), ylim=(0, top))
        _percent(axes.yaxis, 0 if top > 0.1 else 1)
        _legend(axes, "upper right")

    return svg("pr", "Precision-recall curve of the model and the rules", draw, (4.6, 4.4))


def reliability(bins: list[dict[str, Any]], name: str, title: str) -> str:
    """Mean risk against observed share in ten bins on log axes, rows a bin in the tick below."""
    known = [one for one in bins if one["rows"] and one["events"]]

    def draw(axes: Axes) -> None:
        risk, share = [one["mean_risk"] for one in known], [one["share_with_outcome"] for one in known]
        low, high = min([*risk, *share]) / 1.6, min(1.05, max([*risk, *share]) * 1.6)
        axes.plot([low, high], [low, high], color=MUTED, linewidth=0.8)
        spread = [_wilson(one["events"], one["rows"]) for one in known]
        below = [max(0.0, s - a) for s, (a, _) in zip(share, spread, strict=True)]
        above = [max(0.0, b - s) for s, (_, b) in zip(share, spread, strict=True)]
        axes.errorbar(
            risk, share, yerr=[below, above], color=MODEL, marker="o", markersize=5, capsize=2.5, linewidth=1.2
        )
        axes.set(xlabel="mean risk given", ylabel="share with the outcome", xscale="log", yscale="log")
        axes.set(xlim=(low, high), ylim=(low, high))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=8))
            axis.set_minor_formatter(NullFormatter())
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value * 100:.3g} %"))
        axes.tick_params(axis="x", labelrotation=40)

    return svg(name, title, draw)


def _wilson(events: int, rows: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927); rows of one patient are not independent, so it is too short."""
    z, share = 1.96, events / rows
    centre, width = share + z * z / (2 * rows), z * ((share * (1 - share) + z * z / (4 * rows)) / rows) ** 0.5
    return (centre - width) / (1 + z * z / rows), (centre + width) / (1 + z * z / rows)


def decision(curve: dict[str, list[float]]) -> str:
    """Net benefit by threshold; what falls far below zero is not shown."""
    names = {
        "news2_as_risk": ("NEWS2 as a risk", SECOND, (5, 2)),
        "news2_5": ("NEWS2 5 and more", THIRD, (2, 1.5)),
        "news2_7": ("NEWS2 7 and more", FOURTH, (6, 2, 1, 2)),
        "all": ("treat all", FIFTH, (1, 1.2)),
    }

    def draw(axes: Axes) -> None:
        per_1000 = [value * 1000 for value in curve["model"]]
        axes.axhline(0, color=MUTED, linewidth=0.8)
        for key, (name, colour, dashes) in names.items():
            if any(curve.get(key, [])):  # a rule that never calls draws nothing
                values = [value * 1000 for value in curve[key]]
                axes.plot(curve["threshold"], values, color=colour, label=name, dashes=dashes, linewidth=1.3)
        axes.plot(curve["threshold"], per_1000, color=MODEL, label="model", linewidth=2.0)
        top = max(per_1000) * 1.1 or 1.0
        axes.set(xscale="log", ylim=(-0.25 * top, top), xlim=(curve["threshold"][0], curve["threshold"][-1]))
        axes.set(xlabel="risk at which one would act", ylabel="net true positives per 1,000 rows")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=8))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value * 100:.3g} %"))
        _legend(axes, "upper right")

    return svg("decision", "Decision curve: net benefit of the model, of NEWS2 and of treating all", draw)


def leads(lead: dict[str, Any]) -> str:
    """Share of stays with the outcome that had a right alert so many hours before it."""

    def draw(axes: Axes) -> None:
        for name, one in reversed(lead.items()):
            colour = MODEL if name == "model" else OF_RULE.get(name, SECOND)
            hours = one["hours_before"]
            axes.step(hours, one["share_alerted"], where="mid", color=colour, label=name)
        first = lead["model"]["hours_before"]
        axes.set(xlabel="hours before the outcome", ylabel="stays already alerted", xlim=(first[-1], first[0]))
        axes.set_ylim(bottom=0)
        axes.axvline(0, color=MUTED, linewidth=0.8)
        _percent(axes.yaxis)
        _legend(axes, "upper left")

    return svg("lead", "Share of stays with the outcome that were alerted so many hours before it", draw)


def budgets(figures: dict[str, Any], key: str, title: str) -> str:
    """A share (`ppv_alert`, `sensitivity`) by alert budget, with intervals, of the model and of the rules."""

    def draw(axes: Axes) -> None:
        named = [*reversed(figures["alert_budgets_of_rules"].items()), ("model", figures["alert_budgets"])]
        for at, (name, rows) in enumerate(named):
            beside = 1.045 ** (len(named) - 1 - at)  # so that intervals do not hide each other
            rate = [row["episodes_per_100_patient_days"] * beside for row in rows]
            share = [row[key] or 0.0 for row in rows]
            spread = [row["ci95"][key] or [s, s] for row, s in zip(rows, share, strict=True)]
            low = [max(0.0, s - a) for s, (a, _) in zip(share, spread, strict=True)]
            high = [max(0.0, b - s) for s, (_, b) in zip(share, spread, strict=True)]
            colour = MODEL if name == "model" else OF_RULE.get(name, SECOND)
            axes.errorbar(rate, share, yerr=[low, high], color=colour, marker="o", markersize=4, capsize=2, label=name)
        axes.set(xscale="log", xlabel="alert episodes per 100 patient-days", ylabel=title)
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=8))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        _percent(axes.yaxis)
        _legend(axes, "upper right" if key == "ppv_alert" else "upper left")

    return svg(key, f"{title} by alert budget, of the model and of the rules", draw)


def subgroups(figures: dict[str, Any], dimensions: dict[str, str]) -> str:
    """AUROC of every subgroup with its interval; the band is that of all rows."""
    rows = [
        (f"{title}: {name}", one)
        for key, title in dimensions.items()
        for name, one in figures.get(key, {}).items()
        if one.get("ci95", {}).get("auroc")
    ]

    def draw(axes: Axes) -> None:
        low, high = figures["overall"]["ci95"]["auroc"]
        axes.axvspan(low, high, color=GRID, zorder=0)
        for at, (_, one) in enumerate(rows):
            a, b = one["ci95"]["auroc"]
            axes.plot([a, b], [at, at], color=MODEL, linewidth=1.4)
            axes.plot([one["auroc"]], [at], color=MODEL, marker="o", markersize=5)
        axes.set_yticks(range(len(rows)), [name for name, _ in rows])
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set(xlabel="AUROC, 95 % interval (band: all rows)")

    return svg("subgroups", "AUROC by subgroup with 95 % intervals", draw, (7.4, 0.8 + 0.3 * len(rows)))


def _line(axes: Axes, name: str, x: list[float], y: list[float]) -> None:
    if name == "model":
        axes.plot(x, y, color=MODEL, label="model", linewidth=2.0)
    else:
        axes.plot(x, y, color=OF_RULE.get(name, SECOND), label=name, dashes=DASHES.get(name, (5, 2)), linewidth=1.2)


def _legend(axes: Axes, where: Literal["upper left", "upper right", "lower right"]) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if len(labels) > 1:
        axes.legend(handles[::-1], labels[::-1], loc=where)
