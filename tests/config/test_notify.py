import socket
from pathlib import Path

import pytest

from service.notify import Notifier, watchdog_seconds


@pytest.fixture
def manager(tmp_path: Path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.settimeout(5)
        receiver.bind(str(tmp_path / "notify"))
        yield receiver


def test_every_state_reaches_the_service_manager(manager: socket.socket) -> None:
    notifier = Notifier(manager.getsockname())
    assert notifier.ready("5 providers\nwatched")
    assert manager.recv(1000) == b"READY=1\nSTATUS=5 providers watched"
    assert notifier.watchdog()
    assert manager.recv(1000) == b"WATCHDOG=1"
    assert notifier.reloading(12.5)
    assert manager.recv(1000) == b"RELOADING=1\nMONOTONIC_USEC=12500000"
    assert notifier.status("mail goes through mailgun")
    assert manager.recv(1000) == b"STATUS=mail goes through mailgun"
    assert notifier.stopping()
    assert manager.recv(1000) == b"STOPPING=1"


def test_an_abstract_address_is_understood() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.settimeout(5)
        receiver.bind("")  # Linux picks a free abstract name, unix(7)
        assert Notifier("@" + receiver.getsockname()[1:].decode()).ready()
        assert receiver.recv(1000) == b"READY=1"


def test_without_service_manager_nothing_happens(tmp_path: Path) -> None:
    assert not Notifier(None).ready()
    assert not Notifier("").watchdog()
    assert not Notifier(str(tmp_path / "nobody")).ready()


def test_a_full_socket_does_not_hold_the_daemon_up(manager: socket.socket) -> None:
    notifier = Notifier(manager.getsockname())
    assert False in [notifier.watchdog() for _ in range(10_000)]


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_period_is_read_from_the_environment(environ: dict[str, str], seconds: float | None) -> None:
    assert watchdog_seconds(environ, pid=7) == seconds
