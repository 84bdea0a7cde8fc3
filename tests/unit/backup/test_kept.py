"""P8: which backups `--keep` leaves, and a backup that no server could go on from."""

from pathlib import Path

import pytest

from nightlamp.backup import check
from nightlamp.backup.manifest import Damage, Journal, Manifest, Store, named, write
from nightlamp.backup.take import Taken, _problems, prune


def made(root: Path, name: str, journal: Journal) -> Taken:
    """A backup with nothing in it but its manifest."""
    (root / name).mkdir(parents=True)
    store = Store(journal.last_seq, "", "postgresql", [], {}, {}, [])
    manifest = Manifest(1, name, "0", "", "stopped", journal, store, [], "", True, [], [], [])
    write(root / name, manifest)
    return Taken(root / name, manifest, 0, 0, 0, _problems(manifest, root))


def of(last_seq: int, journal: str = "ours", first_seq: int = 1, damage: tuple[Damage, ...] = ()) -> Journal:
    """A journal up to a frame."""
    return Journal(journal, first_seq, last_seq, last_seq, [0] if first_seq == 1 else [], list(damage))


@pytest.mark.parametrize("keep", [1, 2])
def test_p8_keep_never_removes_the_one_just_made_nor_one_of_another_journal(tmp_path: Path, keep: int) -> None:
    made(tmp_path, "20990101T000000Z", of(10))  # the clock was wrong then
    older = made(tmp_path, "20260101T000000Z", of(20))
    other = made(tmp_path, "20250101T000000Z", of(5, "theirs"))
    taken = made(tmp_path, "20260102T000000Z", of(30))
    list(prune(tmp_path, taken, keep))
    assert named(tmp_path) == [other.path, *([older.path] if keep == 2 else []), taken.path]


def test_p8_what_is_half_removed_has_no_name_of_a_backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path, "20260101T000000Z", of(20))
    taken = made(tmp_path, "20260102T000000Z", of(30))
    with monkeypatch.context() as patched:
        patched.setattr("shutil.rmtree", lambda path: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            list(prune(tmp_path, taken, 1))
    assert named(tmp_path) == [taken.path]
    list(prune(tmp_path, taken, 1))
    assert [path.name for path in sorted(tmp_path.iterdir())] == [".lock", taken.path.name]


def test_p8_a_backup_without_a_beginning_is_a_problem_when_made_and_when_verified(tmp_path: Path) -> None:
    taken = made(tmp_path, "20260101T000000Z", of(30, first_seq=10))
    assert "could not go on" in taken.problems[0]
    assert "could not go on" in check.verify(taken.path)[1][-1]
    assert made(tmp_path, "20260102T000000Z", of(30)).problems == []


def test_p8_missing_frames_are_a_problem_until_a_backup_before_told_of_them(tmp_path: Path) -> None:
    hole, flaw = Damage("9.journal", 0, 7), Damage("5.journal", 64, 5)
    assert "from 7 on" in made(tmp_path, "20260101T000000Z", of(30, damage=(hole, flaw))).problems[0]
    assert made(tmp_path, "20260102T000000Z", of(31, damage=(hole, flaw))).problems == []
