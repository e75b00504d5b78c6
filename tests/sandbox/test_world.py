"""Starting, stopping, and cleaning up after a crash."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy.sandbox.errors import NotPossibleHereError, NotRunningError
from deploy.sandbox.layout import Layout
from deploy.sandbox.processes import end_recorded, start_process
from deploy.sandbox.world import World, attach
from tests.sandbox.clients import eventually, login_reply


@pytest.fixture
def directory() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="rp-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def living(directory: Path) -> list[str]:
    """Every process that works in the directory or names it, zombies aside."""
    found = []
    for process in psutil.process_iter():
        try:
            with process.oneshot():
                words = [*process.cmdline(), process.cwd(), process.environ().get("MAIL_CONFIG", "")]
                if process.pid != os.getpid() and any(w.startswith(str(directory)) for w in words):
                    found.append(" ".join(process.cmdline()))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def test_a_clean_stop_leaves_no_process(directory: Path) -> None:
    with World.start(directory) as world:
        world.use_stock_route("acme")
        world.send()
        assert len(living(directory)) > 5
    assert eventually(lambda: not living(directory))


def test_a_world_whose_owner_was_killed_ends_by_itself(directory: Path) -> None:
    command = [sys.executable, "-m", "deploy.sandbox", "start", "--dir", str(directory), "--load", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout
        assert owner.stdout.readline().startswith("The sandbox is up")
        owner.kill()
    assert eventually(lambda: not living(directory), 15)


def test_the_next_start_ends_what_a_crash_left_and_begins_afresh(directory: Path) -> None:
    first = World.start(directory)
    sent = first.send()
    simulators = first._simulators
    assert simulators
    simulators.kill()  # nobody is left who would clean up
    simulators.popen.stdin.close()
    simulators.popen.stdout.close()
    assert first.postfix.running()
    with World.start(directory) as second:
        assert sent not in second.ledger.sent()
        assert login_reply(second, "acme")[0] == 235
    assert eventually(lambda: not living(directory))


def test_a_recorded_pid_that_now_belongs_to_somebody_else_is_left_alone(directory: Path) -> None:
    layout = Layout(directory)
    stranger = start_process(layout, "stranger", ["sleep", "60"])
    records = json.loads(layout.processes.read_text())
    records[0]["created"] -= 100
    layout.processes.write_text(json.dumps(records))
    assert end_recorded(layout) == []
    assert stranger.poll() is None
    stranger.kill()


def test_ctrl_c_stops_the_command_in_order(directory: Path) -> None:
    command = [sys.executable, "-m", "deploy.sandbox", "start", "--dir", str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as owner:
        assert owner.stdout
        assert owner.stdout.readline().startswith("The sandbox is up")
        assert attach(directory).status()["relays"]
        owner.send_signal(signal.SIGINT)
        assert owner.wait(15) == 0
    assert not living(directory)
    with pytest.raises(NotRunningError):
        attach(directory)


def test_a_path_too_long_for_sockets_is_refused_in_one_sentence(directory: Path) -> None:
    long = directory / ("x" * 80)
    with pytest.raises(NotPossibleHereError, match="too long for unix sockets: choose one of at most 79 bytes"):
        World.start(long)
    assert not long.exists()


def test_a_directory_that_the_servers_cannot_reach_is_refused(tmp_path: Path) -> None:
    closed = Path(tempfile.mkdtemp(prefix="rp-", dir="/tmp"))  # mode 0700
    with pytest.raises(NotPossibleHereError, match="closed to other users"):
        World.start(closed / "w")
    shutil.rmtree(closed)


def test_somebody_elses_files_in_the_directory_survive(directory: Path) -> None:
    mine = directory / "notes.txt"
    mine.write_text("keep me")
    for _ in range(2):
        with World.start(directory):
            pass
    assert mine.read_text() == "keep me"


def test_passwords_are_closed_to_other_users(world: World) -> None:
    secret_files = [*world.layout.secrets.iterdir(), world.layout.plan, world.config_path]
    secret_files += [p for p in world.layout.certificates.iterdir() if p != world.ca_file]
    assert {stat.S_IMODE(p.stat().st_mode) for p in secret_files} == {0o600}


def is_open(connection: object) -> bool:
    """Return whether a socket takes what comes: a listening one, or one of UDP that has no peer."""
    return connection.status == psutil.CONN_LISTEN or (connection.type == socket.SOCK_DGRAM and not connection.raddr)


def test_only_loopback_is_listened_on(world: World) -> None:
    parts = [psutil.Process(world._simulators.pid), psutil.Process(world.dovecot.master_pid())]
    parts.append(psutil.Process(int((world.postfix.config_dir / "q/pid/master.pid").read_text())))
    listening = [c.laddr for p in parts for c in p.net_connections("inet") if is_open(c)]
    assert {a.ip for a in listening} == {"127.0.0.1"}
    assert {a.port for a in listening} == set(world.ports.values())


def test_the_configuration_names_what_the_caller_asked_for(directory: Path) -> None:
    with World.start(
        directory,
        providers=("acme", "mailgun"),
        seeds=("gmail-1",),
        session_interval="7s",
        settings={"policy": {"hold_down": "9s"}, "store": {"keep_observations": "1d"}},
    ) as world:
        written = tomllib.loads(world.config_path.read_text())
    assert [p["name"] for p in written["provider"]] == ["acme", "mailgun"]
    assert [s["name"] for s in written["seed"]] == ["gmail-1"]
    assert written["mode"] == "enforce"
    assert written["probes"]["session_interval"] == "7s"
    assert written["policy"]["hold_down"] == "9s"
    assert written["store"] == {"keep_observations": "1d"}
    for provider in written["provider"]:
        assert Path(provider["password"]["file"]).parent == directory / "secrets"
