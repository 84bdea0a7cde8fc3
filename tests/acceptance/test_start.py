"""A start that cannot work says why in one line, leaves nothing behind, and works once the cause is gone."""

import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

from running_server import RunningServer, refused_start


def _assert_clean(end: subprocess.CompletedProcess[str], names: str) -> None:
    assert end.returncode == 1, end.stderr
    assert "Traceback" not in end.stderr
    plain = [line for line in end.stderr.splitlines() if line and not line.startswith("{")]
    assert len(plain) == 1, end.stderr
    assert names in plain[0]


def test_an_mqtt_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        _assert_clean(refused_start(tmp_path, MQTT__LISTEN__PORT=str(port)), str(port))


def test_a_mistyped_setting_at_the_first_start_does_not_spoil_the_data_folder(
    new_server: Callable[..., RunningServer], tmp_path: Path
) -> None:
    _assert_clean(refused_start(tmp_path, SITE__TIMEZONE="Europe/Berlln"), "Europe/Berlln")
    assert not (tmp_path / "postgresql").exists()
    server = new_server(tmp_path)
    with server.client("sre") as sre:
        assert sre.get("/readyz").status_code == 200


def test_a_database_that_does_not_answer_at_start_is_named(tmp_path: Path) -> None:
    url = "postgresql://nobody:hunter2@127.0.0.1:1/none"
    end = refused_start(tmp_path, DATABASE__URL=url)
    _assert_clean(end, "database.url")
    assert "hunter2" not in end.stderr


def test_a_channel_without_its_address_is_named_and_the_address_is_not(tmp_path: Path) -> None:
    (tmp_path / "pager.url").write_text("pagerduty://hunter2")
    for where in ('"url_env": "NO_SUCH_VARIABLE"', f'"url_file": "{tmp_path / "pager.url"}"'):
        end = refused_start(tmp_path, NOTIFY__CHANNELS=f'[{{"name": "pager", {where}}}]')
        assert end.returncode == 2, end.stderr
        assert "notify.channels.pager" in end.stderr
        assert "Traceback" not in end.stderr
        assert "hunter2" not in end.stderr
