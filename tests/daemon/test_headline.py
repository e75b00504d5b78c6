"""The one sentence on top: where mail goes, whether that is well, what a person must do."""

import pytest

from service.cycle import Verdict
from service.decision.health import Health, Status
from service.decision.route import Lane, simple_route
from service.decision.severity import Severity
from service.headline import headline

STAY = Verdict(kind="stay", sentence="a works: 9 of 9 session checks passed.", rule="healthy")


def health(name: str, status: Status = Status.HEALTHY, severity: Severity = Severity.NONE, ack: bool = False) -> Health:
    return Health(provider=name, receiver="*", status=status, severity=severity, reason="", signals={}, needs_ack=ack)


def said(*others: Health, active: Health | None = None, verdict: Verdict = STAY, problem: str | None = None) -> str:
    healths = {h.provider: h for h in (active or health("a"), *others)}
    return headline(verdict, simple_route("a", "b"), healths, problem)


def test_all_is_well_in_one_short_sentence():
    assert said(health("b")) == "Mail goes through a, which works."


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (health("b", Status.DEGRADED, Severity.REFUSING), "b is degraded (refusing)."),
        (health("b", Status.RECOVERING, Severity.REFUSING), "b is recovering."),
        (health("c"), "c is out of the route."),
        (
            health("c", Status.DEGRADED, Severity.REFUSING, ack=True),
            "c is out of the route after an account fault: settle it with the provider, then `relaypilot ack c`.",
        ),
        (
            health("b", ack=True),
            "b stays behind after an account fault: settle it with the provider, then `relaypilot ack b`.",
        ),
        (health("b", Status.SUSPECT), ""),
    ],
)
def test_what_is_wrong_with_the_others_follows_with_what_to_do(other: Health, words: str):
    assert said(other) == f"Mail goes through a, which works. {words}".strip()


def test_an_account_that_waits_for_a_person_does_not_hide_where_mail_goes():
    waits = Verdict(kind="stay", sentence="b takes mail again after an account fault; …", rule="account-fault")
    words = "b stays behind after an account fault: settle it with the provider, then `relaypilot ack b`."
    assert said(health("b", ack=True), verdict=waits) == f"Mail goes through a, which works. {words}"
    suspect = health("a", Status.SUSPECT)
    assert said(health("b", ack=True), verdict=waits, active=suspect).startswith(
        "Mail goes through a, which is suspect."
    )


def test_mail_that_goes_a_way_of_its_own_is_told():
    route = simple_route("a", "b")
    route = route.with_lane(Lane(receiver="gmail", providers=("b", "a")))
    healths = {name: health(name) for name in ("a", "b")}
    apart = "Mail to gmail goes through b."
    assert headline(STAY, route, healths, None) == f"Mail goes through a, which works. {apart}"
    spam = Verdict(kind="stay", sentence="a misplaces mail at gmail.", rule="degraded")
    assert headline(spam, route, healths, None) == f"a misplaces mail at gmail. {apart}"


def test_what_was_never_measured_is_not_said_to_work():
    assert said(active=health("a", Status.UNKNOWN)) == "Mail goes through a, which has not been measured yet."


def test_a_problem_comes_before_everything_that_is_well():
    assert said(problem="Postfix is stopped.") == "Postfix is stopped."


def test_a_verdict_that_says_more_is_said_as_it_is():
    blocked = Verdict(kind="blocked", sentence="Would move to b, but: it is changed by hand.", rule="machinery")
    assert said(verdict=blocked, problem="Changed by hand.") == blocked.sentence
    pinned = Verdict(kind="stay", sentence="The route is pinned to a.", rule="pin")
    assert said(verdict=pinned) == pinned.sentence
