"""`relaypilot replay` as a process: files of every kind in, JSON lines or a table out."""

import gzip
import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from probes.observation import Fact
from service.cli.replay_row import event_row
from service.decision.policy import Mode
from service.replay import Replay
from tests.cli.shell import BIN, Done, Shell
from tests.core.story import POLICY as STORY_POLICY
from tests.core.story import SEEDS, A, B

Write = Callable[..., Path]
FIELDS = {"at", "provider", "receiver", "from", "to", "reason", "rule", "enforced"}
BY_HAND = """\
{"at": "2026-03-01T12:00:00Z", "provider": "one", "signal": "session", "outcome": "good"}
{"at": "2026-03-01T12:00:01Z", "provider": "two", "signal": "session", "outcome": "good"}

{"at": "2026-03-01T12:01:00Z", "provider": "one", "signal": "session", "outcome": "bad", "category": "account"}
{"at": "2026-03-01T12:01:01Z", "provider": "two", "signal": "session", "outcome": "good"}
{"at": "2026-03-01T13:01:10+01:00", "provider": "one", "signal": "session", "outcome": "bad", "category": "account"}
"""


def rows(done: Done) -> list[dict]:
    assert done.status == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def moves(done: Done) -> list[tuple]:
    return [(row["from"], row["to"], row["rule"], row["enforced"]) for row in rows(done) if row["kind"] == "move"]


def test_a_recorded_file_replays_to_the_recorded_move(
    configured: Shell, fact_file: Write, story_facts: Sequence[Fact]
) -> None:
    done = configured("replay", str(fact_file(story_facts)))
    assert moves(done) == [(A, B, "refusing", True)]
    assert all(row.keys() >= FIELDS for row in rows(done))
    one = Replay(replace(STORY_POLICY, mode=Mode.ENFORCE, seeds=tuple(SEEDS)))
    told = [event_row(event) for fact in story_facts for event in one.tell(fact)]
    told += [event_row(event) for event in one.finish()]
    assert [(row["kind"], row["at"], row["provider"], row["receiver"], row["to"]) for row in rows(done)] == [
        (row["kind"], row["at"], row["provider"], row["receiver"], row["to"]) for row in told
    ]
    assert not [row for row in rows(done) if row["kind"] == "differs"]
    assert f"The policy is that of {configured.config}." in done.err
    assert "On record are 1 moves by automation: as the record has it." in done.err


def test_where_the_record_differs_is_said(configured: Shell, fact_file: Write, story_facts: Sequence[Fact]) -> None:
    configured.config.write_text(configured.config.read_text() + "[policy]\nconfirmations = 9\n")
    done = configured("replay", str(fact_file(story_facts)), "--json")
    assert moves(done) == []
    (differing,) = [row for row in rows(done) if row["kind"] == "differs"]
    assert differing.keys() >= FIELDS
    assert differing["reason"].startswith("On record is a move from mailgun to sendgrid that this policy does not make")


def test_compressed_and_piped_files_are_the_same_file(
    configured: Shell, fact_file: Write, story_facts: Sequence[Fact]
) -> None:
    plain, packed = fact_file(story_facts), fact_file(story_facts, "facts.jsonl.gz")
    expected = configured("replay", str(plain)).out
    assert configured("replay", str(packed)).out == expected
    for content in (plain.read_bytes(), packed.read_bytes()):
        piped = subprocess.run(
            [BIN / "relaypilot", "replay", "-"],
            env=configured.environ,
            input=content,
            capture_output=True,
            check=True,
            timeout=30,
        )
        assert piped.stdout.decode() == expected


def test_a_file_written_by_hand_needs_no_configuration(lonely_shell: Shell, fact_file: Write) -> None:
    done = lonely_shell("replay", str(fact_file(BY_HAND)), "--guess")
    assert moves(done) == [("one", "two", "refusing", False)]
    assert (
        "The policy is guessed from the file: providers one, two in order of appearance; no seeds; session" in done.err
    )
    assert "every 1 min" in done.err
    assert "1 would-be move." in done.err


