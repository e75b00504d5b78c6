"""The root helper's configuration when it changes under it."""

import contextlib
import logging
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from service.postfix.client import HelperClient
from service.postfix.errors import HelperError, InstallationError
from service.postfix.root_config import LatestInstallation, load_installation
from service.redaction import Redaction
from tests.postfix.world import CLOCK, wait_for

RELAYPILOT = Path(sys.executable).parent / "relaypilot"
ODD = """
from pathlib import Path
from typing import Literal
from providers.errors import BrokenAdapterError
from providers.smtp import SmtpProvider, SmtpProviderSettings

class OddSettings(SmtpProviderSettings):
    kind: Literal["odd"] = "odd"

class Odd(SmtpProvider):
    kind = "odd"
    settings_model = OddSettings

    def __init__(self, settings, **rest):
        if Path({marker!r}).exists():
            raise BrokenAdapterError("the odd adapter has lost its table")
        super().__init__(settings, **rest)
"""


def write_config(directory, *, kind="smtp", server_name="smtp.alfa.test", password="first-secret"):
    secret = directory / "password"
    secret.write_text(password)
    secret.chmod(0o600)
    path = directory / "relaypilot.toml"
    path.write_text(
        f"""
state_dir = "{directory}/state"
[postfix]
config_dir = "{directory}"
helper_socket = "{directory}/helper.sock"
helper_dir = "{directory}/helper"
helper_user = "root"
[probes]
sender = "probe@sender.test"
[[provider]]
name = "alfa"
kind = "{kind}"
host = "127.0.0.1"
port = 2525
server_name = "{server_name}"
username = "user"
password = {{ file = "{secret}" }}
"""
    )
    return path


@pytest.fixture
def odd_adapter(tmp_path, monkeypatch):
    """An installed adapter that does not start while the file "lost" is there."""
    info = tmp_path / "site" / "relaypilot_odd-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: relaypilot-odd\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[relaypilot.providers]\nodd = relaypilot_odd:Odd\n")
    marker = tmp_path / "lost"
    (tmp_path / "site" / "relaypilot_odd.py").write_text(ODD.format(marker=str(marker)))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    yield marker
    sys.modules.pop("relaypilot_odd", None)


def test_an_adapter_that_no_longer_starts_leaves_the_last_right_configuration_in_force(tmp_path, odd_adapter, caplog):
    latest = LatestInstallation(write_config(tmp_path, kind="odd"), CLOCK)
    before = latest()
    odd_adapter.touch()
    with caplog.at_level(logging.WARNING):
        assert latest() == before
        assert latest() == before
    assert caplog.text.count("the odd adapter has lost its table") == 1
    with pytest.raises(InstallationError, match="Setting up the providers failed: the odd adapter"):
        LatestInstallation(tmp_path / "relaypilot.toml", CLOCK)()


def test_the_secrets_of_each_configuration_that_loads_are_learnt(tmp_path):
    redaction = Redaction()
    latest = LatestInstallation(write_config(tmp_path), CLOCK, partial(load_installation, learn=redaction.add))
    latest()
    write_config(tmp_path, password="second-secret")
    latest()
    assert redaction.strike("first-secret second-secret") == "[redacted] [redacted]"


def test_the_helper_strikes_a_secret_out_of_its_log_that_came_with_a_later_configuration(tmp_path):
    path, log = write_config(tmp_path), tmp_path / "log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [RELAYPILOT, "helper", "--config", str(path)], stderr=stream, env={"PATH": os.environ["PATH"]}
        )
        try:
            client = HelperClient(tmp_path / "helper.sock")

            def answers():
                assert process.poll() is None, log.read_text()
                with contextlib.suppress(HelperError):
                    client.ping()
                    return True
                return False

            wait_for(answers, what="the helper to answer")
            write_config(tmp_path, server_name="10.20.30.40", password="10.20.30.40")
            client.ping()
            wait_for(lambda: "not used" in log.read_text(), what="the changed configuration to be refused")
        finally:
            process.terminate()
            process.wait(30)
    assert "[redacted]" in log.read_text()
    assert "10.20.30.40" not in log.read_text()


def test_a_helper_started_with_a_broken_file_ends_with_a_clear_sentence(tmp_path):
    path = write_config(tmp_path)
    path.write_text(path.read_text() + "\n[nonsense]\n")
    done = subprocess.run(
        [RELAYPILOT, "helper", "--config", str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 3
    assert "relaypilot.toml: nonsense: unknown key" in done.stderr
    assert "Traceback" not in done.stderr
