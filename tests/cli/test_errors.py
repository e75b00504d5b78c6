"""What goes wrong ends with one clear sentence and its exit status, never with a traceback."""

import ast
import re
import signal
from pathlib import Path

import pytest

from service import errors
from service.cli.options import EXIT_STATUSES
from service.postfix.errors import PostfixError
from tests.api.world import World
from tests.cli.shell import Shell

CASES = [
    (["failover", "--to", "nosuch"], 2, "There is no provider nosuch; the providers are mailgun, sendgrid, smarthost."),
    (["plan", "--to", "nosuch"], 2, "There is no provider nosuch"),
    (["probe", "nosuch"], 2, "There is no provider nosuch"),
    (["probe", "--seed", "nosuch"], 2, "There is no seed nosuch"),
    (["probe", "--seed", "broken"], 8, "The round ended early."),
    (["failover", "--to", "smarthost"], 7, "smarthost has no fresh good evidence"),
    (["failover", "--to", "sendgrid", "--reason", "break"], 8, "Postfix is not running; start it."),
    (["failover", "--to", "sendgrid", "--for", "soon"], 2, '--for: "soon" is not a duration'),
    (["pause", "--for", "0s"], 2, "--for must be longer than 0 s and at most 366 d, not 0s."),
    (["failover", "--to", "sendgrid", "--for", "367d"], 2, "--for must be at most 366 d, not 367d."),
    (["compare", "--window", "week"], 2, '--window: "week" is not a duration'),
    (["compare", "--window", "0s"], 2, "--window must be longer than 0 s and at most 366 d"),
    (["history", "-n", "0"], 2, "-n must be at least 1 and at most 10000, not 0."),
    (["failover"], 2, "Missing option '--to'."),
    (["nosuch"], 2, "No such command 'nosuch'."),
    (["status", "--config", "/nonexistent/x.toml"], 3, "write one: relaypilot config describe > /nonexistent"),
]


@pytest.mark.parametrize(("words", "status", "sentence"), CASES, ids=lambda value: str(value)[:40])
def test_one_sentence_and_its_exit_status(shell: Shell, words: list[str], status: int, sentence: str) -> None:
    done = shell(*words)
    assert done.status == status, done.err
    assert sentence in done.err
    assert done.err.startswith("relaypilot: ")
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize(("words", "status", "sentence"), CASES, ids=lambda value: str(value)[:40])
def test_with_json_the_last_line_is_a_problem(shell: Shell, words: list[str], status: int, sentence: str) -> None:
    done = shell(*words, "--json")
    assert sentence not in done.err
    problem = ast.literal_eval(done.out.splitlines()[-1])  # no true, false or null in it: JSON and Python agree
    assert done.status == status == problem["exit_status"]
    assert sentence in problem["detail"]
    assert problem["type"].startswith("urn:relaypilot:problem:")


@pytest.mark.parametrize("words", [["explain"], ["history"], ["pause"], ["probe"], ["plan", "--to", "mailgun"]])
def test_a_daemon_that_is_not_running_is_said_with_the_remedy(lonely_shell: Shell, words: list[str]) -> None:
    done = lonely_shell(*words)
    assert done.status == 4
    assert re.fullmatch(
        r"relaypilot: The daemon is not running: nobody listens on \S+; "
        r"start it with `systemctl start relaypilot` \(or `relaypilot run`\)\.\n",
        done.err,
    )


@pytest.mark.parametrize(
    "words", [["history"], ["config", "check"], ["run"], ["replay", "-"], ["failover", "--to", "a"]]
)
def test_a_configuration_that_this_user_may_not_read_asks_for_root(shell: Shell, words: list[str]) -> None:
    done = shell.unable_to_read(*words)
    assert done.status == 5, done.err
    assert done.err == f"relaypilot: This user may not read {shell.config}: run this as root.\n"


def test_the_root_helper_says_that_it_needs_root_before_anything_else(shell: Shell) -> None:
    done = shell.as_nobody("helper")
    assert done.status == 5
    assert done.err == "relaypilot: The root helper must be started by root: it changes Postfix's configuration.\n"


def test_a_socket_left_behind_by_a_dead_daemon_is_no_daemon(lonely_shell: Shell, tmp_path: Path) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "nobody.sock"))
    assert lonely_shell("history").status == 4


def test_a_daemon_that_goes_away_while_answering(lonely_shell: Shell, tmp_path: Path) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as rude:
        rude.bind(str(tmp_path / "nobody.sock"))
        rude.listen()
        running = lonely_shell.start("failover", "--to", "mailgun")
        caller, _ = rude.accept()
        caller.close()
        _, err = running.communicate(timeout=30)
    assert running.returncode == 4
    assert "went away before it had answered" in err
    assert len(err.splitlines()) == 1


def test_configuration_that_is_no_toml_names_the_line_and_asks_the_usual_socket(shell: Shell) -> None:
    shell.config.write_text("[api\n")
    done = shell("history")
    assert done.status == 4
    assert "is not TOML" in done.err
    assert "correct that line" in done.err
    assert "/run/relaypilot/api.sock" in done.err


def test_a_half_edited_configuration_locks_nobody_out_of_the_daemon(shell: Shell) -> None:
    shell.config.write_text(shell.config.read_text() + "\n[policy\n")
    done = shell("failover", "--to", "sendgrid")
    assert done.status == 0, done.err
    assert "is not TOML" in done.err


def test_every_documented_exit_status_is_that_of_the_errors() -> None:
    kinds = [errors.RelaypilotError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    assert PostfixError in kinds
    assert {kind.exit_status for kind in kinds} | {0, 130} == {status for status, _ in EXIT_STATUSES}


def test_interrupted_quietly(shell: Shell, daemon: World) -> None:
    daemon.desk.failover_seconds = 3
    running = shell.start("failover", "--to", "mailgun")
    assert running.stderr is not None
    assert running.stderr.readline() == "Waiting for the canary message.\n"
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert (running.returncode, out, err) == (130, "", "")


def test_a_reader_that_stops_reading_is_no_error(shell: Shell) -> None:
    running = shell.start("history", "--json")
    assert running.stdout is not None
    assert running.stderr is not None
    running.stdout.close()
    assert running.wait(30) == 1
    assert running.stderr.read() == ""
    running.stderr.close()
