"""The command that is in a hurry loads nothing heavy."""

import subprocess
import sys

from service.cli import socket_path
from service.config import ApiTable
from tests.api.world import World
from tests.cli.shell import Shell

PROGRAM = """
import sys
from service.cli.main import failover_main
try:
    failover_main()
except SystemExit as end:
    assert end.code == 0, end.code
heavy = {"service.views", "service.config", "fastapi", "sqlmodel", "sqlalchemy", "rich", "httpx2", "structlog"}
print(sorted(heavy & set(sys.modules)))
"""


def test_failover_through_the_daemon_loads_nothing_heavy(shell: Shell, daemon: World) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "--to", "mailgun"],
        env=shell.environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_default_socket_is_that_of_the_configuration() -> None:
    assert ApiTable().socket == socket_path._DEFAULT
