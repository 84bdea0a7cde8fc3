"""Each limit has a test that reaches it: the table names every limit; every test it names exists and speaks of it."""

import ast
import re
from pathlib import Path

import pytest
from limits import REACHED

from nightlamp.publish.limits import PublishLimits
from nightlamp.settings import Channel, Http, Lane, Limits, Notify, Replay

ROOT = Path(__file__).resolve().parents[3]
#: Settings of these sections that bound nothing.
NO_BOUND = {"host", "port", "tls"}


def _limits() -> set[str]:
    constants = re.findall(r"^pub const (\w+):", (ROOT / "core_rs/src/limits.rs").read_text(), re.MULTILINE)
    replay = {f"{name} of replay" if name in Http.model_fields else name for name in Replay.model_fields}
    fields = {*Limits.model_fields, *Http.model_fields, *Lane.model_fields, *PublishLimits.__dataclass_fields__}
    notify = {
        name for one in (Notify, Channel) for name in one.model_fields if name.endswith(("_max", "_min", "dead_s"))
    }
    return ({*constants, *fields} | replay | notify) - NO_BOUND


def _source(test: str) -> str:
    """The source of the file a test stands in; empty where there is no such test."""
    name, _, function = test.partition("::")
    text = (ROOT / name).read_text()
    if name.endswith(".py"):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == function:
                return text
        return ""
    return text if re.search(rf"#\[test\]\s+fn {function}\(", text) else ""


def test_every_limit_is_in_the_table_and_nothing_else_is() -> None:
    assert set(REACHED) == _limits()


@pytest.mark.parametrize("limit", REACHED)
def test_the_test_that_reaches_a_limit_exists_and_speaks_of_it(limit: str) -> None:
    test, says = REACHED[limit]
    source = _source(test)
    assert source, f"{limit}: there is no {test}"
    assert says in source, f"{limit}: {test} does not speak of {says}"
