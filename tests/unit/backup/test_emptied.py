"""P8: what stood in a data folder before a restoration is never deleted, wherever that was interrupted."""

import contextlib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nightlamp.backup.emptied import emptied
from nightlamp.backup.manifest import BackupError
from nightlamp.identity.data_folder import INCOMPLETE

THERE = ("journal", "keys.json", "postgresql", "site.key")


class Killed(BaseException):
    """The process ended here."""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with something precious in each entry."""
    folder = tmp_path / "data"
    for name in ("journal", "postgresql"):
        (folder / name).mkdir(parents=True)
        (folder / name / "precious").write_text(name)
    for name in ("keys.json", "site.key"):
        (folder / name).write_text(name)
    return folder


@contextmanager
def killed_while_filling(data: Path, backup: str) -> Iterator[str]:
    """A restoration that ends where this ends; the journal's new name."""
    with contextlib.suppress(Killed), emptied(data, backup, replace=True) as empty:
        yield empty.journal
        raise Killed


def kept(data: Path) -> list[str]:
    """What of all that was there is in before-restore-*."""
    (aside,) = data.glob("before-restore-*")
    found = sorted(path.name for path in aside.iterdir())
    assert all((path / "precious" if path.is_dir() else path).read_text() == path.name for path in aside.iterdir())
    return found


@pytest.mark.parametrize("moves", range(len(THERE) + 1))
def test_p8_killed_after_any_of_the_moves_and_run_again_all_that_was_there_is_kept(
    data: Path, moves: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, done = Path.rename, 0

    def killed(self: Path, target: Path) -> Path:
        nonlocal done
        if "before-restore" in str(target) or (moves == len(THERE) and done == moves):
            if done == moves:
                raise Killed
            done += 1
        return rename(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", killed)
        with pytest.raises(Killed), emptied(data, "b", replace=True):
            pass
    with emptied(data, "b", replace=False):
        (data / "journal").mkdir()
        assert kept(data) == sorted(THERE)
    assert kept(data) == sorted(THERE)
    assert not (data / INCOMPLETE).exists()


def test_p8_only_our_own_half_is_deleted_and_the_journals_new_name_stays_with_its_backup(data: Path) -> None:
    names = []
    for backup in ("b", "b", "c"):
        with killed_while_filling(data, backup) as journal:
            names.append(journal)
            assert not (data / "journal").exists()
            (data / "journal").mkdir()
    assert names[0] == names[1] != names[2]
    assert kept(data) == sorted(THERE)


def test_p8_a_mark_of_another_nightlamp_deletes_nothing(data: Path) -> None:
    (data / INCOMPLETE).write_text("a restoration was begun here and has not ended; run it again\n")
    with pytest.raises(BackupError, match="by hand"), emptied(data, "b", replace=True):
        pass
    assert {path.name for path in data.iterdir()} == {INCOMPLETE, "lock", *THERE}


@contextmanager
def mounted(folder: Path) -> Iterator[None]:
    """A file system of its own there."""
    argv = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    if subprocess.run(argv, capture_output=True, check=False).returncode:
        pytest.skip("SKIPPED: no file system can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_p8_a_mount_that_is_not_empty_is_refused_before_anything_is_touched(data: Path) -> None:
    with mounted(data / "journal"):
        (data / "journal" / "precious").write_text("journal")
        for _ in range(2):
            with pytest.raises(BackupError, match="file system of its own"), emptied(data, "b", replace=True):
                pass
            assert {path.name for path in data.iterdir()} == {"lock", *THERE}
            assert (data / "journal" / "precious").read_text() == "journal"
        # Emptied by a person it is filled, and what an unfinished run left in it is ours.
        (data / "journal" / "precious").unlink()
        for _ in range(2):
            with killed_while_filling(data, "b"):
                assert not any((data / "journal").iterdir())
                (data / "journal" / "half").touch()


def test_p8_a_mount_that_came_back_between_two_runs_is_not_taken_for_ours(data: Path) -> None:
    with killed_while_filling(data, "b"):
        (data / "journal").mkdir()
    with mounted(data / "journal"):
        (data / "journal" / "precious").write_text("journal")
        with pytest.raises(BackupError, match="file system of its own"), emptied(data, "b", replace=True):
            pass
        assert (data / "journal" / "precious").read_text() == "journal"
