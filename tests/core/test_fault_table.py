"""Every fault that a world can have, as facts: who is blamed, how badly, where mail goes; alone and in combination."""

import itertools
from dataclasses import dataclass, replace

import pytest

from deploy.sandbox.fault import FAULTS
from service.decision.failover import Stay, Switchover
from service.decision.severity import Severity
from tests.core.story import DOWN, POLICY, SUSPENDED, TEMPFAIL, A, B, C, Story
from tests.core.test_faults import AFTER_DATA, REFUSING, answer

PARTIAL_EVERY = 3


@dataclass(frozen=True)
class Case:
    """What a fault does to a provider's facts in each cycle, and the verdict."""

    severity: Severity
    says: dict | None = None  # to session checks and submissions
    message: dict | None = None  # to submissions only
    fate: str | None = None  # of accepted probes
    receiver: str | None = None  # only there
    every: int = 1  # cycles
    on: int = 0  # cycles on and off in turn


R, M = Severity.REFUSING, Severity.MISPLACING
THEIRS = {
    "down": Case(R, says=DOWN),
    "blackhole": Case(R, says=REFUSING["blackhole"][0]),
    "greet421": Case(R, says=REFUSING["greet421"][0]),
    "tarpit": Case(R, says=REFUSING["tarpit"][0]),
    "hang_data": Case(R, message=answer("network", "end-of-data", "time-out", temporary=True)),
    "auth535": Case(R, says=REFUSING["auth535"][0]),
    "quota": Case(R, says=REFUSING["quota"][0]),
    "suspended": Case(R, says=SUSPENDED),
    "sender_unverified": Case(R, says=REFUSING["sender_unverified"][0]),
    "tempfail": Case(R, message=AFTER_DATA),
    "partial": Case(R, says=TEMPFAIL, every=PARTIAL_EVERY),
    "ratelimit": Case(R, says=REFUSING["ratelimit"][0]),
    "tls_expired": Case(R, says=REFUSING["tls_expired"][0]),
    "tls_stripped": Case(R, says=REFUSING["tls_stripped"][0]),
    "drop": Case(Severity.LOSING, fate="missing"),
    "late": Case(Severity.LATE, fate="late"),
    "spam": Case(M, fate="spam"),
    "spam_at": Case(M, fate="spam", receiver="gmail"),
    "auth_broken": Case(Severity.NONE, fate="unauthenticated"),
    "bounce_later": Case(Severity.LOSING, fate="missing"),
    "flap": Case(R, says=DOWN, on=6),
}
NOT_THEIRS = {  # what a cycle tells of it; nobody is to be blamed
    "seed_down": {"gmail-1": "unsearchable"},
    "seed_slow": {"gmail-1": "late"},
    "seed_full": {"gmail-1": "missing"},
    "seed_suppressed": {"gmail-1": answer("recipient", "rcpt", "550 suppressed")},
    "local_net": DOWN,
    "dns_down": answer("network", "dns", "no answer", temporary=True),
    "clock_jump": "clock_jump",
    "bad_recipient": answer("recipient", "rcpt", "550 no such user"),
    "bad_content": answer("content", "end-of-data", "554 looks like spam"),
}
OF_THE_MACHINERY = {"store_locked", "disk_full", "postfix_stopped", "hand_edit", "killed_at"}  # tell no facts


