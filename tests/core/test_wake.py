"""When time alone changes something."""

from datetime import timedelta

from service.decision.gate import start_grace
from service.decision.health import Status, status_of
from service.decision.state import initial_state
from service.decision.wake import next_wake
from tests.core.story import POLICY, START, TEMPFAIL, A, Story


def test_of_a_provider_never_met_nothing_is_known_and_nothing_is_to_come() -> None:
    assert status_of(A, "*", initial_state(), POLICY, START) is Status.UNKNOWN
    assert next_wake(initial_state(), POLICY, START) is None


def test_an_endless_order_and_a_move_by_hand_bring_no_deadline() -> None:
    story = Story()
    story.notice("start")
    story.notice("override", verb="drain", provider=A)
    story.switched(("sendgrid", A), trigger="manual")
    assert next_wake(story.state, POLICY, story.now) == START + start_grace(POLICY)
    ends = START + timedelta(seconds=5)
    story.notice("override", verb="pause", until=ends.isoformat())
    assert next_wake(story.state, POLICY, story.now) == ends


def test_what_was_held_of_a_provider_that_never_took_mail_expires_too() -> None:
    story = Story()
    story.session(A, TEMPFAIL)
    assert status_of(A, "*", story.state, POLICY, story.now) is Status.SUSPECT
    ends = next_wake(story.state, POLICY, story.now)
    assert ends is not None
    assert status_of(A, "*", story.state, POLICY, ends) is Status.UNKNOWN
