"""Stories that begin after a first move."""

from service.decision.failover import Switchover
from tests.core.story import DOWN, A, B, Story


def failed_over(fault: dict = DOWN, story: Story | None = None) -> Story:
    story = (story or Story()).warm()
    story.sweep({A: fault})
    story.confirm({A: fault})
    story.apply()
    assert story.route.active == B
    return story


def until_move(story: Story, sweeps: int = 200) -> Switchover:
    for _ in range(sweeps):
        story.wait(60).sweep()
        decision = story.decide()
        if isinstance(decision, Switchover):
            return decision
    raise AssertionError(story.decide())