def cycle(story: Story, number: int, cases: dict[str, Case], other: str | None = None) -> None:
    """Let ten minutes pass in which these providers are ill, and perhaps something else is."""
    says, fates = {}, {}
    for name, case in cases.items():
        if number % case.every or (case.on and number // case.on % 2):
            continue
        if case.says is not None:
            says[name] = case.says
        what = case.says or case.message or case.fate
        fates[(name, case.receiver) if case.receiver else name] = what
    beside = NOT_THEIRS.get(other or "")
    if other in ("local_net", "dns_down") and number % 4 == 3:
        story.wait(5).notice("control", ok="no")
        story.sweep(dict.fromkeys(story.policy.providers, beside))
    elif other == "clock_jump" and number % 4 == 3:
        story.wait(5).notice("clock_jump", seconds="3600")
    elif other in ("bad_recipient", "bad_content"):
        for name in story.policy.providers:
            story.wait(5).live(name, beside, count=20)
    elif isinstance(beside, dict) and other not in ("local_net", "dns_down"):
        fates = {**beside, **fates}
    story.wait(60).sweep(says)
    story.confirm(says, {**fates, **says})
    if number % 2 == 0:
        story.round(fates)
    story.confirm(says, fates)


def moved(cases: dict[str, Case], other: str | None = None, cycles: int = 30, policy=POLICY) -> tuple[Story, list]:
    story, made = Story(policy=policy).warm(), []
    for number in range(cycles):
        cycle(story, number, cases, other)
        for _ in range(5):
            if not isinstance(found := story.decide(), Switchover):
                break
            made.append(story.apply(found))
    return story, [move for move in made if move.rule not in ("standby-order", "failback")]


def test_the_table_has_every_fault_of_relays_and_seeds_that_the_sandbox_knows() -> None:
    relays = {name for name, kind in FAULTS.items() if kind.of == "relay"}
    assert relays - set(THEIRS) == set()
    seeds = {name for name, kind in FAULTS.items() if kind.of == "seed"}
    assert seeds - set(NOT_THEIRS) == set()
    hosts = {name for name, kind in FAULTS.items() if kind.of == "host"}
    assert {name.split(":")[0] for name in hosts} - set(NOT_THEIRS) - OF_THE_MACHINERY == set()


@pytest.mark.parametrize("name", THEIRS)
def test_each_fault_of_a_provider_alone(name: str) -> None:
    case = THEIRS[name]
    story, made = moved({A: case})
    assert story.health(B).severity is story.health(C).severity is Severity.NONE
    if case.severity is Severity.NONE:
        assert made == []
        assert story.route.active == A
        return
    assert made
    assert (made[0].to, made[0].rule, made[0].receiver) == (B, str(case.severity), "*")
    assert made[0].reason.startswith(f"{A} ")
    assert made[0].evidence
    if not case.on:
        assert story.health(A).severity is case.severity
        assert (story.route.active, len(made)) == (B, 1)


@pytest.mark.parametrize("name", NOT_THEIRS)
def test_each_fault_of_something_else_alone_moves_nothing_and_blames_nobody(name: str) -> None:
    story, made = moved({}, name)
    assert made == []
    assert [story.health(p).severity for p in (A, B, C)] == [Severity.NONE] * 3
    assert isinstance(story.decide(), Stay)


LASTING = [name for name, case in THEIRS.items() if not case.on and case.severity is not Severity.NONE]


@pytest.mark.parametrize("other", NOT_THEIRS)
@pytest.mark.parametrize("name", ["down", "spam"])
def test_a_provider_is_left_though_something_else_is_wrong_too(name: str, other: str) -> None:
    story, made = moved({A: THEIRS[name]}, other, cycles=16)
    assert [move.to for move in made] == [B]
    assert story.health(B).severity is story.health(C).severity is Severity.NONE


@pytest.mark.parametrize(("first", "second"), list(itertools.product(("suspended", "spam"), LASTING)))
def test_two_ill_providers_are_both_avoided(first: str, second: str) -> None:
    story, _ = moved({A: THEIRS[first], B: THEIRS[second]}, cycles=16)
    assert story.route.active == C
    assert story.health(C).severity is Severity.NONE


SEVERITIES = ("late", "spam", "drop", "down")


@pytest.mark.parametrize("order", list(itertools.permutations(SEVERITIES, 3)))
def test_of_three_ill_providers_the_least_ill_carries_the_mail(order: tuple[str, ...]) -> None:
    cases = dict(zip((A, B, C), (THEIRS[name] for name in order), strict=True))
    story, _ = moved(cases, cycles=16, policy=replace(POLICY, hold_down_seconds=0.0, moves_per_hour=60))
    least = min(cases, key=lambda name: cases[name].severity.rank)
    assert story.health(story.route.active).severity.rank <= cases[least].severity.rank


@pytest.mark.parametrize("name", LASTING)
def test_where_receivers_can_go_their_own_way_only_a_fault_of_one_does(name: str) -> None:
    policy = replace(POLICY, lane_receivers=POLICY.receivers)
    story, made = moved({A: THEIRS[name]}, cycles=30, policy=policy)
    lanes = ("gmail",) if THEIRS[name].receiver else ()
    assert story.route.receivers == lanes
    assert (story.route.active == A) == bool(lanes)
    assert made[0].to == B
