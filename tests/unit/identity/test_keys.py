"""Keys: shown once, hashed at rest, refused at once when revoked, the same for every process of the data folder."""

import json
import os
import stat
from pathlib import Path

import pytest

from nightlamp.identity.keys import KeyFile, KeyFileError, site_key
from nightlamp.identity.roles import PERMISSIONS, Permission, Role


@pytest.fixture
def keys(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "keys.json")


def test_a_key_opens_with_the_role_sources_and_units_it_was_made_for(keys: KeyFile) -> None:
    key, text = keys.create(Role.DEVICE, ["json_mqtt"], ["ICU"])
    found = keys.authenticate(text)
    assert found is not None
    assert (found.id, found.role, found.sources, found.units) == (
        key.id,
        Role.DEVICE,
        frozenset({"json_mqtt"}),
        frozenset({"ICU"}),
    )
    assert found.may(Permission.INGEST)
    assert not found.may(Permission.READ)
    assert found.may_see("ICU")
    assert not found.may_see("MED")


def test_the_secret_is_nowhere_at_rest(keys: KeyFile, tmp_path: Path) -> None:
    _, text = keys.create(Role.ADMIN)
    secret = text.rpartition("_")[2]
    assert all(secret.encode() not in path.read_bytes() for path in tmp_path.iterdir())
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: text[:-1],
        lambda text: text + "a",
        lambda text: text[:-1] + ("a" if text[-1] != "a" else "b"),
        lambda text: text.upper(),
        lambda text: "nl_aaaaaaaa_" + text.rpartition("_")[2],
        lambda text: text * 100_000,
        lambda text: "nl_\udcff_x",
    ],
)
def test_anything_but_the_key_is_refused(keys: KeyFile, change: object) -> None:
    _, text = keys.create(Role.ADMIN)
    assert callable(change)
    assert keys.authenticate(change(text)) is None


def test_a_revoked_key_stays_listed_and_opens_nothing(keys: KeyFile) -> None:
    key, text = keys.create(Role.SRE)
    assert keys.revoke(key.id)
    assert keys.authenticate(text) is None
    assert [(one.id, bool(one.revoked_at)) for one in keys.all()] == [(key.id, True)]
    assert not keys.revoke("aaaaaaaa")


def test_a_change_by_another_process_takes_effect(keys: KeyFile, tmp_path: Path) -> None:
    other = KeyFile(tmp_path / "keys.json")
    key, text = other.create(Role.ADMIN)
    assert keys.authenticate(text) is None
    assert keys.refresh()
    assert keys.authenticate(text) is not None
    other.revoke(key.id)
    assert keys.refresh()
    assert not keys.refresh()
    assert keys.authenticate(text) is None


def test_two_processes_that_write_lose_nothing(keys: KeyFile, tmp_path: Path) -> None:
    other = KeyFile(tmp_path / "keys.json")
    made = [store.create(Role.EHR)[0].id for store in [keys, other] * 5]
    assert [key.id for key in KeyFile(tmp_path / "keys.json").all()] == made


def test_a_damaged_file_is_named_and_the_old_keys_hold(keys: KeyFile, tmp_path: Path) -> None:
    _, text = keys.create(Role.ADMIN)
    (tmp_path / "keys.json").write_text("{")
    with pytest.raises(KeyFileError, match=r"keys\.json"):
        keys.refresh()
    assert keys.authenticate(text) is not None


def test_the_day_of_last_use_is_written_once_a_day(keys: KeyFile, tmp_path: Path) -> None:
    key, text = keys.create(Role.ADMIN)
    keys.authenticate(text)
    keys.note_use()
    (after,) = KeyFile(tmp_path / "keys.json").all()
    assert after.last_used_day is not None
    before = os.stat(tmp_path / "keys.json").st_mtime_ns
    keys.authenticate(text)
    keys.note_use()
    assert os.stat(tmp_path / "keys.json").st_mtime_ns == before
    assert after.id == key.id


def test_only_living_keys_of_mqtt_sources_become_mqtt_credentials(keys: KeyFile) -> None:
    device, _ = keys.create(Role.DEVICE, ["json_mqtt"], ["ICU"])
    gone, _ = keys.create(Role.DEVICE)
    keys.create(Role.EHR, ["hl7_http"])
    keys.create(Role.NURSE)
    keys.revoke(gone.id)
    assert json.loads(keys.mqtt_credentials()) == [
        {"id": device.id, "hash": f"sha256:{device.sha256}", "units": ["ICU"]}
    ]


def test_an_unknown_source_is_refused(keys: KeyFile) -> None:
    with pytest.raises(ValueError, match="fax"):
        keys.create(Role.EHR, ["fax"])


def test_a_key_bound_to_units_is_for_doors_that_can_tell_the_unit(keys: KeyFile) -> None:
    key, _ = keys.create(Role.DEVICE, units=["ICU"])
    assert set(key.sources) == {"json_mqtt", "hl7_mqtt"}
    with pytest.raises(ValueError, match="bound to units"):
        keys.create(Role.EHR, ["hl7_http"], ["ICU"])


def test_the_site_key_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "site.key"
    key = site_key(path)
    assert len(key) == 32
    assert site_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(b"short")
    with pytest.raises(KeyFileError, match="32 bytes"):
        site_key(path)


def test_every_role_stands_in_the_table_and_only_care_givers_see_names() -> None:
    assert set(PERMISSIONS) == set(Role)
    named = {role for role, allowed in PERMISSIONS.items() if Permission.READ_IDENTITY in allowed}
    assert named == {Role.NURSE, Role.PHYSICIAN, Role.CHARGE_NURSE, Role.ADMIN}
