"""The systemd units: they start wherever Postfix lives, and agree with the installation notes."""

import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "deploy" / "systemd"
UNITS = ("relaypilot.service", "relaypilot-helper.service")


def values(unit, key):
    lines = (FOLDER / unit).read_text().splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{key}=")]


@pytest.mark.parametrize("unit", UNITS)
def test_no_missing_directory_keeps_a_unit_from_starting(unit):
    paths = [path for value in values(unit, "ReadWritePaths") for path in value.split()]
    assert [path for path in paths if not path.startswith("-")] == []  # else: 226/NAMESPACE


@pytest.mark.parametrize("unit", UNITS)
def test_secrets_may_come_from_the_environment(unit):
    assert values(unit, "EnvironmentFile") == ["-/etc/relaypilot/environment"]


def test_the_configuration_directory_is_closed_to_others():
    assert values("relaypilot.service", "ConfigurationDirectoryMode") == ["0750"]
    assert "-m 0750 /etc/relaypilot" in (FOLDER.parent / "INSTALL.md").read_text()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_understands_the_units(tmp_path):
    for unit in UNITS:
        text = (FOLDER / unit).read_text().replace("/opt/relaypilot/bin/relaypilot", "/bin/true")
        (tmp_path / unit).write_text(text)
    command = ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / unit) for unit in UNITS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    ours = [line for line in done.stderr.splitlines() if "relaypilot" in line]
    assert (done.returncode, ours) == (0, []), done.stderr
