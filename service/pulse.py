"""The daemon's heartbeat: notices when its own loop stood still or the clock jumped. Pure.

Monotonic time says how long a beat really took; wall time says what the clock claims. The two disagree after
a clock step or a suspend; both are late when the process was starved or stopped.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from probes.observation import Notice, NoticeKind

GAP_SECONDS = 30.0  # a loop that stood still for this long has missed what it was to measure
JUMP_SECONDS = 5.0  # NTP slews by milliseconds; a step of this size is a jump


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """One reading of both clocks."""

    wall: datetime
    monotonic_seconds: float


def notices(before: Beat, now: Beat) -> tuple[Notice, ...]:
    """Return a gap or clock jump between two beats, as facts stamped with the later one's wall time."""
    passed = now.monotonic_seconds - before.monotonic_seconds
    jump = now.wall - before.wall - timedelta(seconds=passed)
    found = []
    if passed >= GAP_SECONDS:
        found.append(Notice(at=now.wall, kind=NoticeKind.GAP, detail={"seconds": f"{passed:.0f}"}))
    if abs(jump.total_seconds()) >= JUMP_SECONDS:
        seconds = f"{jump.total_seconds():+.0f}"
        found.append(Notice(at=now.wall, kind=NoticeKind.CLOCK_JUMP, detail={"seconds": seconds}))
    return tuple(found)
