"""Deferred mail is tried again, however much there is, some at a time, each message once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from service.postfix.command import each_line
from service.postfix.errors import CommandFailedError, CommandTimedOutError
from service.postfix.flush import Flushed, flush, is_cursor
from service.postfix.installation import Installation
from tests.postfix.world import CLOCK

REPO = Path(__file__).parents[2]


@pytest.fixture
def queue(tmp_path):
    """An installation whose `postqueue` shows the file "queue" and notes its other calls in the file "calls"."""
    program = tmp_path / "postqueue"
    program.write_text(
        f"""#!/bin/sh
if [ "$3" = -j ]; then exec /bin/cat {tmp_path}/queue; fi
echo "$3 $4" >> {tmp_path}/calls
"""
    )
    program.chmod(0o755)
    (tmp_path / "calls").touch()
    return Installation(
        config_dir=tmp_path, helper_dir=tmp_path, log_file=None, providers={}, search_path=str(tmp_path)
    )


def fill(installation, messages, queue_name="deferred"):
    with (installation.config_dir / "queue").open("a") as file:
        for arrival, queue_id in messages:
            recipients = [{"address": "user@receiver.test", "delay_reason": "x" * 200}]
            entry = {"queue_name": queue_name, "queue_id": queue_id, "arrival_time": arrival, "recipients": recipients}
            file.write(json.dumps(entry) + "\n")


def calls(installation):
    return [call.strip() for call in (installation.config_dir / "calls").read_text().splitlines()]


def test_a_short_queue_is_tried_whole(queue):
    fill(queue, [(1, "A1"), (2, "A2")])
    fill(queue, [(3, "A3")], queue_name="active")
    assert flush(queue, CLOCK) == Flushed(deferred=2, tried=2, left=0, cursor=None)
    assert calls(queue) == ["-f"]


def test_an_empty_queue_is_left_alone(queue):
    fill(queue, [])
    assert flush(queue, CLOCK) == Flushed(deferred=0, tried=0, left=0, cursor=None)
    assert calls(queue) == []


def test_a_long_queue_is_tried_oldest_first_by_further_calls_and_each_message_once(queue):
    fill(queue, [(n, f"A{n}") for n in (5, 3, 9, 1, 7)])
    fill(queue, [(3, "B3")])
    found, cursor = [], ""
    while cursor is not None:
        flushed = flush(queue, CLOCK, cursor, at_once=2)
        assert cursor == "" or is_cursor(cursor)
        found.append((flushed.deferred, flushed.tried, flushed.left))
        cursor = flushed.cursor
        fill(queue, [(20 + len(found), f"C{len(found)}")])  # deferred later: not this flush's matter
    assert [(tried, left) for _, tried, left in found] == [(2, 4), (2, 2), (2, 0)]
    assert found[-1][0] == 8
    assert calls(queue) == ["-i A1", "-i A3", "-i B3", "-i A5", "-i A7", "-i A9"]


class Slow:
    """A clock by which each look takes 4 s."""

    seconds = 0.0

    def now(self):
        return CLOCK.now()

    def monotonic(self):
        self.seconds += 4.0
        return self.seconds


def test_a_slow_machine_tries_fewer_at_once_and_goes_on_where_it_stopped(queue):
    fill(queue, [(n, f"A{n}") for n in range(1, 10)])
    flushed = flush(queue, Slow(), at_once=5)
    assert 1 <= flushed.tried < 5
    assert flushed.left == 9 - flushed.tried
    flush(queue, CLOCK, flushed.cursor, at_once=1)
    assert calls(queue)[-1] == f"-i A{flushed.tried + 1}"


def test_a_queue_of_a_hundred_thousand_is_never_held(queue):
    fill(queue, ((n, f"A{n}") for n in range(100_000)))
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from service.postfix.flush import flush\n"
        "from service.postfix.installation import Installation\n"
        "from service.clock import SystemClock\n"
        "at = Path(sys.argv[1])\n"
        "i = Installation(config_dir=at, helper_dir=at, log_file=None, providers={}, search_path=str(at))\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "flushed = flush(i, SystemClock(), at_once=3)\n"
        "grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before\n"
        "print(flushed.deferred, flushed.tried, flushed.left, grown < 8192, grown)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(queue.config_dir)], cwd=REPO, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[:4] == ["100000", "3", "99997", "True"], done.stdout


def test_a_queue_that_cannot_be_read_is_said_so(queue):
    program = queue.config_dir / "postqueue"
    program.write_text("#!/bin/sh\necho 'postqueue: fatal: no such queue' >&2\nexit 75\n")
    with pytest.raises(CommandFailedError, match="status 75: postqueue: fatal: no such queue"):
        flush(queue, CLOCK)


def test_a_command_that_does_not_end_is_ended(queue):
    (queue.config_dir / "postqueue").write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    with pytest.raises(CommandTimedOutError):
        list(
            each_line(
                "postqueue", ["-j"], config_dir=queue.config_dir, search_path=queue.search_path, timeout_seconds=0.2
            )
        )


def test_real_deferred_mail_leaves_the_queue_by_repeated_flushes(routed):
    for peer in routed.peers.values():
        peer.replies["RCPT"] = "451 4.3.0 Try later"
    recipients = [routed.send() for _ in range(5)]
    for recipient in recipients:
        routed.line_of(recipient)
    routed.heal()
    routed.command("postfix", "-c", str(routed.config_dir), "reload")
    tried, cursor = 0, ""
    while cursor is not None:
        flushed = flush(routed.installation, CLOCK, cursor, at_once=2)
        tried, cursor = tried + flushed.tried, flushed.cursor
    assert tried == 5
    assert [routed.carrier_of(recipient) for recipient in recipients] == ["alfa"] * 5
