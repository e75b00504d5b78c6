"""Facts per second of `relaypilot replay`, beside what reading and folding one fact after the other would take."""

import itertools
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from probes.fact_json import fact_from_json, fact_to_json, good_check
from probes.observation import Observation, Outcome, Signal, Source
from service.decision.fold import step
from service.decision.policy import Policy
from service.decision.state import initial_state
from service.replay import Replay
from tests.bench.figure import Figure, as_text, machine

GOAL_PER_SECOND = 100_000
PROVIDERS = ("one", "two", "three")
SEEDS = tuple((f"{receiver}-{n}", receiver) for receiver in ("gmail", "microsoft", "yahoo") for n in (1, 2))
POLICY = Policy(providers=PROVIDERS, seeds=SEEDS)
DOWN = {"category": "network", "stage": "connect", "temporary": True, "rule": "connection-refused", "text": "refused"}
PASSED = "spf=pass, dkim=pass, dmarc=pass"
FOUND = "found in INBOX; searched INBOX, Junk"
FAULT_MINUTES = 60


def measure(sizes=(100_000, 1_000_000), failing_ratio=0.003, spam_ratio=0.02):
    return [figure for size in sizes for figure in _measure(size, failing_ratio, spam_ratio)]


def measure_both(size=1_000_000):
    """Return the figures of a record with many failures and of a calmer one."""
    return [*_measure(size, 0.003, 0.02), *_measure(size, 0.0005, 0.002)]


def _measure(size, failing_ratio, spam_ratio):
    noise = (
        "session sweeps every minute and a round every hour through 3 providers to 6 seeds; "
        f"{failing_ratio:.1%} of the session checks fail, {spam_ratio:.0%} of the probes land in spam, "
        "and a provider is down for an hour a week"
    )
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "facts.jsonl")
        with path.open("w") as file:
            file.writelines(f"{fact_to_json(f)}\n" for f in itertools.islice(made(failing_ratio, spam_ratio), size))
        read, folded, replayed = (_seconds(work, path) for work in (_read, _fold, _replay))
        started = time.perf_counter()
        command = [Path(sys.executable).parent / "relaypilot", "replay", "--guess", path]
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        whole = time.perf_counter() - started
    shares = f"reading every fact in full alone takes {read:.2f} s, folding each alone {folded - read:.2f} s more"
    return [
        Figure(
            name=f"replay of {size:,} facts",
            value=replayed,
            unit="processor s",
            goal=size / GOAL_PER_SECOND,
            conditions=f"{size / replayed:,.0f} facts a second with one core ({shares}); {noise}",
        ),
        Figure(
            name=f"the command on {size:,} facts",
            value=whole,
            unit="s",
            conditions="elapsed; with the start of the process, a second reading to guess the policy, and output",
        ),
    ]


def _seconds(work, path):
    """Return the processor seconds: other work on the machine does not count."""
    started = time.process_time()
    work(path)
    return time.process_time() - started


def _read(path):
    with path.open() as file:
        for line in file:
            fact_from_json(line)


def _fold(path):
    state = initial_state()
    with path.open() as file:
        for line in file:
            state = step(state, fact_from_json(line), POLICY)


def _replay(path):
    one = Replay(POLICY)
    with path.open() as file:
        for line in map(str.rstrip, file):
            check = good_check(line)
            if check is None or not one.passes(*check):
                one.tell(fact_from_json(line))
    one.finish()


def made(failing_ratio, spam_ratio):
    """Yield facts for ever, the same each time."""
    chance = random.Random(1)
    began = datetime(2026, 1, 1, tzinfo=UTC)
    for minute in itertools.count():
        at = began + timedelta(minutes=minute)
        down = PROVIDERS[minute // 10080 % 3] if 5000 <= minute % 10080 < 5000 + FAULT_MINUTES else None
        for place, provider in enumerate(PROVIDERS):
            bad = provider == down or chance.random() < failing_ratio
            said = DOWN if bad else {}
            took = {"round": f"s{minute}", "value": 0.05 + minute % 100 / 1000}
            yield _fact(at + timedelta(milliseconds=place), provider, Signal.SESSION, bad, **took, **said)
        if minute % 60 == 30:
            yield from _round(at + timedelta(seconds=5), f"r{minute}", spam_ratio, down, chance)


def _round(at, word, spam_ratio, down, chance):
    cells = [(s, r, p) for s, r in SEEDS for p in PROVIDERS]
    for place, (seed, receiver, provider) in enumerate(cells):
        bad, where = provider == down, {"seed": seed, "receiver": receiver, "round": word}
        said = DOWN if bad else {}
        took = {"value": 0.25, "signed": True}
        yield _fact(at + timedelta(milliseconds=place), provider, Signal.ACCEPTANCE, bad, **where, **took, **said)
    for place, (seed, receiver, provider) in enumerate(cells):
        if provider == down:
            continue
        found = at + timedelta(seconds=5, milliseconds=place)
        where = {"seed": seed, "receiver": receiver, "round": word, "signed": True}
        spam = chance.random() < spam_ratio
        yield _fact(found, provider, Signal.ARRIVAL, False, value=5.0, text=FOUND, **where)
        yield _fact(found, provider, Signal.PLACEMENT, spam, value="spam" if spam else "inbox", text=FOUND, **where)
        yield _fact(found, provider, Signal.LATENCY, False, value=5.0, **where)
        yield _fact(found, provider, Signal.AUTHENTICATION, False, value=PASSED, **where)


def _fact(at, provider, signal, bad, **other):
    outcome = Outcome.BAD if bad else Outcome.GOOD
    return Observation(at=at, provider=provider, signal=signal, source=Source.PROBE, outcome=outcome, **other)


def main():
    print(as_text(measure_both(), machine()))


if __name__ == "__main__":
    main()
