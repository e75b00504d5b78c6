"""`relaypilot export`: the same facts from the daemon and from the store, whole files or none."""

import gzip
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from probes.fact_json import fact_to_json
from probes.observation import Fact, Observation
from service.clock import SystemClock
from service.store.store import Snapshot, open_store
from tests.cli.shell import Shell
from tests.core.story import A

SAYS_SO = "The daemon is not running: reading the store.\n"


def record(directory: Path, facts: Sequence[Fact]) -> Path:
    path = directory / "state" / "relaypilot.sqlite"
    store = open_store(f"sqlite:///{path}", SystemClock())
    store.record(facts, lambda numbered: Snapshot(policy_hash="", seq=numbered[-1][0], state="{}"))
    store.close()
    return path


@pytest.fixture
def recorded(configured: Shell, story_facts: Sequence[Fact]) -> Shell:
    record(configured.config.parent, story_facts)
    return configured


@pytest.fixture
def lines(story_facts: Sequence[Fact]) -> list[str]:
    return [fact_to_json(fact) for fact in story_facts]


def test_a_daemon_is_asked_for_everything_it_recorded(shell: Shell, tmp_path: Path) -> None:
    done = shell("export")
    assert done.status == 0, done.err
    assert [json.loads(line)["n"] for line in done.out.splitlines()] == [1, 2, 3, 4, 5]
    assert done.err == ""
    assert shell("export", "--since", "7d", "-o", str(tmp_path / "f")).out == f"5 facts written to {tmp_path}/f.\n"


def test_without_a_daemon_the_store_is_read_and_left_as_it_is(recorded: Shell, lines: list[str]) -> None:
    path = recorded.config.parent / "state" / "relaypilot.sqlite"
    before = path.read_bytes()
    done = recorded("export")
    assert done.status == 0, done.err
    assert done.out.splitlines() == lines
    assert done.err == SAYS_SO
    assert path.read_bytes() == before


def test_what_was_exported_can_be_replayed(recorded: Shell, tmp_path: Path, lines: list[str]) -> None:
    target = tmp_path / "facts.jsonl.gz"
    done = recorded("export", "-o", str(target), "--json")
    assert done.json == {"file": str(target), "facts": len(lines)}
    assert gzip.decompress(target.read_bytes()).decode().splitlines() == lines
    assert target.stat().st_mode & 0o777 == 0o600
    replayed = recorded("replay", str(target))
    assert [json.loads(line)["to"] for line in replayed.out.splitlines() if '"kind": "move"' in line] == ["sendgrid"]


def test_one_provider_with_what_concerns_none(recorded: Shell, story_facts: Sequence[Fact]) -> None:
    wanted = [fact_to_json(f) for f in story_facts if not isinstance(f, Observation) or f.provider == A]
    assert recorded("export", "--provider", A).out.splitlines() == wanted
    assert any('"fact"' in line for line in wanted)


def test_a_span_of_time(configured: Shell, story_facts: Sequence[Fact]) -> None:
    now = datetime.now(UTC)
    old, new = (replace(story_facts[0], at=now - timedelta(hours=hours)) for hours in (30, 2))
    record(configured.config.parent, [old, new])
    assert configured("export", "--since", "1d").out.splitlines() == [fact_to_json(new)]
    assert len(configured("export", "--since", "99999999d").out.splitlines()) == 2


def test_a_file_is_whole_or_not_there(recorded: Shell, tmp_path: Path) -> None:
    target = tmp_path / "out" / "facts.jsonl"
    target.parent.mkdir()
    target.write_text("what was there\n")
    done = recorded("export", "--provider", "nosuch", "-o", str(target))
    assert done.status == 2
    assert 'facts of "nosuch": none is recorded' in done.err
    assert target.read_text() == "what was there\n"
    assert list(target.parent.iterdir()) == [target]


def test_devices_are_written_to_and_not_replaced(recorded: Shell) -> None:
    assert recorded("export", "-o", "/dev/null").status == 0
    assert not Path("/dev/null").is_file()
    full = recorded("export", "-o", "/dev/full")
    assert full.status == 1
    assert "No space left on device" in full.err


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (["--since", "week"], 2, '--since: "week" is not a duration'),
        (["-o", "/nonexistent/facts.jsonl"], 2, "No such file or directory; name a file that this user can write"),
        ([], 6, "the daemon makes it at its first start"),
    ],
)
def test_what_goes_wrong_is_one_sentence(configured: Shell, words: list[str], status: int, sentence: str) -> None:
    done = configured("export", *words)
    assert done.status == status
    assert sentence in done.err
    assert "Traceback" not in done.err
    assert not (configured.config.parent / "state").exists()


def test_a_store_of_another_version_is_not_touched(recorded: Shell) -> None:
    path = recorded.config.parent / "state" / "relaypilot.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    connection.close()
    done = recorded("export")
    assert done.status == 6
    assert "the daemon upgrades it at its start" in done.err


def test_a_directory_with_an_odd_name(configured: Shell, story_facts: Sequence[Fact], tmp_path: Path) -> None:
    odd = tmp_path / "50% of #1 ä"
    odd.mkdir()
    record(odd, story_facts)
    text = configured.config.read_text().replace(f'"{configured.config.parent}/state"', json.dumps(f"{odd}/state"))
    configured.config.write_text(text)
    assert len(configured("export").out.splitlines()) == len(story_facts)
