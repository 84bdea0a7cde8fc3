"""The console's files: vendored ones are those of their packages, own ones stay small and ask nobody outside."""

import hashlib
import re
from importlib.resources import files
from pathlib import Path

STATIC = Path(str(files("nightlamp.console"))) / "static"
LINES_MAX = 250


def test_vendored_files_are_the_published_ones_and_each_has_its_licence() -> None:
    said = dict(re.findall(r"^    ([0-9a-f]{64})  (\S+)$", (STATIC / "vendor/README.md").read_text(), re.MULTILINE))
    by_name = {name: digest for digest, name in said.items()}
    here = [path for path in (STATIC / "vendor").rglob("*") if path.suffix in {".js", ".css"}]
    assert {str(path.relative_to(STATIC / "vendor")) for path in here} == set(by_name)
    for path in here:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == by_name[str(path.relative_to(STATIC / "vendor"))]
        assert (path.parent / "LICENSE").is_file()


def test_own_modules_are_small_and_name_no_address() -> None:
    own = [*(STATIC / "js").glob("*.js"), *(STATIC / "style").glob("*.css"), STATIC / "index.html"]
    assert [path.name for path in own if len(path.read_text().splitlines()) > LINES_MAX] == []
    assert [path.name for path in own if re.search(r"https?://", path.read_text())] == []


def test_every_module_that_is_imported_is_there() -> None:
    for path in (STATIC / "js").glob("*.js"):
        for name in re.findall(r'from "(\.[^"]+)"', path.read_text()):
            assert (path.parent / name).is_file(), f"{path.name}: {name}"
