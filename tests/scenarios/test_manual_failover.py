"""Given a person who moves mail by hand: what happens, and what is refused, in one sentence."""

import getpass
import socket
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.scenarios import postfix_files
from tests.scenarios.postfix_files import snapshot
from tests.scenarios.scene import Scene
from tests.scenarios.settings import quick


@pytest.fixture(scope="module")
def scene():
    with Scene.temporary() as scene:
        yield scene


def refusal(done):
    """Return the one sentence on standard error and what follows it; steps that were shown before are left out."""
    _steps, mark, text = done.stderr.partition("relaypilot: ")
    assert mark, done
    assert text.count("relaypilot: ") == 0, done
    sentence, _, more = text.partition("\n")
    return mark + sentence, more


def test_failover_moves_the_next_message_and_is_in_history_with_actor_and_reason(scene):
    scene.on("mailgun")
    done = scene.world.command("failover", "--to", "sendgrid", "--for", "0s", "--reason", "the contract ends today")

    assert done.returncode == 0, done.stderr
    ports = scene.world.ports
    wanted = ", ".join(f"[127.0.0.1]:{ports[name]}" for name in ("sendgrid", "mailgun", "acme"))
    assert scene.world.postfix.postconf("relayhost") == wanted
    assert scene.carrier(scene.world.send()) == "sendgrid"
    row = scene.history()[-1]
    assert row["kind"] == "applied"
    assert (row["trigger"], row["rule"]) == ("manual", "manual")
    assert row["actor"] == f"{getpass.getuser()}@{socket.gethostname()}"
    assert row["reason"] == "the contract ends today"
    assert (row["from_route"][0], row["to_route"][0]) == ("mailgun", "sendgrid")
    told = scene.world.command("history").stdout
    assert "the contract ends today" in told
    assert "mailgun → sendgrid" in told


def test_the_short_command_does_the_same(scene):
    scene.on("mailgun")
    program = Path(sys.executable).parent / "failover"
    command = [program, "--to", "acme", "--for", "0s", "--config", scene.world.config_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert scene.active() == "acme"
    assert scene.carrier(scene.world.send()) == "acme"


REFUSALS = {
    "nosuch": (
        nullcontext,
        2,
        'Moving to "nosuch": there is no such provider; configured are mailgun, sendgrid, acme.',
    ),
    "broken_main_cf": (postfix_files.broken_main_cf, 8, "nothing was changed; repair it first."),
    "stopped_postfix": (postfix_files.stopped_postfix, 8, "Postfix is not running"),
    "unwritable_directory": (postfix_files.unwritable_directory, 8, "could not be written"),
    "read_only_mount": (postfix_files.read_only_mount, 8, "Read-only file system"),
    "hand_edited_relayhost": (postfix_files.hand_edited_relayhost, 8, "Changed by hand since relaypilot wrote it"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_failover_that_cannot_be_made_says_why_and_leaves_every_byte_as_it_was(scene, case):
    trouble, exit_status, words = REFUSALS[case]
    scene.on("mailgun")
    with trouble(*([] if trouble is nullcontext else [scene])):
        before = snapshot(scene)
        done = scene.world.command("failover", "--to", "nosuch" if case == "nosuch" else "sendgrid", "--for", "0s")
        after = snapshot(scene)
    assert done.returncode == exit_status, done
    assert done.stdout == ""
    sentence, diff = refusal(done)
    assert words in sentence
    assert not diff or case == "hand_edited_relayhost", done.stderr
    assert "Traceback" not in done.stderr
    assert after == before
    if case != "nosuch":
        failed = scene.history()[-1]
        assert (failed["kind"], failed["to_route"][0]) == ("failed", "sendgrid")
        assert words in failed["detail"]

    scene.until(lambda: scene.move_to("sendgrid"), 10, "the same failover works once that is put right")
    assert scene.carrier(scene.world.send()) == "sendgrid"


def test_a_failover_to_a_degraded_or_unproven_provider_is_refused_unless_forced():
    with Scene.temporary(settings=quick(policy={"confirmation_spacing": "60s"})) as scene:
        before = snapshot(scene)
        scene.world.fault("acme", "tempfail")
        scene.until(lambda: scene.health("acme")["status"] == "suspect", 20, "acme is under suspicion")
        unproven = scene.world.command("failover", "--to", "acme")
        assert unproven.returncode == 7, unproven
        sentence, _ = refusal(unproven)
        assert sentence.startswith("relaypilot: Moving to acme was refused: acme itself failed at ")
        assert "so it is unproven; run relaypilot probe acme first, or use --force" in sentence
        assert snapshot(scene) == before

        scene.order("pause")  # so that nothing is written but by hand
        scene.change_config('confirmation_spacing = "60s"', 'confirmation_spacing = "500ms"')
        scene.hang_up()
        scene.until(lambda: scene.health("acme")["status"] == "degraded", 20, "acme is degraded")
        degraded = scene.world.command("failover", "--to", "acme")
        assert degraded.returncode == 7, degraded
        sentence, _ = refusal(degraded)
        assert sentence.startswith("relaypilot: Moving to acme was refused: acme refuses mail: ")
        assert snapshot(scene) == before
        assert scene.carrier(scene.world.send()) == "mailgun"
