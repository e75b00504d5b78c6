from datetime import UTC, datetime, timedelta

import pytest

from probes.observation import NoticeKind
from service.pulse import Beat, notices

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def beat(wall_seconds: float, monotonic_seconds: float) -> Beat:
    return Beat(wall=AT + timedelta(seconds=wall_seconds), monotonic_seconds=100 + monotonic_seconds)


@pytest.mark.parametrize(
    ("wall", "monotonic", "kinds"),
    [
        (1, 1, []),
        (1.2, 1, []),  # NTP slew
        (29, 29, []),
        (31, 31, [NoticeKind.GAP]),  # stopped or starved
        (3601, 1, [NoticeKind.CLOCK_JUMP]),
        (-3599, 1, [NoticeKind.CLOCK_JUMP]),
        (3600, 60, [NoticeKind.GAP, NoticeKind.CLOCK_JUMP]),
    ],
)
def test_gaps_and_jumps_are_told_apart(wall: float, monotonic: float, kinds: list[NoticeKind]):
    assert [n.kind for n in notices(beat(0, 0), beat(wall, monotonic))] == kinds


def test_a_jump_says_how_far_and_which_way():
    (notice,) = notices(beat(0, 0), beat(-3599, 1))
    assert notice.detail == {"seconds": "-3600"}
    assert notice.at == AT - timedelta(seconds=3599)
