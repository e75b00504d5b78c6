import stat
import subprocess
import sys
from pathlib import Path

import pytest

from service.errors import PermissionNeededError
from service.secrets import probe_secret


def test_the_key_is_drawn_once_and_kept_from_others(tmp_path: Path) -> None:
    state_dir = tmp_path / "state"
    key = probe_secret(state_dir)
    assert len(key) == 32
    assert probe_secret(state_dir) == key
    assert [file.name for file in state_dir.iterdir()] == ["probe.key"]
    assert stat.S_IMODE((state_dir / "probe.key").stat().st_mode) == 0o600
    assert probe_secret(tmp_path / "other") != key


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from service.secrets import probe_secret;"
        f"print(probe_secret(Path({str(tmp_path)!r})).hex())"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert len({process.communicate()[0] for process in processes}) == 1


def test_a_damaged_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "probe.key").write_bytes(b"short")
    with pytest.raises(PermissionNeededError, match="5 bytes where 32 belong; remove the file"):
        probe_secret(tmp_path)


def test_a_place_that_cannot_hold_the_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PermissionNeededError, match="run as the user that owns"):
        probe_secret(tmp_path / "file" / "state")
