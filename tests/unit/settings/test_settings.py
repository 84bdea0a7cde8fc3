"""Settings: file, then environment; what is unknown or contradictory is refused with its path; secrets stay masked."""

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from nightlamp.cli.config import render
from nightlamp.settings import ConfigurationError, Limits, Settings, load

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(text)
    return path


def test_the_environment_wins_over_the_file_and_keeps_the_rest_of_its_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _file(tmp_path, 'data_dir = "/srv/nl"\n[http]\nport = 9000\nhost = "10.0.0.1"\n')
    monkeypatch.setenv("NIGHTLAMP_HTTP__PORT", "9001")
    settings = load(path)
    assert (settings.http.host, settings.http.port, settings.data_dir) == ("10.0.0.1", 9001, Path("/srv/nl"))


def test_nightlamp_toml_of_the_working_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "nightlamp.toml").write_text("[http]\nport = 9002\n")
    assert load().http.port == 9002


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("colour = 1", "colour: unknown setting"),
        ("[http]\nprot = 1", "http.prot: unknown setting"),
        ("[mqtt.listen]\nprot = 1", "mqtt.listen.prot: unknown setting"),
        ('[[mqtt.brokers]]\nhost = "b"\nqos = 2', "mqtt.brokers.0.qos: unknown setting"),
    ],
)
def test_an_unknown_key_is_refused_with_its_path(tmp_path: Path, text: str, path: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(path)):
        load(_file(tmp_path, text))


@pytest.mark.parametrize("name", ["NIGHTLAMP_HTP", "NIGHTLAMP_HTTP__PROT"])
def test_an_unknown_environment_variable_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(ConfigurationError, match="unknown setting"):
        load()


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("[http]\nport = 70000", "http.port"),
        ("[limits]\nframe_bytes_max = 1", "limits.frame_bytes_max"),
        ("[limits]\njournal_bytes_max = 1048576", "journal_bytes_max must be larger"),
        ("[site]\nprocessing_ids = ['X']", "site.processing_ids.0"),
        ("[redis]\nurl = 'http://here'", "redis.url"),
        ("[http\n", "site.toml"),
    ],
)
def test_a_wrong_value_is_refused_with_its_path(tmp_path: Path, text: str, path: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(path)):
        load(_file(tmp_path, text))


def test_a_named_file_that_is_absent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such file"):
        load(tmp_path / "absent.toml")


def test_secrets_are_masked_wherever_settings_are_shown(tmp_path: Path) -> None:
    text = '[database]\nurl = "postgresql://u:hunter2@h/d"\n[[mqtt.brokers]]\nhost = "b"\npassword = "hunter2"\n'
    settings = load(_file(tmp_path, text))
    shown = "\n".join(render(settings, describe=True))
    assert "hunter2" not in shown + repr(settings) + str(settings)
    assert shown.count("********") == 2


def test_the_printed_settings_are_toml_that_gives_the_same_settings(tmp_path: Path) -> None:
    text = '[[codes]]\ncode = "HR\\n1"\nsignal = "heart_rate"\n[[mqtt.brokers]]\nhost = "b"\n'
    text += '[site]\nprocessing_ids = ["P", "T"]\n'
    settings = load(_file(tmp_path, text))
    again = _file(tmp_path, "\n".join(render(settings, describe=True)))
    assert load(again) == settings
    assert tomllib.loads("\n".join(render(Settings())))["http"]["port"] == Settings().http.port


def _models(model: type[BaseModel]) -> list[type[BaseModel]]:
    found = [model]
    for field in model.model_fields.values():
        for one in [field.annotation, *getattr(field.annotation, "__args__", ())]:
            if isinstance(one, type) and issubclass(one, BaseModel):
                found += _models(one)
    return found


def test_every_setting_is_documented() -> None:
    bare = [
        f"{m.__name__}.{name}" for m in _models(Settings) for name, f in m.model_fields.items() if not f.description
    ]
    assert not bare
    assert len(_models(Settings)) > 12


def test_the_limits_are_those_of_the_rust_half() -> None:
    source = (ROOT / "core_rs/src/limits.rs").read_text().split("Self {", 1)[1]
    pairs = re.findall(r"^\s+(\w+): ([\d_ <*]+),", source, re.MULTILINE)
    rust = {name: eval(value) for name, value in pairs}
    assert rust == Limits().model_dump()
