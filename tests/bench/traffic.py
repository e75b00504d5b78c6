"""Lines per second and memory of `relaypilot traffic` beside pflogsumm, on the same file in the same run."""

import itertools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.figure import Figure, as_text, machine
from tests.traffic.made_log import FORMATS, made_log

GOAL_TIMES = 3
GOAL_GROWTH = 1.1
RUNS = 3


def measure(lines=1_000_000, runs=RUNS):
    with tempfile.TemporaryDirectory() as directory:
        long, short = Path(directory, "long.log"), Path(directory, "short.log")
        write(long, lines)
        write(short, lines // 10)
        ours, theirs = [], []
        for _ in range(runs):  # in turn, so that other work on the machine disturbs both
            ours.append(run([Path(sys.executable).parent / "relaypilot", "traffic", "--from-log", long, "--json"]))
            theirs.append(run(["pflogsumm", long]))
        small = run([Path(sys.executable).parent / "relaypilot", "traffic", "--from-log", short, "--json"])
        rows = Path(directory, "rows.log")
        with long.open() as file:
            rows.write_text("".join(line for line in file if ", status=" in line))
        dense = run([Path(sys.executable).parent / "relaypilot", "traffic", "--from-log", rows, "--json"])
        their_dense = run(["pflogsumm", rows])
    (seconds, cpu, kb), (their_seconds, their_cpu, their_kb) = map(best, (ours, theirs))
    where = f"{lines:,} lines of a mail server's whole log (Postfix 3.7, one delivery in 7 lines), best of {runs}"
    return [
        Figure(
            name="traffic time",
            value=seconds / their_seconds,
            unit="of pflogsumm's",
            goal=1 / GOAL_TIMES,
            conditions=f"{lines / seconds:,.0f} lines a second against {lines / their_seconds:,.0f}, start of the "
            f"process included; processor time {cpu:.2f} s against {their_cpu:.2f} s; {where}",
        ),
        Figure(
            name="traffic time on rows alone",
            value=dense[0] / their_dense[0],
            unit="of pflogsumm's",
            conditions="the rows with a status of the same log and none of its other lines; one run",
        ),
        Figure(
            name="traffic memory growth",
            value=kb / small[2],
            unit="times",
            goal=GOAL_GROWTH,
            conditions=f"peak {kb / 1e3:.0f} MB for {lines:,} lines, {small[2] / 1e3:.0f} MB for {lines // 10:,}; "
            f"pflogsumm {their_kb / 1e3:.0f} MB for {lines:,}",
        ),
    ]


def write(path, lines):
    messages = made_log(FORMATS["3.7"], seed=1, messages=lines, seconds_apart=0.6)
    with path.open("w") as file:
        file.writelines(f"{line}\n" for line in itertools.islice(messages, lines))


def run(command):
    """Return the seconds, processor seconds and most kilobytes in memory that a command took."""
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def best(runs):
    return tuple(min(values) for values in zip(*runs, strict=True))


def main():
    print(as_text(measure(), machine()))


if __name__ == "__main__":
    main()
