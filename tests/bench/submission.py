"""Hand-overs per second and memory beside smtp-source and swaks, in the same run to one sink; replies judged.

`python -m tests.bench.submission PORT MESSAGES SESSIONS REUSE` is the part that is measured, in a process of its own.
"""

import asyncio
import contextlib
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from deploy.sandbox.errors import SandboxError
from providers.account_replies import ACCOUNT_REPLIES
from providers.base import Message, RelayEndpoint, TlsMode
from providers.classify import classify_reply
from providers.failure import Stage
from providers.registry import known_kinds, load
from providers.reply import parse_reply
from providers.smtp_channel import SmtpChannel
from providers.smtp_reuse import Reuse
from service.clock import SystemClock
from tests.bench.figure import Figure
from tests.bench.traffic import best, run
from tests.providers import wordings

SESSIONS = 50
GOAL_MICROSECONDS = 10  # a reply: 100,000 a second
BODY_BYTES = 1000
FROM, TO = "probe@example.org", "seed@example.net"


def measure(messages=1000, replies=100_000, runs=3):
    for command in ("smtp-sink", "smtp-source", "swaks"):
        if tool(command) is None:
            package = "swaks" if command == "swaks" else "postfix"
            raise SandboxError(f"the benchmark needs {command}: apt-get install {package}")
    few = max(1, messages // 20)
    with tempfile.TemporaryDirectory() as directory, sink(directory) as port:
        fresh, reused, source, memory = [], [], [], []
        for _ in range(runs):  # in turn, so that other work on the machine disturbs all
            for rates, reuse in ((fresh, 0), (reused, 1)):
                rate, kb = submitted(port, messages, reuse)
                rates.append(rate)
                memory.append(kb)
            source.append(messages / run(smtp_source(port, messages))[0])
        idle = submitted(port, 0, 0)[1]
        swaks = few / all_swaks(port, few)
    where = (
        f"{messages:,} messages of {BODY_BYTES} bytes, {SESSIONS} sessions at once, smtp-sink on loopback without TLS"
    )
    return [
        Figure(
            name="submission",
            value=max(fresh),
            unit="messages a second",
            conditions=f"a connection for each, as probes are sent; smtp-source {max(source):,.0f}, swaks {swaks:,.0f} "
            f"({few} messages, a process each); {where}, best of {runs}",
        ),
        Figure(
            name="submission with sessions used again",
            value=max(reused),
            unit="messages a second",
            conditions=f"up to 100 messages over a connection; {where}, best of {runs}",
        ),
        Figure(
            name="submission memory",
            value=max(memory) / 1e3,
            unit="MB",
            conditions=f"most in memory while sending; {idle / 1e3:.0f} MB of it before the first message",
        ),
        classification(replies, runs, distinct=False),
        classification(replies, runs, distinct=True),
    ]


def tool(name):
    return shutil.which(name, path=f"/usr/sbin:{os.environ.get('PATH', '')}")


@contextlib.contextmanager
def sink(directory):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([tool("smtp-sink"), "-u", "nobody", f"127.0.0.1:{port}", "1000"], cwd=directory)
    try:
        until = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)
        yield port
    finally:
        process.kill()
        process.wait()


def submitted(port, messages, reuse):
    """Return messages a second and the most kilobytes in memory."""
    command = [sys.executable, "-m", "tests.bench.submission", *map(str, (port, messages, SESSIONS, reuse))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return messages / json.loads(said)["seconds"], usage.ru_maxrss


def smtp_source(port, messages):
    options = ["-s", str(SESSIONS), "-m", str(messages), "-l", str(BODY_BYTES), "-f", FROM, "-t", TO]
    return [tool("smtp-source"), *options, f"127.0.0.1:{port}"]


def all_swaks(port, messages):
    """Return the seconds that this many swaks take."""
    command = [tool("swaks"), "--silent", "3", "--server", "127.0.0.1", "--port", str(port), "--from", FROM, "--to", TO]
    command += ["--body", "x" * BODY_BYTES]
    started = time.perf_counter()
    with ThreadPoolExecutor(SESSIONS) as pool:
        for done in pool.map(lambda _: subprocess.run(command, check=False).returncode, range(messages)):
            assert done == 0, command
    return time.perf_counter() - started


def classification(replies, runs, *, distinct):
    """Return the processor time of one reply, parsed already; of those that repeat themselves, or none like another."""
    lines = [reply.example for reply in ACCOUNT_REPLIES]
    lines += [line for name in sorted(vars(wordings)) if name.isupper() for line in getattr(wordings, name)]
    tables = [load(kind).reply_rules for kind in known_kinds()]
    now, seconds = datetime.now(UTC), []
    for each in range(runs):
        texts = itertools.islice(itertools.cycle(lines), replies)
        parsed = [
            parse_reply(f"{line} id={each}-{n}@example.net" if distinct else line) for n, line in enumerate(texts)
        ]
        assert None not in parsed
        started = time.thread_time()
        for reply, rules in zip(parsed, itertools.cycle(tables)):
            classify_reply(reply, Stage.RCPT, now=now, rules=rules)
        seconds.append((time.thread_time() - started,))
    (least,) = best(seconds)
    what = "none like another" if distinct else "which repeat themselves, as those of a relay in trouble do"
    return Figure(
        name=f"classification of {'distinct' if distinct else 'repeated'} replies",
        value=least / replies * 1e6,
        unit="µs a reply",
        goal=None if distinct else GOAL_MICROSECONDS,
        conditions=f"{replies / least:,.0f} a second; {replies:,} replies in {len(lines)} real wordings, {what}; rules "
        f"of {len(tables)} kinds in turn, processor time, best of {runs}",
    )


async def submit_all(port, messages, sessions, reuse):
    clock = SystemClock()
    channel = SmtpChannel(
        "sink",
        RelayEndpoint(host="127.0.0.1", port=port, tls=TlsMode.NONE, server_name="localhost"),
        clock=clock,
        stage_timeout_seconds=10,
        total_timeout_seconds=60,
        reuse=Reuse() if reuse else None,
    )
    content = f"From: <{FROM}>\r\nTo: <{TO}>\r\nSubject: x\r\n\r\n{'x' * 78}\r\n".encode()
    content += b"x" * max(0, BODY_BYTES - len(content) - 2) + b"\r\n"
    left = iter(range(messages))

    async def session():
        for _ in left:
            found = await channel.submit(Message(sender=FROM, recipient=TO, content=content))
            assert found.failure is None, found

    started = time.perf_counter()
    await asyncio.gather(*(session() for _ in range(sessions)))
    seconds = time.perf_counter() - started
    await channel.aclose()
    print(json.dumps({"seconds": max(seconds, 1e-9)}))


if __name__ == "__main__":
    asyncio.run(submit_all(*map(int, sys.argv[1:])))
