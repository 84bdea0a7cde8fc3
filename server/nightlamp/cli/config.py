"""`nightlamp config`: the settings in effect as TOML, secrets masked."""

from typing import Annotated, Any

import typer
from pydantic import BaseModel, SecretStr

from .terminal import out, settings_of


def config(
    context: typer.Context,
    describe: Annotated[bool, typer.Option("--describe", help="With what each setting means.")] = False,
) -> None:
    """Print the settings in effect (TOML, secrets masked)."""
    out.print("\n".join(render(settings_of(context), describe)), markup=False, highlight=False)


def render(model: BaseModel, describe: bool = False, path: str = "") -> list[str]:
    """Lines of TOML: plain values first, then tables, as TOML wants it. What is absent is a comment."""
    plain: list[str] = []
    tables: list[str] = []
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        about = [f"# {line}".rstrip() for line in (field.description or "").splitlines()] if describe else []
        inner = f"{path}.{name}" if path else name
        if isinstance(value, BaseModel):
            tables += ["", *about, f"[{inner}]", *render(value, describe, inner)]
        elif isinstance(value, list) and value and isinstance(value[0], BaseModel):
            for one in value:
                tables += ["", *about, f"[[{inner}]]", *render(one, describe, inner)]
        else:
            plain += [*about, f"# {name} =" if value is None else f"{name} = {toml_value(value)}"]
    return plain + tables


def toml_value(value: Any) -> str:
    """One value as TOML."""
    match value:
        case SecretStr():
            return '"********"' if value.get_secret_value() else '""'
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case list():
            return f"[{', '.join(toml_value(one) for one in value)}]"
        case dict():
            return "{ " + ", ".join(f"{toml_value(str(key))} = {toml_value(one)}" for key, one in value.items()) + " }"
        case _:
            text = str(value).replace("\\", "\\\\").replace('"', '\\"')
            return '"' + "".join(char if char.isprintable() else f"\\u{ord(char):04X}" for char in text) + '"'
