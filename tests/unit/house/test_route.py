"""The house rules that a reader relies on, held by a test: one-way route, small files, no forbidden names."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
ROUTE = ["receive", "journal", "decode", "window", "score", "alert", "store", "publish"]
#: Types stand at the boundary where they are made: these edges name a type of the stage before.
ALLOWED_RUST = {
    ("receive", "journal"): "receive hands frames to the journal",
}
#: Python's receive hands to the engine; nothing in Python may import a later stage.
LINES_MAX = 500


def _rust_files() -> list[Path]:
    return sorted((ROOT / "core_rs/src").rglob("*.rs"))


def _stage(path: Path, base: Path) -> str | None:
    part = path.relative_to(base).parts[0]
    return part if part in ROUTE else None


def _rust_edges() -> Iterator[tuple[Path, str, str]]:
    base = ROOT / "core_rs/src"
    for path in _rust_files():
        stage = _stage(path, base)
        if stage is None:
            continue
        source = path.read_text().split("#[cfg(test)]")[0]
        for target in re.findall(r"crate::(\w+)", source):
            if target in ROUTE and target != stage:
                yield path, stage, target


def test_rust_imports_point_back_along_the_route_only() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {stage} imports {target}"
        for path, stage, target in _rust_edges()
        if ROUTE.index(target) > ROUTE.index(stage) and (stage, target) not in ALLOWED_RUST
    ]
    assert not wrong, "\n".join(wrong)


def test_pyo3_stays_in_bindings() -> None:
    wrong = [p for p in _rust_files() if "bindings" not in p.parts and re.search(r"\bpyo3::", p.read_text())]
    assert not wrong


def test_python_imports_point_back_along_the_route_only() -> None:
    base = ROOT / "server/nightlamp"
    wrong = []
    for path in sorted(base.rglob("*.py")):
        stage = _stage(path, base)
        if stage is None:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            for name in names:
                parts = name.split(".")
                if parts[0] == "nightlamp" and len(parts) > 1 and parts[1] in ROUTE:
                    if ROUTE.index(parts[1]) > ROUTE.index(stage):
                        wrong.append(f"{path.relative_to(ROOT)}: {stage} imports {parts[1]}")
                    if parts[1] in {"app", "cli", "pipeline"}:
                        wrong.append(f"{path.relative_to(ROOT)}: {stage} imports the wiring")
    assert not wrong, "\n".join(wrong)


def _tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / line for line in done.stdout.splitlines()]


def test_files_have_one_subject() -> None:
    """No source file is longer than 500 lines, none is called by a name that says nothing."""
    code = [p for p in _tracked() if p.suffix in {".py", ".rs", ".js", ".sql", ".sh"} and "vendor" not in p.parts]
    long = [f"{p.relative_to(ROOT)}: {n}" for p in code if (n := len(p.read_text().splitlines())) > LINES_MAX]
    vague = [p for p in code if p.stem in {"utils", "util", "helpers", "common", "manager", "base", "misc"}]
    assert not long, "\n".join(long)
    assert not vague


def test_no_registry_host_is_named() -> None:
    hosts = re.compile(
        "|".join(["pypi" + r"\.org", "pythonhosted" + r"\.org", "registry\\." + "npmjs", "deb\\." + "debian"])
    )
    wrong = []
    for path in _tracked():
        if path.is_symlink() or path.suffix in {".png", ".woff2"}:
            continue
        text = path.read_text(errors="replace")
        if hosts.search(text):
            wrong.append(str(path.relative_to(ROOT)))
    assert not wrong
