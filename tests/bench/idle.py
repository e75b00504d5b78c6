"""Memory and CPU share of the daemon when nothing happens: 5 providers, 20 seeds, default intervals."""

import json
import sqlite3
import ssl
import time
import tomllib
from pathlib import Path

import psutil

from deploy.sandbox.people import PROBE_SENDER, SEEDS, live_users, receiver_of
from deploy.sandbox.product import _table as table
from deploy.sandbox.world import World
from tests.bench.figure import Figure
from tests.bench.waiting import until

PROVIDERS = 5
SEED_COUNT = 20
GOAL_MB = 100
GOAL_PERCENT = 1


def measure(seconds=120.0, providers=PROVIDERS, seeds=SEED_COUNT):
    with World.temporary() as world:
        _configure(world, providers, seeds)
        helper = world.start_helper()
        until((world.directory / "helper.sock").exists, 30, "the helper listens")
        daemon = world.start_daemon()
        until(
            lambda: _settled(world, providers, seeds), 180, "every provider is healthy and the first round has closed"
        )
        process = psutil.Process(daemon.pid)
        until(lambda: _quiet(process), 60, "the daemon is quiet")
        facts, before, begun = _facts(world), _cpu_seconds(process), time.monotonic()
        time.sleep(seconds)
        share = (_cpu_seconds(process) - before) / (time.monotonic() - begun) * 100
        checks = (_facts(world) - facts) / providers
        memory, threads = process.memory_full_info(), process.num_threads()
        where = (
            f"{providers} providers, {seeds} seeds, default intervals, after the first round had closed; over "
            f"{seconds:g} s with about {checks:.0f} session checks of each provider, no live mail"
        )
        return [
            Figure(
                name="idle memory",
                value=memory.rss / 1e6,
                unit="MB",
                goal=GOAL_MB,
                conditions=f"resident set of the daemon ({memory.uss / 1e6:.0f} MB not shared, {threads} threads); "
                f"the root helper beside it holds {psutil.Process(helper.pid).memory_info().rss / 1e6:.0f} MB; {where}",
            ),
            Figure(
                name="idle cpu",
                value=share,
                unit="% of a core",
                goal=GOAL_PERCENT,
                conditions=f"of the daemon; {where}",
            ),
        ]


def _configure(world, providers, seeds):
    """Write a configuration that leaves every interval at its default."""
    there = tomllib.loads(world.config_path.read_text())
    authorities = {"ca_file": str(_authorities(world))}
    relays = [relay | authorities for relay in there["provider"]]
    # A relay may stand in for two providers: under another name of the same address it is another nexthop.
    more = [relay | {"name": f"{relay['name']}-2", "host": "localhost"} for relay in relays]
    tables = {
        "": {"state_dir": there["state_dir"], "mode": "enforce"},
        "api": there["api"],
        "postfix": {k: v for k, v in there["postfix"].items() if k not in ("connect_timeout", "canary_wait")},
        "probes": {"sender": PROBE_SENDER},
        "receivers": there["receivers"],
    }
    text = [table(f"[{name}]" if name else "", values) for name, values in tables.items()]
    text += [table("[[provider]]", relay) for relay in [*relays, *more][:providers]]
    text += [table("[[seed]]", seed) for seed in _seeds(world, [seed | authorities for seed in there["seed"]], seeds)]
    world.config_path.write_text("\n".join(text))


def _authorities(world):
    """Return a file of the system's authorities and the sandbox's: as much to hold as in real use."""
    system = ssl.get_default_verify_paths().cafile
    bundle = world.directory / "tls/all.pem"
    bundle.write_text((Path(system).read_text() if system else "") + world.ca_file.read_text())
    return bundle


def _seeds(world, there, count):
    """Return the sandbox's own seeds, then mailboxes of its people as further ones."""
    passwords = dict(line.split(":")[:2] for line in (world.directory / "users").read_text().splitlines())
    more = []
    for number, address in enumerate(live_users()[: max(0, count - len(SEEDS))]):
        file = world.layout.secrets / f"user-{number}"
        file.touch(mode=0o600)
        file.write_text(passwords[address].removeprefix("{PLAIN}"))
        more.append(
            there[0]
            | {
                "name": f"user-{number}",
                "receiver": receiver_of(address).name,
                "address": address,
                "password": {"file": str(file)},
            }
        )
    return [*there, *more][:count]


def _settled(world, providers, seeds):
    """Return whether the first round has closed and found every probe."""
    answer = world.command("status", "--json")
    if answer.returncode != 0:
        return False
    found = json.loads(answer.stdout)["providers"]
    return (
        len(found) == providers
        and all(p["health"]["status"] == "healthy" for p in found)
        and (_facts(world, "placement") >= providers * seeds)
    )


def _facts(world, signal="session"):
    """Return how many observations of a signal the store holds."""
    with sqlite3.connect(f"file:{world.directory}/state/relaypilot.sqlite?mode=ro", uri=True) as store:
        return store.execute("select count(*) from fact where signal = ?", (signal,)).fetchone()[0]


def _quiet(process):
    """Return whether the process used next to nothing for two seconds."""
    before = _cpu_seconds(process)
    time.sleep(2)
    return _cpu_seconds(process) - before < 0.1


def _cpu_seconds(process):
    times = process.cpu_times()
    return times.user + times.system + times.children_user + times.children_system
