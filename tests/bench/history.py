"""What a cycle and the answers cost as the history grows: from ten thousand recorded facts to ten million.

The store is filled by one statement of SQL from one hour of facts and its roll-ups, again and again; what is measured
goes through the product's own code. `python -m tests.bench.history 10000 10000000`
"""

import asyncio
import itertools
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from service.clock import SystemClock
from service.cycle import Seen, judge
from service.decision.compare import compare
from service.decision.explain import explain
from service.decision.health import health
from service.decision.route import simple_route
from service.memory import Memory
from service.store.rollups import KEEP, LENGTHS_HOURS
from service.store.store import open_store
from service.tabulation import Unfinished, pace_of, tabulate
from tests.bench.figure import Figure, as_text, machine
from tests.bench.replay import POLICY, PROVIDERS, made

END = datetime(2026, 6, 1, tzinfo=UTC)
SWEEP = 3  # facts of a cycle
GOAL_GROWTH = 1.5  # of the processor time of a cycle and of each answer, from the smallest history to the largest
GOAL_YEAR_MS = 50  # it is what a person waits for; from the facts themselves it would be minutes


def measure(sizes=(10_000, 100_000, 1_000_000), repetitions=100):
    found = {}
    for size in sizes:
        with tempfile.TemporaryDirectory() as directory:
            found[size] = _costs(Path(directory), size, repetitions)
    least, most = found[sizes[0]], found[sizes[-1]]
    return [
        Figure(
            name=f"{what} with {sizes[-1]:,} facts",
            value=most[what][0] / least[what][0],
            unit=f"times that with {sizes[0]:,}",
            goal=GOAL_GROWTH,
            conditions="; ".join(
                f"{size:,}: {found[size][what][0] * 1000:.2f} ms of the processor, "
                f"{found[size][what][1] * 1000:.2f} ms elapsed"
                for size in sizes
            )
            + "; medians, 3 providers, 6 seeds",
        )
        for what in least
    ]


def _costs(directory, size, repetitions):
    path = directory / "facts.db"
    open_store(f"sqlite:///{path}", SystemClock()).close()
    fill(path, size)
    store = open_store(f"sqlite:///{path}", SystemClock())
    memory = Memory(store, POLICY)
    costs = {"start": _median(lambda: Memory(store, POLICY).load(END), 3)}
    memory.load(END)
    facts = itertools.islice(made(0.003, 0.02), 10**9)
    shift = END - datetime(2026, 1, 1, tzinfo=UTC)

    async def record(batch):
        await memory.record(batch)

    def cycle():
        batch = [_moved(fact, shift) for fact in itertools.islice(facts, SWEEP)]
        asyncio.run(record(batch))
        now = batch[-1].at
        health(memory.state, POLICY, now)
        judge(Seen(now=now, state=memory.state, policy=POLICY, route=simple_route(*PROVIDERS), problem=None))

    costs["cycle"] = _median(cycle, repetitions)
    now = memory.state.at

    def compared(days):
        return lambda: compare(store.records(now - timedelta(days=days), now), PROVIDERS, POLICY.receivers, {})

    costs["explain"] = _median(lambda: explain(memory.state, simple_route(*PROVIDERS), POLICY, now), repetitions)
    costs["status"] = _median(lambda: health(memory.state, POLICY, now), repetitions)
    costs["compare of a day"] = _median(compared(1), 20)
    costs["history"] = _median(lambda: store.journal.history(50), 20)
    costs["page of an export"] = _median(lambda: list(store.facts(limit=2000)), 5)
    recent = now - timedelta(hours=3)
    costs["page of a recent export"] = _median(lambda: list(store.facts(limit=500, since=recent)), 5)
    costs["looking for old facts"] = _median(lambda: store.prune(END, timedelta(days=4000), batches=1), 5)
    memory.close()
    return costs


