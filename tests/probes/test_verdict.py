from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.observation import Outcome, Signal
from probes.verdict import (
    Finding,
    Limits,
    ProbeStatus,
    Watched,
    judge_absent,
    judge_found,
    judge_unsearchable,
    latency,
)
from tests.probes.world import RealClock, sent_probe

AT = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
LIMITS = Limits(late_after_seconds=300, deadline_seconds=900, overdue_minimum_seconds=60)
WATCHED = Watched(probe=sent_probe(RealClock(), "s1"), receiver="gmail")


def finding(*stamps: float, after: float = 0, before: float = 10, placement: str = "inbox") -> Finding:
    return Finding(
        placement=placement,
        searched=("INBOX", "Junk"),
        after_seconds=after,
        before_seconds=before,
        stamps_seconds=stamps,
        authentication=None,
    )


@pytest.mark.parametrize(
    ("found", "seconds"),
    [
        (finding(3, 4), 3),
        (finding(-1), 0),  # delivered before our relay had said 250, or a second's rounding
        (finding(11.5), 10),
        (finding(-7200, 4), 4),  # Received written by a relay long before: the mailbox's own date is right
        (finding(-7200), 10),  # its clock is wrong: the moment it was seen
        (finding(), 10),
        (finding(25, after=20, before=40), 25),
        (finding(5, after=20, before=40), 40),
    ],
)
def test_stamps_are_believed_only_between_two_looks(found: Finding, seconds: float) -> None:
    assert latency(found)[0] == seconds


@given(st.floats(0, 1e4), st.floats(0, 1e4), st.lists(st.floats(-1e6, 1e6), max_size=3))
def test_latency_never_leaves_the_interval_of_detection(after: float, length: float, stamps: list[float]) -> None:
    seconds, _ = latency(finding(*stamps, after=after, before=after + length))
    assert after <= seconds <= after + length


def test_a_clock_that_contradicts_is_told() -> None:
    _, told = judge_found(WATCHED, finding(-7200), limits=LIMITS, at=AT)
    assert "the receiver's clock contradicts ours" in told[0].text


@pytest.mark.parametrize(
    ("placement", "outcome"),
    [("inbox", Outcome.GOOD), ("tab:promotions", Outcome.GOOD), ("spam", Outcome.BAD), ("other:Bin", Outcome.BAD)],
)
def test_the_verdict_on_placement(placement: str, outcome: Outcome) -> None:
    _, told = judge_found(WATCHED, finding(1, placement=placement), limits=LIMITS, at=AT)
    (placed,) = [o for o in told if o.signal is Signal.PLACEMENT]
    assert (placed.outcome, placed.value) == (outcome, placement)


def test_late_and_in_time_are_told_once() -> None:
    settled, told = judge_found(WATCHED, finding(301, after=250, before=310), limits=LIMITS, at=AT)
    assert settled.status is ProbeStatus.LATE
    assert [(o.outcome, o.value) for o in told if o.signal is Signal.LATENCY] == [(Outcome.BAD, 301)]
    overdue = replace(WATCHED, status=ProbeStatus.OVERDUE)
    _, told = judge_found(overdue, finding(301, after=250, before=310), limits=LIMITS, at=AT)
    assert Signal.LATENCY not in {o.signal for o in told}


def absent(watched: Watched, began: float, sibling: float | None = None):
    return judge_absent(
        watched, look_began_seconds=began, searched=("INBOX", "Junk"), sibling_seconds=sibling, limits=LIMITS, at=AT
    )


@pytest.mark.parametrize(
    ("began", "sibling", "status"),
    [
        (299, None, ProbeStatus.PENDING),
        (300, None, ProbeStatus.OVERDUE),
        (59, 1, ProbeStatus.PENDING),
        (60, 1, ProbeStatus.OVERDUE),
        (99, 10, ProbeStatus.PENDING),
        (100, 10, ProbeStatus.OVERDUE),
        (299, 200, ProbeStatus.PENDING),
        (300, 200, ProbeStatus.OVERDUE),
        (899, None, ProbeStatus.OVERDUE),
        (900, None, ProbeStatus.MISSING),
    ],
)
def test_absence_is_pending_overdue_or_missing(began: float, sibling: float | None, status: ProbeStatus) -> None:
    watched, told = absent(WATCHED, began, sibling)
    assert watched.status is status
    assert [o.outcome for o in told] == ([] if status is ProbeStatus.PENDING else [Outcome.BAD])


def test_overdue_is_told_once() -> None:
    watched, told = absent(WATCHED, 300)
    assert (told[0].signal, told[0].value) == (Signal.LATENCY, 300)
    assert absent(watched, 400) == (watched, [])


def test_a_seed_that_cannot_be_searched_is_unknown_only_after_the_deadline() -> None:
    for began, status in ((899, ProbeStatus.PENDING), (900, ProbeStatus.UNKNOWN)):
        watched, told = judge_unsearchable(WATCHED, look_began_seconds=began, error="down", limits=LIMITS, at=AT)
        assert watched.status is status
        assert [(o.signal, o.outcome) for o in told] == ([(Signal.ARRIVAL, Outcome.UNKNOWN)] if status.settled else [])
