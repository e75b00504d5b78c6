"""The demo's story at its own pace: spam, healed, earned back, suspended, then the next one down."""

from dataclasses import replace

from service.decision.failover import Switchover
from tests.core.story import DOWN, POLICY, SUSPENDED, A, B, C, Story

PACE = replace(
    POLICY,
    session_interval_seconds=3.0,
    round_interval_seconds=6.0,
    round_deadline_seconds=20.0,
    late_seconds=10.0,
    confirmation_spacing_seconds=1.0,
    hold_down_seconds=10.0,
    failback_rounds=3,
)


def beat(story: Story, faults: dict | None = None, fates: dict | None = None) -> Switchover | None:
    """Run one session sweep and one round with what they lead to; return the move, carried out."""
    story.wait(2).sweep(faults)
    story.confirm(faults, {**(faults or {}), **(fates or {})})
    move = story.decide()
    if not isinstance(move, Switchover):
        story.round({**(faults or {}), **(fates or {})}, takes=2)
        story.confirm(faults, {**(faults or {}), **(fates or {})})
        move = story.decide()
    return story.apply(move) if isinstance(move, Switchover) else None


def beats_until(story: Story, active: str, faults: dict | None = None, fates: dict | None = None) -> int:
    for beats in range(1, 20):
        beat(story, faults, fates)
        if story.route.active == active:
            return beats
    raise AssertionError(story.decide())


def test_mail_moves_each_time_and_comes_back_when_it_is_earned() -> None:
    story = Story(policy=PACE)
    story.notice("start")
    story.switched((A, B, C), trigger="manual")
    for _ in range(3):
        assert beat(story) is None
    assert beats_until(story, B, fates={A: "spam"}) <= 3
    assert beats_until(story, A) <= 6
    began = story.now
    assert beats_until(story, B, {A: SUSPENDED}) == 1
    assert (story.now - began).total_seconds() <= 15
    assert A not in story.route.providers
    began = story.now
    assert beats_until(story, C, {A: SUSPENDED, B: DOWN}) == 1
    assert (story.now - began).total_seconds() <= 15
    assert story.route.providers == (C, B)
    assert [m.trigger for m in story.state.context.moves] == ["automatic", "failback", "automatic", "automatic"]
