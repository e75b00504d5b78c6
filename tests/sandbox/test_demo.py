import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy.sandbox.world import World

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def directory() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="rp-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def _command(*args: object) -> list[str]:
    return [sys.executable, "-m", "deploy.sandbox", "demo", *map(str, args)]


def _run(*args: object, timeout_seconds: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(*args), capture_output=True, text=True, timeout=timeout_seconds, cwd=REPOSITORY, check=False
    )


def _numbers(output: str) -> dict[str, float]:
    return {label.strip(): float(number) for label, number in re.findall(r"^  (\w[\w: ]*?) +([\d.]+)\b", output, re.M)}


def _processes_of(directory: Path) -> list[str]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        if f"{directory}/" in line or line.endswith(str(directory)):
            found.append(line)
    return found


@pytest.mark.timeout(320)
def test_mail_moves_each_time_and_none_is_lost_or_bounced(directory: Path) -> None:
    done = _run("--dir", directory, "--calm", 1, timeout_seconds=300)
    numbers = _numbers(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert numbers["sent"] > 100
    assert numbers["sent"] == numbers["inbox"] + numbers["spam"]
    assert numbers["spam"] > 0  # what was taken before anybody could know
    assert (numbers["bounced"], numbers["lost"]) == (0, 0)
    assert {"late", "twice"} <= numbers.keys()
    for move in (
        "spam: fault on to moved",
        "spam: first failure to moved",
        "return: healed to moved back",
        "suspended: fault on to moved",
        "suspended: first failure to moved",
        "down: fault on to moved",
        "down: first failure to moved",
    ):
        assert 0 < numbers[move] < 60, move
    assert "As expected" in done.stdout
    assert "mailgun is degraded: mailgun misplaces mail" in done.stdout  # relaypilot's own events are told
    assert "\x1b" not in done.stdout  # no terminal, so no escape codes
    assert _processes_of(directory) == []


def test_an_interrupted_demo_leaves_nothing_running(directory: Path) -> None:
    with (directory / "output").open("w+") as output:
        demo = subprocess.Popen(_command("--dir", directory), stdout=output, stderr=output, cwd=REPOSITORY)
        until = time.monotonic() + 60
        while "--- before ---" not in (directory / "output").read_text() and time.monotonic() < until:
            time.sleep(0.1)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == 130
    assert "nothing of it runs any more" in (directory / "output").read_text()
    assert _processes_of(directory) == []


def test_a_sandbox_that_runs_already_is_left_alone(shared_world: World) -> None:
    done = _run("--dir", shared_world.directory)
    assert done.returncode == 2
    assert done.stderr.startswith(f"demo: A sandbox is running in {shared_world.directory} already: stop it with ")
    assert done.stderr.count("\n") == 1
    assert shared_world.status()["relays"]


def test_a_directory_that_cannot_hold_sockets_is_refused_in_one_sentence() -> None:
    done = _run("--dir", f"/tmp/{'long' * 30}")
    assert done.returncode == 2
    assert "is too long for unix sockets" in done.stderr
    assert done.stderr.count("\n") == 1
