"""The SMTP channel against a second, independent server: Postfix's own smtp-sink(1)."""

import contextlib
import shutil
import socket
import subprocess
import time

import pytest

from providers.base import SubmissionStatus
from providers.failure import Category, Stage
from tests.providers.conftest import MESSAGE

SINK = shutil.which("smtp-sink", path="/usr/sbin:/usr/bin")
pytestmark = [pytest.mark.anyio, pytest.mark.skipif(SINK is None, reason="Postfix's smtp-sink is not installed")]


@contextlib.contextmanager
def sink(directory, *options):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [SINK, "-u", "nobody", *options, f"127.0.0.1:{port}", "10"]
    process = subprocess.Popen(command, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            time.sleep(0.02)
        yield port
    finally:
        process.kill()
        process.wait()


def provider(world, port):
    return world.provider("smtp", port, tls="none", username=None, password=None, stage_timeout_seconds=2.0)


async def test_it_takes_messages_and_session_checks(world, tmp_path):
    with sink(tmp_path) as port:
        relay = provider(world, port)
        checked = await relay.check_session(MESSAGE.sender, MESSAGE.recipient)
        sent = await relay.submit(MESSAGE)
    assert (checked.status, sent.status) == (SubmissionStatus.ACCEPTED, SubmissionStatus.ACCEPTED)
    assert "8BITMIME" in sent.ehlo


@pytest.mark.parametrize(
    ("options", "status", "stage", "category"),
    [
        (["-r", "rcpt"], SubmissionStatus.DEFERRED, Stage.RCPT, Category.PROVIDER_TEMP),
        (["-f", "mail"], SubmissionStatus.REJECTED, Stage.MAIL, Category.PROVIDER),
        (["-f", "."], SubmissionStatus.REJECTED, Stage.END_OF_DATA, Category.PROVIDER),
        (["-q", "data"], SubmissionStatus.ERROR, Stage.DATA, Category.NETWORK),
        (["-Q", "rcpt"], SubmissionStatus.DEFERRED, Stage.RCPT, Category.PROVIDER_TEMP),
        (["-f", "connect"], SubmissionStatus.REJECTED, Stage.BANNER, Category.PROVIDER),
    ],
)
async def test_it_refuses_at_a_stage(world, tmp_path, options, status, stage, category):
    with sink(tmp_path, *options) as port:
        found = await provider(world, port).submit(MESSAGE)
    assert (found.status, found.failure.stage, found.failure.category) == (status, stage, category)


async def test_its_silence_is_a_time_out(world, tmp_path):
    with sink(tmp_path, "-w", "9") as port:  # answers DATA late
        found = await provider(world, port).submit(MESSAGE)
    assert (found.failure.rule, found.failure.stage) == ("time-out", Stage.DATA)