def test_two_policies_side_by_side(configured: Shell, fact_file: Write, story_facts: Sequence[Fact]) -> None:
    other = configured.config.with_name("other.toml")
    other.write_text("[policy]\nconfirmations = 9\n")
    found = rows(configured("replay", str(fact_file(story_facts)), "--against", str(other)))
    assert found[0] == {"kind": "setting", "name": "confirmations", "this": 2, "against": 9}
    (pair,) = found[1:]
    assert pair.keys() >= FIELDS
    assert pair["differs"] is True
    assert (pair["this"]["to"], pair["against"]) == (B, None)
    for same in ("", configured.config.read_text()):
        other.write_text(same)
        found = rows(configured("replay", str(fact_file(story_facts)), "--against", str(other)))
        assert [(row["kind"], row["differs"]) for row in found] == [("pair", False)]


def test_a_terminal_gets_a_table(configured: Shell, fact_file: Write, story_facts: Sequence[Fact]) -> None:
    terminal = configured.on_terminal("replay", str(fact_file(story_facts)), columns=160)
    assert terminal.read_to_end() == 0
    assert "RECEIVER" in terminal.words
    assert "move mailgun → sendgrid" in terminal.words
    other = configured.config.with_name("other.toml")
    other.write_text("[policy]\nconfirmations = 9\n")
    beside = configured.on_terminal("replay", str(fact_file(story_facts)), "--against", str(other), columns=160)
    assert beside.read_to_end() == 0
    assert "Settings that differ" in beside.words
    assert "only here" in beside.words


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (BY_HAND + "{", "line 7: not a JSON object"),
        (BY_HAND.replace('"bad"', '"poor"', 1), 'line 4: field "outcome" must be one of good, bad, unknown'),
        (BY_HAND.replace('"2026-03-01T12:01:01Z"', '"noon"'), 'line 5: field "at" must be a time with zone'),
        ("[]\n", "line 1: a fact is a JSON object"),
        ('{"at": "2026-03-01T12:00:00Z", "fact": "start"}\n', "no fact in it names a provider"),
        ("", "no fact in it names a provider"),
    ],
)
def test_a_bad_file_is_one_sentence_with_the_line(
    lonely_shell: Shell, fact_file: Write, content: str, sentence: str
) -> None:
    path = fact_file(content)
    done = lonely_shell("replay", str(path), "--guess")
    assert done.status == 1
    assert done.out == ""
    assert len(done.err.splitlines()) == 1
    assert done.err.startswith("relaypilot: Re")
    assert str(path) in done.err
    assert sentence in done.err


def test_a_damaged_archive_and_text_that_is_none(lonely_shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(BY_HAND.encode() * 200)[:-20])
    assert "the compressed data is damaged or cut short" in lonely_shell("replay", str(path), "--guess").err
    path.write_bytes(b"{\xff}\n")
    assert "line 1: not UTF-8 text" in lonely_shell("replay", str(path), "--guess").err


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (["replay", "/nonexistent/facts.jsonl", "--guess"], 2, "No such file or directory; name an observation file"),
        (["replay", "/", "--guess"], 2, "Is a directory"),
        (["replay"], 2, "Missing argument 'FILE'"),
        (["replay", "/dev/null", "--config", "/nonexistent.toml"], 3, "/nonexistent.toml: No such file"),
        (["replay", "/dev/null", "--guess", "--against", "/nonexistent.toml"], 3, "/nonexistent.toml: No such file"),
    ],
)
def test_what_is_not_there_is_named(lonely_shell: Shell, words: list[str], status: int, sentence: str) -> None:
    done = lonely_shell(*words)
    assert (done.status, done.out) == (status, "")
    assert sentence in done.err


def test_facts_of_another_installation_are_not_judged_as_ours(configured: Shell, fact_file: Write) -> None:
    done = configured("replay", str(fact_file(BY_HAND)))
    assert done.status == 2
    assert "its facts are of one, two, the policy knows only mailgun, sendgrid, relay" in done.err
    mixed = BY_HAND.replace('"two"', f'"{B}"')
    some = configured("replay", str(fact_file(mixed)))
    assert some.status == 0
    assert "Left out, because the policy does not name them: facts of one." in some.err
