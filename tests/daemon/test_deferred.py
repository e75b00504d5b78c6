"""A long queue of deferred mail after a move: batch by batch, each message once."""

import pytest

from service.clock import SystemClock
from service.deferred import DeferredMail
from service.events import EventLog
from service.postfix.errors import CommandFailedError
from service.postfix.flush import Flushed

pytestmark = pytest.mark.anyio


class SteppingClock(SystemClock):
    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


class FakePostfix:
    def __init__(self, *cursors: str | None) -> None:
        self.cursors = list(cursors)
        self.asked: list[str] = []

    def flush(self, cursor: str = "") -> Flushed:
        self.asked.append(cursor)
        if (following := self.cursors.pop(0)) == "fails":
            raise CommandFailedError("postqueue failed")
        return Flushed(deferred=9, tried=3, left=3, cursor=following)


async def in_thread(call, *args):
    return call(*args)


async def test_batches_follow_each_other_in_time_until_every_message_was_tried():
    clock, postfix = SteppingClock(), FakePostfix("c2", "fails", None)
    events = EventLog(clock)
    deferred = DeferredMail(postfix, in_thread, clock, events)
    deferred.begun("c1")
    for _ in range(6):
        await deferred.go_on()
        await deferred.go_on()  # not before its time
        clock.seconds += 31
    assert postfix.asked == ["c1", "c2", "c2"]
    assert [e.sentence for e in events.recent()] == ["All mail that was deferred at the move has been tried again."]


async def test_a_queue_that_was_tried_whole_asks_for_nothing():
    clock, postfix = SteppingClock(), FakePostfix()
    deferred = DeferredMail(postfix, in_thread, clock, EventLog(clock))
    deferred.begun(None)
    clock.seconds += 100
    await deferred.go_on()
    assert postfix.asked == []
