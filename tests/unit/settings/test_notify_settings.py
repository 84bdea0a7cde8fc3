"""Notification settings: what cannot work is refused with its place; an address never stands in them."""

import os
import re
from pathlib import Path

import pytest

from nightlamp.alerting.views import PEOPLE
from nightlamp.notify.address import URL_BYTES_MAX, Address, url_of
from nightlamp.settings import Channel, ConfigurationError, load
from nightlamp.settings.notify import ROLES

WARD = '[[notify.channels]]\nname = "ward"\nurl_env = "WARD_URL"\n'


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("NIGHTLAMP_", "WARD_"))]:
        monkeypatch.delenv(name)


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[[notify.channels]]\nname = "ward"\nurl = "json://x"', "notify.channels.0.url: unknown setting"),
        ('[[notify.channels]]\nname = "ward"', "notify.channels.0: name either url_env or url_file"),
        (WARD + 'url_file = "/x"', "notify.channels.0: name either url_env or url_file"),
        ('[[notify.channels]]\nname = "Ward 1"\nurl_env = "X"', "notify.channels.0.name: a channel's name is"),
        ('[[notify.channels]]\nname = "w"\nurl_env = "NIGHTLAMP_X"', "does not begin with NIGHTLAMP_"),
        ('[[notify.channels]]\nname = "w"\nurl_env = "json://pw@host"', "notify.channels.0: url_env is the name"),
        (WARD + WARD, "notify: two channels are called ward"),
        (WARD + '[[notify.routes]]\nchannels = ["pager"]', "notify: a route names the channel pager"),
        (WARD + '[[notify.routes]]\nchannels = ["ward"]\nkinds = ["closed"]', "notify.routes.0.kinds.0"),
        (WARD + '[[notify.routes]]\nchannels = ["ward"]\nseverities = ["urgent"]', "notify.routes.0.severities.0"),
        (
            WARD + '[[notify.routes]]\nchannels = ["ward"]\nrole = "physican"',
            "notify.routes.0.role: physican is nobody whom a chain calls; there are nurse, physician, charge_nurse,",
        ),
        (WARD + '[notify.channels.template]\ntitle = "{patient}"', "{patient} is not a field of a message"),
        ('[notify.template]\nbody = "{note}"', "{note} is not a field of a message"),
        ('[notify.template]\nbody = "{what.__class__}"', "is not a field of a message"),
        ('[notify.template]\nbody = "{what!r}"', "is not a field of a message"),
        ('[notify.template]\nbody = "{"', "notify.template.body: not a template"),
        ("[notify]\nconsole_url = 'ftp://x'", "notify.console_url"),
        ("[notify]\nbackoff_s_min = 9\nbackoff_s_max = 5", "backoff_s_max must not be smaller"),
    ],
)
def test_what_cannot_work_is_refused_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(says)):
        load(_file(tmp_path, text))


def test_the_roles_a_route_may_name_are_those_that_can_be_called() -> None:
    assert sorted(ROLES) == sorted(PEOPLE)


def test_an_address_comes_from_the_environment_or_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARD_URL", " json://pw@host/x \n")
    (tmp_path / "pager").write_text("json://pw@other\n")
    assert url_of(Channel(name="ward", url_env="WARD_URL")) == "json://pw@host/x"
    assert url_of(Channel(name="pager", url_file=tmp_path / "pager")) == "json://pw@other"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "not one URL on one line"),
        ("json://s3cr3t\njson://s3cr3t", "not one URL on one line"),
        ("json://s3cr3t/" + "x" * URL_BYTES_MAX, "not one URL on one line"),
        ("no-such-service://s3cr3t", "apprise cannot use the URL"),
        ("pagerduty://s3cr3t", "apprise cannot use the URL"),
        ("s3cr3t", "apprise cannot use the URL"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_showing_it(
    tmp_path: Path, content: str, says: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "url").write_text(content)
    with pytest.raises(ConfigurationError, match=says) as refused:
        Address(Channel(name="ward", url_file=tmp_path / "url"), 5)
    said = str(refused.value) + repr(refused.value.__cause__) + caplog.text + "".join(capfd.readouterr())
    assert "notify.channels.ward" in said
    assert "s3cr3t" not in said


def test_a_missing_variable_or_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="the environment variable WARD_URL is not set"):
        url_of(Channel(name="ward", url_env="WARD_URL"))
    with pytest.raises(ConfigurationError, match="No such file"):
        url_of(Channel(name="ward", url_file=tmp_path / "absent"))
