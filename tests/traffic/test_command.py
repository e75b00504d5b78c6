"""`relaypilot traffic` as a process."""

import gzip
import json
import os
import subprocess
import sys

import pytest

from tests.cli.shell import BIN, Done, Shell
from tests.traffic.made_log import FORMATS, made_log
from tests.traffic.reading import CORPUS, row

LOG = CORPUS / "3.4.log"


def run(*arguments, stdin=b"", environ=None):
    done = subprocess.run(
        [BIN / "relaypilot", "traffic", *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        timeout=60,
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TZ": "UTC", **(environ or {})},
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def test_a_plain_log_needs_nothing_else():
    done = run("--from-log", str(LOG))
    assert (done.status, done.err) == (0, "")
    for words in (
        "4      sent",
        "smtp.sendgrid.net:587",
        "microsoft",
        "recipients then taken by another relay: 2",
        "█",
        "quota",
    ):
        assert words in done.out
    assert "\x1b" not in done.out


def test_compressed_logs_and_standard_input_tell_the_same(tmp_path):
    packed = tmp_path / "mail.log.1.gz"
    packed.write_bytes(gzip.compress(LOG.read_bytes()))
    os.utime(packed, (LOG.stat().st_mtime, LOG.stat().st_mtime))
    plain = run("--from-log", str(LOG), "--json").json
    assert run("--from-log", str(packed), "--json").json == plain
    assert run("--from-log", "-", "--json", stdin=LOG.read_bytes()).json == plain
    assert run("--from-log", "-", "--json", stdin=packed.read_bytes()).json == plain
    half = len(LOG.read_bytes()) // 2
    members = gzip.compress(LOG.read_bytes()[:half]) + gzip.compress(LOG.read_bytes()[half:])
    assert run("--from-log", "-", "--json", stdin=members).json == plain


def test_json_has_every_number():
    found = run("--from-log", str(LOG), "--json").json
    assert found["totals"]["sent"] == 4
    assert found["messages"] == {"count": 6, "exact": True}
    assert found["hours"][0]["at"].endswith("-03-03T08:00:00Z")
    assert set(found["relays"][0]) == {"name", "counts", "delays", "is_rest"}
    assert set(found["delays"]) == {"n", "p50_seconds", "p90_seconds", "p95_seconds", "p99_seconds"}


def test_the_year_comes_from_the_option_or_the_file(tmp_path):
    log = tmp_path / "mail.log"
    log.write_bytes((CORPUS / "2.11.log").read_bytes())
    os.utime(log, (1_578_000_000, 1_578_000_000))  # 2020-01-02
    assert run("--from-log", str(log), "--json").json["since"] == "2019-12-31T23:00:00Z"
    assert run("--from-log", str(log), "--json", "--year", "2001").json["until"] == "2002-01-01T01:00:00Z"


def test_receivers_of_a_configuration_are_used(tmp_path):
    config = tmp_path / "relaypilot.toml"
    config.write_text('[receivers]\nours = ["outlook.com"]\n')
    found = run("--from-log", str(LOG), "--json", "--config", str(config)).json
    assert {one["name"]: one["counts"]["sent"] for one in found["receivers"]} == {"ours": 1, "other": 2, "(local)": 1}


@pytest.mark.parametrize("text", ["receivers = 1", "[receivers]\ngmail = 1", "not toml", "[receivers]\ngmail = [1]"])
def test_a_configuration_that_cannot_be_used_is_named(tmp_path, text):
    config = tmp_path / "relaypilot.toml"
    config.write_text(text)
    done = run("--from-log", str(LOG), "--config", str(config))
    assert done.status == 3
    assert str(config) in done.err


def test_files_that_cannot_be_read_are_named(tmp_path):
    done = run("--from-log", str(tmp_path / "nothing"))
    assert (done.status, "nothing cannot be opened: No such file" in done.err) == (2, True)
    assert run("--from-log", str(tmp_path)).status == 2
    broken = tmp_path / "broken.gz"
    broken.write_bytes(gzip.compress(os.urandom(9999))[:5000])
    done = run("--from-log", str(broken), "--json")
    assert (done.status, "damaged or ends early" in done.out) == (1, True)  # a problem document
    assert json.loads(done.out)["exit_status"] == 1


def test_a_log_without_deliveries_is_questioned():
    done = run("--from-log", "-", stdin=b"GET / HTTP/1.1\n")
    assert done.status == 0
    assert "No delivery was found in it. Is it Postfix's log?" in done.out


def test_other_encodings_get_bars_too():
    assert "##" in run("--from-log", str(LOG), environ={"PYTHONIOENCODING": "ascii"}).out


def test_it_fits_a_terminal_and_shows_nothing_hostile(tmp_path):
    log = tmp_path / "mail.log"
    log.write_text(
        row("\x1b]0;owned\x07\u202e[192.0.2.1]:25") + "\n".join(made_log(FORMATS["3.7"], seed=1, messages=50))
    )
    shell = Shell(tmp_path, {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "xterm"})
    terminal = shell.on_terminal("traffic", "--from-log", str(log), columns=100)
    assert terminal.read_to_end() == 0
    assert "owned" in terminal.words
    assert not {"\x07", "\u202e"} & set(terminal.shown)
    assert "\x1b]" not in terminal.shown
    assert max(map(len, terminal.words.splitlines())) <= 100


def test_nothing_heavy_is_loaded(tmp_path):
    program = (
        "import sys\nfrom service.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "print(sorted({'service.views', 'service.config', 'fastapi', 'sqlmodel', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "traffic", "--from-log", str(LOG)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.splitlines()[-1] == "[]"
