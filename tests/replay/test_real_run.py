"""A real run of everything, exported and replayed: the same moves at the same times."""

import json
import time
from collections.abc import Callable

from deploy.sandbox.world import World
from tests.scenarios.settings import quick

WITHIN_SECONDS = 90


def until(what: Callable[[], bool], said: Callable[[], str]) -> None:
    end = time.monotonic() + WITHIN_SECONDS
    while not what():
        assert time.monotonic() < end, said()
        time.sleep(0.3)


def test_what_the_daemon_did_is_what_a_replay_of_its_record_does() -> None:
    with World.temporary(settings=quick()) as world:

        def status() -> dict:
            return json.loads(world.command("status", "--json").stdout or "{}")

        def works() -> bool:
            found = status()
            return found.get("daemon") == "running" and all(
                p["health"]["status"] == "healthy" for p in found["providers"]
            )

        def active() -> str:
            return (status()["route"]["reported"] or ["nobody"])[0]

        world.start_helper()
        daemon = world.start_daemon()
        until(works, daemon.text)
        assert world.command("failover", "--to", "mailgun", "--for", "0s").returncode == 0
        world.fault("mailgun", "suspended")
        until(lambda: active() == "sendgrid", daemon.text)
        world.fault("sendgrid", "down")
        until(lambda: active() == "acme", daemon.text)
        exported = world.directory / "facts.jsonl.gz"
        assert world.command("export", "-o", str(exported)).returncode == 0
        running = world.command("export").stdout.splitlines()
        replayed = world.command("replay", str(exported), "--json")
        daemon.stop()
        stopped = world.command("export").stdout.splitlines()
        assert stopped[: len(running)] == running

        assert replayed.returncode == 0, replayed.stderr
        rows = [json.loads(line) for line in replayed.stdout.splitlines()]
        assert [(r["from"], r["to"], r["rule"], r["enforced"]) for r in rows if r["kind"] == "move"] == [
            ("mailgun", "sendgrid", "refusing", True),
            ("sendgrid", "acme", "refusing", True),
        ]
        assert [row for row in rows if row["kind"] == "differs"] == [], replayed.stdout
        assert "On record are 2 moves by automation: as the record has it." in replayed.stderr
