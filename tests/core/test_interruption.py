"""A death in the middle of a change: whatever was recorded of it, the route comes out where it would have come out."""

from dataclasses import replace
from functools import cache

import pytest

from service.decision.failover import Switchover
from service.decision.policy import Policy
from service.decision.route import Route
from tests.core.story import DOWN, POLICY, A, B, C, Story

POLICIES = {
    "at once": POLICY,
    "by shares": replace(POLICY, shares=True, share_step_seconds=120.0, warm_shares=((C, 2),)),
}
MINUTES = 60


@cache
def lived(policy: Policy, dies_at: int | None = None, how: str = "") -> tuple[Route, list[str]]:
    """Live through a failure and a recovery of the preferred provider; die at one of the changes; return the rest."""
    story, made = Story(policy=policy).warm(), []
    for minute in range(MINUTES):
        ill = {A: DOWN} if minute in range(5, 15) else None
        story.wait(60).sweep(ill)
        story.confirm(ill)
        story.live(A, count=2)
        while isinstance(move := story.decide(), Switchover):
            made.append(move.rule)
            if len(made) - 1 != dies_at:
                story.apply(move)
                continue
            at = story.now
            if how == "after":  # Postfix has the new route, and nothing tells of it
                story.route = move.route
            story.wait(20).notice("start")
            if how == "after":  # until the root side's journal is read
                story.now, later = at, story.now
                story.apply(move)
                story.now = later
            if how == "failed":
                story.apply(move, outcome="failed")
            break
    return story.route, made


@pytest.mark.parametrize("how", ["before", "after", "failed"])
@pytest.mark.parametrize(
    ("policy", "dies_at"), [*(("at once", place) for place in range(2)), *(("by shares", place) for place in range(5))]
)
def test_an_interrupted_change_converges(policy: str, dies_at: int, how: str) -> None:
    whole, made = lived(POLICIES[policy])
    assert dies_at < len(made)
    route, again = lived(POLICIES[policy], dies_at, how)
    assert route == whole
    assert route.active == A
    assert made[: dies_at + 1] == again[: dies_at + 1]


def test_without_interruption_there_are_as_many_changes_as_steps() -> None:
    assert lived(POLICIES["at once"])[1] == ["refusing", "failback"]
    assert lived(POLICIES["by shares"])[1] == ["shares", "refusing", "canary", "canary", "failback"]
    assert lived(POLICIES["by shares"])[0].lanes[0].percent_of(B) == 0
