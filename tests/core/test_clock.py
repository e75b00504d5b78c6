"""A clock that was ahead and is set back: nothing waits for the time that it had told."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probes.observation import Signal
from service.decision.failover import Stay, Switchover
from service.decision.hold import held_until
from service.decision.override import Override
from service.decision.policy import Mode
from service.decision.tally import BUCKETS, Tally, count, not_beyond, read
from tests.core.failed_over import failed_over
from tests.core.story import DOWN, POLICY, SUSPENDED, TEMPFAIL, A, B, C, Story
from tests.core.test_invariants import SHORT, histories, play

HOUR = 3600


def set_back(story: Story, seconds: float = HOUR, kind: str = "clock_jump") -> Story:
    story.wait(-seconds).notice(kind, seconds=f"{-seconds:+.0f}")
    return story


def times(value: object, path: str = "") -> Iterator[tuple[str, datetime]]:
    """Yield every time anywhere in a state, but for the ends of overrides."""
    if isinstance(value, datetime):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from times(key, f"{path}.{key}")
            yield from times(item, f"{path}[{key}]")
    elif isinstance(value, tuple | frozenset):
        for item in value:
            yield from times(item, f"{path}[]")
    elif is_dataclass(value):
        for field in fields(value):
            if not (isinstance(value, Override) and field.name == "until"):
                yield from times(getattr(value, field.name), f"{path}.{field.name}")


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    history=histories,
    kind=st.sampled_from(("clock_jump", "start", "gap")),
    back=st.sampled_from((0, 7, 600, HOUR, 400 * 24 * HOUR)),
)
def test_after_a_new_beginning_no_time_in_the_state_is_still_to_come(history: list, kind: str, back: float) -> None:
    story = Story(policy=SHORT).warm()
    for event in history:
        play(story, *event)
    set_back(story, back, kind)
    assert [(path, at) for path, at in times(story.state) if at > story.now] == []
    bucket = int(story.now.timestamp() * BUCKETS // SHORT.evidence_lifetime_seconds)
    tracks = [track for provider in story.state.providers.values() for track in provider.tracks.values()]
    assert all(track.tally.bucket <= bucket for track in tracks)


def test_a_start_by_a_clock_that_was_ahead_is_not_waited_for() -> None:
    story = Story()
    story.notice("start")
    set_back(story.wait(2))
    for _ in range(4):
        story.wait(60).sweep({A: TEMPFAIL})
        story.confirm({A: TEMPFAIL})
    assert story.decide().route.active == B


def test_after_a_step_back_every_provider_is_seen_anew_before_mail_moves() -> None:
    story = Story()
    story.notice("start")
    story.sweep({A: SUSPENDED})
    story.confirm({A: SUSPENDED})
    set_back(story.wait(2))
    story.session(B)
    story.session(A, SUSPENDED)
    assert story.decide().rule == "start"
    story.session(C)
    assert story.decide().route.active == B


def test_a_fault_confirmed_before_the_step_back_finds_a_better_provider_after_it() -> None:
    story = Story().warm()
    story.sweep({A: DOWN})
    story.confirm({A: DOWN})
    assert isinstance(story.decide(), Switchover)
    set_back(story)
    assert isinstance(story.decide(), Stay)
    story.wait(60).sweep({A: DOWN})
    assert story.decide().route.active == B


@pytest.mark.parametrize("fate", ["spam", "missing", "late"])
def test_an_alarm_raised_before_the_step_back_finds_a_better_provider_after_it(fate: str) -> None:
    story = Story().warm()
    for _ in range(3):
        story.wait(60).round({A: fate})
    assert isinstance(story.decide(), Switchover)
    set_back(story)
    story.sweep()
    assert story.decide().rule == "no-better-provider"  # good placement of the time to come is no evidence
    story.wait(60).round({A: fate})
    assert story.decide().route.active == B


def test_a_failed_apply_is_tried_again_soon_after_the_step_back() -> None:
    story = Story().warm()
    story.sweep({A: SUSPENDED})
    story.confirm({A: SUSPENDED})
    story.apply(outcome="failed")
    set_back(story)
    story.wait(31).sweep({A: SUSPENDED})
    assert isinstance(story.decide(), Switchover)


@pytest.mark.parametrize("acked_first", [True, False])
def test_an_acknowledgement_keeps_its_place_among_the_moves(acked_first: bool) -> None:
    story = Story().warm()
    if acked_first:
        story.notice("override", verb="ack")
        story.wait(1)
    failed_over(story=story)
    if not acked_first:
        story.wait(1).notice("override", verb="ack")
    set_back(story)
    context = story.state.context
    held = held_until(context, POLICY)
    assert held == (story.now + timedelta(seconds=POLICY.hold_down_seconds) if acked_first else None)


def test_an_order_lasts_as_long_as_asked_for_from_the_step_back_on() -> None:
    story = Story().warm()
    story.notice("override", verb="drain", provider=C)
    story.notice("override", verb="pin", until=(story.now + timedelta(hours=1)).isoformat())
    set_back(story)
    endless, pin = story.state.context.overrides
    assert (endless.until, endless.at) == (None, story.now)
    assert pin.until == story.now + timedelta(hours=1)


def test_an_order_of_before_the_wrong_time_and_one_found_at_a_start_keep_their_end() -> None:
    story = Story().warm()
    end = story.now + timedelta(hours=3)
    story.notice("override", verb="pin", until=end.isoformat())
    set_back(story.wait(2 * HOUR))
    assert story.state.context.overrides[0].until == end
    set_back(story, 2 * HOUR, "start")
    assert story.state.context.overrides[0].until == end


def test_what_observe_mode_told_before_the_step_back_is_told_again() -> None:
    story = Story(policy=replace(POLICY, mode=Mode.OBSERVE)).warm()
    story.sweep({A: DOWN})
    story.confirm({A: DOWN})
    story.apply(outcome="observed", enforced="no")
    set_back(story)
    assert not story.state.context.proposals


def test_counts_of_the_time_to_come_expire_as_if_made_now() -> None:
    tally = None
    for hour in range(5):
        tally = count(tally, 100 + hour, 1, 2)
    assert isinstance(tally, Tally)
    back = not_beyond(tally, 102)
    assert (back.bucket, back.bad, back.total, back.older) == (102, 3, 6, ((100, 1, 2), (101, 1, 2)))
    assert read(back, 102) == (5, 10)
    assert read(not_beyond(tally, 0), BUCKETS) == (0, 0)
    assert not_beyond(tally, 104) is tally


def test_a_control_check_of_before_the_step_back_says_nothing() -> None:
    story = Story().warm()
    story.notice("control", ok="yes")
    set_back(story)
    assert (story.state.context.control_ok, story.state.context.control_at) == (None, None)
    story.session(A, DOWN)
    story.confirm({A: DOWN, B: DOWN, C: DOWN})
    assert story.health(A).severity == "none"
    assert Signal.SESSION in story.health(A).signals
