"""The data folder: private, used by one server at a time, naming its journal."""

import asyncio
import stat
from pathlib import Path

import pytest

from nightlamp.backup.source import in_use
from nightlamp.identity.data_folder import DataFolder, DataFolderError, FolderInUse


def test_it_is_made_private(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "a" / "b")
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_two_servers_cannot_share_it(tmp_path: Path) -> None:
    first, second = DataFolder(tmp_path), DataFolder(tmp_path)
    first.lock()
    with pytest.raises(DataFolderError, match="in use"):
        second.lock()


async def test_a_start_waits_for_a_backup_that_has_the_folder_and_says_that_it_may_be_one(tmp_path: Path) -> None:
    with in_use(tmp_path):
        with pytest.raises(FolderInUse, match="by a backup"):
            await DataFolder(tmp_path).lock_within(0.3)
        waiting = asyncio.create_task(DataFolder(tmp_path).lock_within(10))
        await asyncio.sleep(0.3)
        assert not waiting.done()
    await waiting


def test_the_journals_name_stays_while_the_journal_does_and_changes_when_it_is_wiped(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    (tmp_path / "journal").mkdir()
    first = folder.journal_id()
    (tmp_path / "journal" / "0001").write_bytes(b"frames")
    named = folder.journal_id()
    assert named == first
    assert folder.journal_id() == named
    (tmp_path / "journal" / "0001").unlink()
    assert folder.journal_id() != named


@pytest.mark.parametrize("sign", ["snapshots", "restored", "postgresql", "redis"])
def test_a_used_folder_whose_journal_is_not_mounted_keeps_its_name_and_is_refused_in_words(
    tmp_path: Path, sign: str
) -> None:
    folder, frames = DataFolder(tmp_path), tmp_path / "journal" / "0001"
    frames.parent.mkdir()
    frames.write_bytes(b"frames")
    named = folder.journal_id()
    (tmp_path / sign).mkdir()
    (tmp_path / sign / "something").write_bytes(b"")
    frames.unlink()
    (frames.parent / "lost+found").mkdir()
    with pytest.raises(DataFolderError, match="is its file system mounted"):
        folder.journal_id()
    assert (tmp_path / "journal.id").read_text() == named
    frames.write_bytes(b"frames")
    assert folder.journal_id() == named


def test_a_path_that_is_a_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataFolderError, match="file"):
        DataFolder(tmp_path / "file")
