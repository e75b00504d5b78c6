"""The sandbox's command line against a running world."""

import json

import pytest

from deploy.sandbox.commands import main
from deploy.sandbox.world import World
from tests.sandbox.clients import eventually

Capture = pytest.CaptureFixture[str]


def run(world: World, *words: str) -> int:
    return main([words[0], "--dir", str(world.directory), *words[1:]])


def test_faults_go_on_and_off(world: World, capsys: Capture) -> None:
    assert run(world, "fault", "mailgun", "partial", "0.3") == 0
    assert run(world, "fault", "seed_down", "gmail-1") == 0
    assert run(world, "fault", "acme", "spam", "--share", "0.5") == 0
    assert run(world, "status") == 0
    lines = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines()[3:])
    assert lines["mailgun"].endswith("partial 0.3")
    assert lines["acme"].endswith("spam --share 0.5")
    assert lines["gmail-1"] == "seed_down"
    assert run(world, "heal") == 0
    assert run(world, "status") == 0
    assert "partial" not in capsys.readouterr().out


def test_every_fault_is_listed_with_what_it_does(world: World, capsys: Capture) -> None:
    assert main(["faults"]) == 0
    out = capsys.readouterr().out
    assert "  tarpit SECONDS [20] " in out
    assert "  spam_at RECEIVER " in out


def test_a_mistake_is_one_sentence_and_a_failure(world: World, capsys: Capture) -> None:
    assert run(world, "fault", "mailgun", "sleepy") == 1
    assert capsys.readouterr().err.startswith('sandbox: There is no fault "sleepy"')
    assert main(["status", "--dir", "/nonexistent"]) == 1
    assert "No sandbox is running in /nonexistent" in capsys.readouterr().err


def test_send_and_ledger_account_for_a_message(world: World, capsys: Capture) -> None:
    world.use_stock_route("acme")
    before = world.ledger.counts()
    assert run(world, "send", "user-4@yahoo.test", "--count", "2") == 0
    eventually(lambda: world.ledger.counts().inbox == before.inbox + 2, 20)
    capsys.readouterr()
    assert run(world, "ledger", "--json") == 0
    assert json.loads(capsys.readouterr().out)["sent"] == before.sent + 2
    assert run(world, "ledger") == 0
    assert capsys.readouterr().out.startswith("sent ")
