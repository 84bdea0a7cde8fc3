"""The named statements of queries.sql, the store's or another part's: SQL lives in `.sql`, Python calls it by name."""

import re
from functools import cache
from pathlib import Path

STORE = Path(__file__).with_name("queries.sql")
_HEAD = re.compile(r"^-- (?P<name>[a-z_]+): (?P<what>.+)$")


@cache
def statements(file: Path = STORE) -> dict[str, str]:
    """Name to statement. Raises ValueError where queries.sql is not well formed."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in file.read_text().splitlines()[1:]:
        head = _HEAD.match(line)
        if head is None:
            lines.append(line)
            continue
        if head["name"] in found:
            raise ValueError(f"queries.sql names {head['name']} twice")
        lines = found[head["name"]] = []
    texts = {name: "\n".join(lines).strip().removesuffix(";") for name, lines in found.items()}
    if empty := [name for name, text in texts.items() if not text]:
        raise ValueError(f"queries.sql has no statement for {', '.join(empty)}")
    return texts


def sql(name: str, file: Path = STORE) -> str:
    """The statement of that name. Raises KeyError where there is none."""
    return statements(file)[name]
