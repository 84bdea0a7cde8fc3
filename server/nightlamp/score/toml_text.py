"""Writing TOML: what a manifest needs of it. Tables, arrays of tables, strings, numbers, booleans, arrays of those."""

import json
import math
from typing import Any


def dumps(table: dict[str, Any]) -> str:
    """A table as TOML, keys in their order, plain values before tables.

    Raises ValueError for what TOML does not know.
    """
    return "\n".join(_lines(table, "")).strip() + "\n"


def _lines(table: dict[str, Any], path: str) -> list[str]:
    lines = [f"{_key(key)} = {_value(value)}" for key, value in table.items() if not _is_table(value)]
    for key, value in table.items():
        if not _is_table(value):
            continue
        inner = f"{path}.{_key(key)}" if path else _key(key)
        for one in value if isinstance(value, list) else [value]:
            head = f"[[{inner}]]" if isinstance(value, list) else f"[{inner}]"
            lines += ["", head, *_lines(one, inner)]
    return lines


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else json.dumps(key)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case int():
            return str(value)
        case float():
            return (
                repr(value)
                if math.isfinite(value)
                else {True: "nan"}.get(math.isnan(value), "inf" if value > 0 else "-inf")
            )
        case list() | tuple():
            return f"[{', '.join(_value(one) for one in value)}]"
    raise ValueError(f"TOML has no {type(value).__name__}")
