"""From the command to the first message through the new relay, beside the bare Postfix commands doing the same."""

import statistics
import subprocess
import time

from deploy.sandbox.people import LIVE_SENDER
from deploy.sandbox.world import World
from tests.bench.figure import Figure
from tests.bench.waiting import until

FROM, TO = "mailgun", "sendgrid"
GOAL_RATIO = 1.0
SETTLED_SECONDS = 3.0  # Postfix reads a file again until it is two seconds old


def measure(repetitions=9, messages_per_second=20.0):
    with World.temporary(seeds=["gmail-1"], session_interval="60s", round_interval="3600s") as world:
        world.start_helper()
        until((world.directory / "helper.sock").exists, 30, "the helper listens")
        world.start_daemon()
        until(lambda: command(world, FROM).returncode == 0, 60, f"mail is on {FROM}")
        here = settings(world)
        until(lambda: command(world, TO).returncode == 0, 60, f"mail is on {TO}")
        there = settings(world)
        move(world, FROM)
        ours, bare = [], []
        with world.load(messages_per_second):
            for _ in range(repetitions):
                bare.append(seconds_until(world, TO, lambda: edit(world, there)))
                edit(world, here)
                ours.append(seconds_until(world, TO, lambda: move(world, TO)))
                move(world, FROM)
        ratios = [mine / theirs for mine, theirs in zip(ours, bare, strict=True)]
        where = (
            f"median of {repetitions} alternating repetitions, {messages_per_second:g} live messages a second, "
            f"from the start of the command to the first of them accepted by the new relay"
        )
        return [
            Figure(
                name="failover against bare commands",
                value=statistics.median(ratios),
                unit="of their time",
                goal=GOAL_RATIO,
                conditions=f"{where}; single ratios {min(ratios):.2f} to {max(ratios):.2f}",
            ),
            Figure(
                name="failover --to",
                value=statistics.median(ours),
                unit="s",
                conditions=f"`failover --to {TO} --for 0s`, through the daemon; {min(ours):.2f} to {max(ours):.2f} s",
            ),
            Figure(
                name="bare commands",
                value=statistics.median(bare),
                unit="s",
                conditions="one `postconf -e` of the same settings, then `postfix reload`; "
                f"{min(bare):.2f} to {max(bare):.2f} s",
            ),
        ]


def command(world, provider):
    return world.command("failover", "--to", provider, "--for", "0s")


def move(world, provider):
    done = command(world, provider)
    if done.returncode != 0:
        raise SystemExit(f"moving to {provider} failed: {done.stderr}")


def settings(world):
    return [f"{name}={world.postfix.postconf(name)}" for name in ("relayhost", "default_transport")]


def edit(world, values):
    """Do what an administrator would do without relaypilot."""
    directory = str(world.postfix.config_dir)
    subprocess.run(["postconf", "-c", directory, "-e", *values], check=True)
    subprocess.run(["postfix", "-c", directory, "reload"], check=True, stderr=subprocess.DEVNULL)


def seconds_until(world, provider, act):
    """Return how long it takes from the start of `act` to the first live message that this relay accepts."""
    time.sleep(SETTLED_SECONDS)
    before = len(taken(world, provider))
    begun = time.time()
    act()
    first = until(lambda: taken(world, provider)[before:], 30, f"{provider} takes a message")[0]
    return first - begun


def taken(world, provider):
    """Return when this relay accepted each live message, oldest first; the canary is not live mail."""
    return sorted(message["at"] for message in world.accepted(provider) if message["sender"] == LIVE_SENDER)
