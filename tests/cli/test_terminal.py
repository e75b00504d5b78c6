"""What is shown on a terminal."""

import re
import signal

from tests.api.fake_desk import SENTENCE
from tests.api.world import World
from tests.cli.shell import Shell


def test_status_fits_the_terminal(shell: Shell) -> None:
    terminal = shell.on_terminal("status", columns=80)
    assert terminal.read_to_end() == 0
    assert "\x1b[" in terminal.shown
    lines = terminal.words.splitlines()
    assert max(map(len, lines)) <= 80
    assert any("mailgun" in line and "0/12" in line and "degraded" in line for line in lines)


def test_watch_refreshes_in_place_until_interrupted(shell: Shell, daemon: World) -> None:
    terminal = shell.on_terminal("status", "--watch")
    terminal.read_until(SENTENCE.split()[-1])
    daemon.desk.order = ("smarthost", "sendgrid")
    terminal.read_until("active smarthost")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.read_to_end() == 130
    assert "Traceback" not in terminal.shown


def test_failover_shows_elapsed_time_and_steps(shell: Shell, daemon: World) -> None:
    daemon.desk.failover_seconds = 3
    terminal = shell.on_terminal("failover", "--to", "mailgun")
    terminal.read_until("Waiting for the canary message.")
    assert re.search(r"Moving to mailgun … \d\.\d s  Waiting for the canary message\.", terminal.words)
    assert terminal.read_to_end() == 0
    assert "Mail goes through mailgun now." in terminal.shown