def compare_years(hours=9600, repetitions=20):
    """Return what compare costs over a year beside a day, in a store of roll-ups alone."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "facts.db"
        open_store(f"sqlite:///{path}", SystemClock()).close()
        fill(path, hours * 270)
        store = open_store(f"sqlite:///{path}", SystemClock())
        spans = {
            days: _median(
                lambda days=days: compare(
                    store.records(END - timedelta(days=days), END), PROVIDERS, POLICY.receivers, {}
                ),
                repetitions,
            )
            for days in (1, 7, 30, 365)
        }
        store.close()
    return [
        Figure(
            name="compare of a year",
            value=spans[365][0] * 1000,
            unit="processor ms",
            goal=GOAL_YEAR_MS,
            conditions="; ".join(f"{days} d: {spent[0] * 1000:.1f} ms" for days, spent in spans.items())
            + f"; {hours:,} hours and {hours * 270:,} facts recorded, 3 providers, 6 seeds at 3 receivers",
        )
    ]


def _moved(fact, shift):
    from dataclasses import replace

    return replace(fact, at=fact.at + shift, round=f"n{fact.round}")


def _median(work, repetitions):
    """Return the median of the processor seconds and of those elapsed: other work on the machine counts in these."""
    times = []
    for _ in range(repetitions):
        processor, began = time.process_time(), time.perf_counter()
        work()
        times.append((time.process_time() - processor, time.perf_counter() - began))
    return tuple(statistics.median(column) for column in zip(*times, strict=True))


def fill(path, size):
    """Put so many facts, and what they roll up to, into an empty store; the last are of just before END."""
    hour = list(itertools.takewhile(lambda fact: fact.at < datetime(2026, 1, 1, 1, tzinfo=UTC), made(0.0, 0.0)))
    hours = -(-size // len(hour))
    first = int(END.timestamp()) // 3600 - hours
    connection = sqlite3.connect(path)
    connection.executescript("PRAGMA synchronous = OFF; CREATE TEMP TABLE one AS SELECT * FROM fact WHERE 0;")
    connection.execute("ALTER TABLE one ADD COLUMN offset REAL")
    began = hour[0].at
    columns = [row[1] for row in connection.execute("PRAGMA table_info(fact)")]
    for seq, fact in enumerate(hour, start=1):
        value = fact.value
        row = dict.fromkeys(columns) | {"seq": seq, "at": "", "kind": "observation", "confirmation": 0, "count": 1}
        row |= {name: getattr(fact, name) for name in ("provider", "receiver", "seed", "round")}
        row |= {name: str(getattr(fact, name)) for name in ("signal", "source", "outcome")}
        row |= {"value_number": value if isinstance(value, float) else None}
        row |= {"value_text": value if isinstance(value, str) else None, "offset": (fact.at - began).total_seconds()}
        places = ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO one ({', '.join(row)}) VALUES ({places})", list(row.values()))
    picked = ", ".join(
        {
            "seq": f"seq + n * {len(hour)}",
            "at": f"strftime('%Y-%m-%d %H:%M:%f000', (n + {first}) * 3600.0 + offset, 'unixepoch')",
            "round": "round || '-' || n",
        }.get(name, name)
        for name in columns
    )
    connection.execute(
        f"WITH RECURSIVE hours(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM hours WHERE n + 1 < {hours}) "
        f"INSERT INTO fact ({', '.join(columns)}) SELECT {picked} FROM hours CROSS JOIN one"
    )
    for rows in _rolled_up(hour, first, hours):
        connection.executemany("INSERT INTO rollup VALUES (?, ?, ?, ?, ?, ?)", rows)
    connection.execute(
        "INSERT INTO snapshot (id, policy_hash, seq, state, saved_at) VALUES (1, '', ?, '{}', ?)",
        (hours * len(hour), "2026-06-01 00:00:00.000000"),
    )
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with path.open("rb") as file:
        os.fsync(file.fileno())  # else the first commits measured wait for all this to be written


def _rolled_up(hour, first, hours):
    sums = tabulate(hour, Unfinished(), pace_of(POLICY))
    kept = min(hours, int(KEEP.total_seconds()) // 3600)
    for length in LENGTHS_HOURS:
        blocks = Counter(number // length for number in range(first + hours - kept, first + hours))
        for block, times in blocks.items():
            yield [
                (length, block, provider, other, receiver, json.dumps({k: n * times for k, n in counts.items()}))
                for (_, provider, other, receiver), counts in sums.items()
            ]


def main():
    sizes = tuple(int(word) for word in sys.argv[1:]) or (10_000, 100_000, 1_000_000)
    print(as_text([*measure(sizes), *compare_years()], machine()))


if __name__ == "__main__":
    main()
