"""What is shown on a terminal."""

import re
import signal

import pytest

from tests.api.fake_desk import NAMES, SENTENCE
from tests.api.world import World
from tests.cli.shell import Shell


def test_status_fits_the_terminal(shell: Shell) -> None:
    terminal = shell.on_terminal("status", columns=80)
    assert terminal.read_to_end() == 0
    assert "\x1b[" in terminal.shown
    lines = terminal.words.splitlines()
    assert max(map(len, lines)) <= 80
    assert any("mailgun" in line and "0/12" in line and "degraded" in line for line in lines)
    assert not any("sendgrid" in line.split()[:1] and "gmail" in line for line in lines)  # as good there as everywhere


def test_three_healthy_providers_take_one_screen(shell: Shell, daemon: World) -> None:
    daemon.desk.all_healthy, daemon.desk.events_times = True, 10
    terminal = shell.on_terminal("status", columns=80, lines=24)
    assert terminal.read_to_end() == 0
    lines = terminal.words.splitlines()
    assert len(lines) <= 24
    assert lines[0].startswith(SENTENCE[:40])
    assert sum(line.split()[:2] == [name, "healthy"] for line in lines for name in NAMES) == 3
    assert "Last events" in terminal.words


@pytest.mark.parametrize("columns", [60, 80, 100, 109, 110, 160])
def test_no_health_status_is_ever_broken(shell: Shell, columns: int) -> None:
    terminal = shell.on_terminal("status", columns=columns)
    assert terminal.read_to_end() == 0
    rows = [line.split() for line in terminal.words.splitlines() if line[:10].split()[:1] in [[n] for n in NAMES]]
    assert [row[0] for row in rows] == list(NAMES)
    assert [next(word for word in row if word in {"degraded", "healthy", "unknown"}) for row in rows]


@pytest.mark.parametrize("lines", [10, 24, 50])
def test_watch_fits_any_height(shell: Shell, daemon: World, lines: int) -> None:
    daemon.desk.all_healthy, daemon.desk.events_times = True, 25
    terminal = shell.on_terminal("status", "--watch", columns=80, lines=lines)
    terminal.read_until("PLACE" if lines == 10 else "smarthost healthy")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.read_to_end() == 130
    first = terminal.words.split(SENTENCE)[1]
    assert len(first.splitlines()) <= lines
    assert ("Last events" in first) is (lines > 10)


def test_history_has_a_line_of_facts_and_why_below(shell: Shell) -> None:
    terminal = shell.on_terminal("history", "-n", "1", columns=80)
    assert terminal.read_to_end() == 0
    facts, why = terminal.words.splitlines()
    assert re.fullmatch(r"[\d-]+ [\d:]+ UTC  applied  mailgun → sendgrid  automatic *", facts)
    assert why.rstrip() == "    mailgun misplaces at gmail."


def test_watch_refreshes_in_place_until_interrupted(shell: Shell, daemon: World) -> None:
    terminal = shell.on_terminal("status", "--watch")
    terminal.read_until(SENTENCE.split()[-1])
    daemon.desk.order = ("smarthost", "sendgrid")
    terminal.read_until("active           smarthost")
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
