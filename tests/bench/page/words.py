"""Numbers, tables and bars as text."""

import math
from collections.abc import Iterable, Sequence

BAR = 40


def number(value: float) -> str:
    """With as many digits as mean something."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 0.1 or value == 0 else f"{value:.2g}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in line) + " |" for line in lines)


def bars(values: dict[str, float], unit: str) -> str:
    """A chart in a code block; logarithmic where values lie more than 20 times apart."""
    width = max(len(name) for name in values)
    low, high = min(values.values()), max(values.values())
    wide = low > 0 and high / low > 20

    def length(value: float) -> int:
        share = math.log(value / low * 3) / math.log(high / low * 3) if wide else value / high if high else 0
        return max(1, round(share * BAR))

    lines = [f"{name:<{width}}  {'█' * length(value):<{BAR}}  {number(value)} {unit}" for name, value in values.items()]
    return "```text\n" + "\n".join(lines) + ("\n(logarithmic)" if wide else "") + "\n```"
