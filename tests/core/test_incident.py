"""Incidents: what the fold holds degraded, from the first bad result to the first good one."""

from datetime import timedelta

from service.decision.incident import Incident, incidents_after, reliability
from service.decision.severity import Severity
from tests.core.story import DOWN, POLICY, START, A, B, Story


class Watched:
    """A story whose incidents are followed batch by batch, as the store does."""

    def __init__(self) -> None:
        self.story = Story()
        self.open: dict = {}
        self.changed: list[Incident] = []

    def look(self) -> None:
        self.open, changed = incidents_after(self.open, self.story.state, POLICY, self.story.now)
        self.changed += changed

    def sweeps(self, n: int, faults=None, seconds: float = 60) -> None:
        for _ in range(n):
            self.story.wait(seconds).sweep(faults)
            self.look()


def test_an_incident_lasts_from_the_first_bad_to_the_first_good_result() -> None:
    watched = Watched()
    watched.sweeps(3)
    assert not watched.changed
    began = watched.story.now + timedelta(seconds=60)
    watched.sweeps(5, {A: DOWN})
    incident = watched.open[A, "*"]
    assert (incident.began_at, incident.severity, incident.ended_at) == (began, Severity.REFUSING, None)
    assert "mailgun" in incident.reason
    repaired = watched.story.now + timedelta(seconds=60)
    watched.sweeps(POLICY.failback_rounds + 1)
    assert watched.open == {}
    ended = [i for i in watched.changed if i.ended_at is not None and i.receiver == "*"]
    assert [(i.provider, i.began_at, i.ended_at) for i in ended] == [(A, began, repaired)]


def test_one_that_fails_again_on_the_way_back_is_still_the_same_incident() -> None:
    watched = Watched()
    watched.sweeps(2)
    watched.sweeps(4, {A: DOWN})
    watched.sweeps(2)
    assert watched.open[A, "*"].recovering_since is not None
    watched.sweeps(1, {A: DOWN})
    assert watched.open[A, "*"].recovering_since is None
    watched.sweeps(POLICY.failback_rounds + 1)
    ended = [i for i in watched.changed if i.ended_at is not None and i.receiver == "*"]
    assert len(ended) == 1


def test_a_provider_that_is_configured_no_more_has_no_open_incident() -> None:
    gone = Incident(provider="gone", receiver="*", began_at=START, severity=Severity.LATE, reason="r")
    still, changed = incidents_after({("gone", "*"): gone}, Story().state, POLICY, START)
    assert still == {}
    assert [i.ended_at for i in changed] == [START]


def hours(n: float) -> timedelta:
    return timedelta(hours=n)


def one(begin: float, end: float | None, severity: Severity = Severity.REFUSING) -> Incident:
    ended = None if end is None else START + hours(end)
    return Incident(
        provider=B, receiver="*", began_at=START + hours(begin), severity=severity, reason="", ended_at=ended
    )


def test_availability_mtbf_and_mttr() -> None:
    found = reliability([one(1, 2), one(10, 13, Severity.LATE)], 24 * 3600, START, START + hours(24))
    assert (found.incidents, found.stopped, found.open) == (2, 1, 0)
    assert found.availability_ratio == 23 / 24
    assert found.between_seconds == 20 * 3600 / 2
    assert found.repair_seconds == 2 * 3600


def test_incidents_count_as_far_as_they_reach_into_the_window() -> None:
    found = reliability([one(-5, 1), one(23, None), one(30, 31), one(-9, -8)], 24 * 3600, START, START + hours(24))
    assert (found.incidents, found.open) == (2, 1)
    assert found.availability_ratio == 22 / 24
    assert found.repair_seconds == 6 * 3600  # its whole length: half a repair is none


def test_without_incidents_or_without_watching_nothing_is_made_up() -> None:
    found = reliability([], 3600, START, START + hours(1))
    assert (found.availability_ratio, found.between_seconds, found.repair_seconds) == (1.0, None, None)
    assert reliability([one(0, 1)], 0, START, START + hours(1)).availability_ratio is None
