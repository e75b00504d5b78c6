"""Probes that are overdue are evidence at once; whether they are lost is known much later."""

from probes.observation import Signal
from service.decision.failover import Switchover
from tests.core.story import POLICY, SEEDS, A, B, C, Story

ALL = (A, B, C)


def dropped_round(story: Story, *, confirmation: bool = False) -> str:
    """Send a round that one provider drops, up to the moment at which its probes are overdue."""
    word = story.name("round")
    for seed, receiver in POLICY.seeds:
        about = {"seed": seed, "receiver": receiver, "round": word, "confirmation": confirmation}
        for provider in ALL:
            story.observe(provider, Signal.ACCEPTANCE, **about)
    story.wait(5)
    for seed, receiver in POLICY.seeds:
        about = {"seed": seed, "receiver": receiver, "round": word, "confirmation": confirmation}
        for provider in (B, C):
            for signal in (Signal.ARRIVAL, Signal.PLACEMENT, Signal.LATENCY, Signal.AUTHENTICATION):
                story.observe(provider, signal, **about)
    story.wait(55)
    for seed, receiver in POLICY.seeds:
        about = {"seed": seed, "receiver": receiver, "round": word, "confirmation": confirmation}
        story.observe(A, Signal.LATENCY, False, value=60.0, **about)
    return word


def late(story: Story, receiver: str = "gmail") -> tuple[int, int]:
    found = story.health(A, receiver).signals.get(Signal.LATENCY)
    return (found.bad, found.total) if found else (0, 0)


def test_an_overdue_probe_counts_before_its_round_closes() -> None:
    story = Story().warm()
    before = late(story)
    dropped_round(story)
    assert len(story.state.rounds) == 3
    assert late(story) == (before[0] + 2, before[1] + 2)
    assert story.status(A) == "suspect"


def test_it_buys_confirmations_though_its_round_is_open() -> None:
    story = Story().warm()
    dropped_round(story)
    assert [w.kind for w in story.wanted()] == ["message"]


def test_mail_leaves_a_provider_that_drops_it_long_before_the_deadline_of_a_probe() -> None:
    story = Story().warm()
    began = story.now
    dropped_round(story)
    while not isinstance(story.decide(), Switchover):
        assert story.wanted()
        story.wait(2)
        dropped_round(story, confirmation=True)
    assert (story.now - began).total_seconds() < POLICY.round_deadline_seconds / 4
    assert story.decide().rule == "late"


def test_it_is_counted_once_and_as_lost_when_the_deadline_has_passed() -> None:
    story = Story().warm()
    before = late(story)
    word = dropped_round(story)
    story.wait(POLICY.round_deadline_seconds - 50)
    for seed, receiver in SEEDS:
        story.observe(A, Signal.ARRIVAL, False, seed=seed, receiver=receiver, round=word)
    story.wait(100).sweep()
    assert story.state.rounds == {}
    assert late(story) == (before[0] + 2, before[1] + 2)
    arrival = story.health(A, "gmail").signals[Signal.ARRIVAL]
    assert (arrival.bad, arrival.total) == (2, 4)


def test_while_another_is_still_looked_for_nothing_is_late() -> None:
    story = Story().warm()
    word = {"round": "r", "seed": "gmail-1", "receiver": "gmail"}
    before = late(story)
    for provider in ALL:
        story.observe(provider, Signal.ACCEPTANCE, **word)
    story.wait(60)
    story.observe(A, Signal.LATENCY, False, value=60.0, **word)
    assert late(story) == before


def test_confirmations_of_one_suspicion_weigh_as_one_cluster() -> None:
    story = Story().warm()
    fates = {(A, "gmail"): "spam"}
    story.round(fates)
    once = story.state.providers[A].tracks["gmail", Signal.PLACEMENT].scores
    story.round(fates, receiver="gmail", confirmation=True)
    confirmed = story.state.providers[A].tracks["gmail", Signal.PLACEMENT].scores
    story.round(fates, receiver="gmail", confirmation=True)
    again = story.state.providers[A].tracks
    assert confirmed[-1] > once[-1]
    assert again["gmail", Signal.PLACEMENT].scores == confirmed


def test_failed_authentication_is_tested_and_told_and_moves_nothing() -> None:
    story = Story().warm()
    for _ in range(8):
        story.round({A: "unauthenticated"})
        story.wait(600).sweep()
    assert story.state.providers[A].tracks["gmail", Signal.AUTHENTICATION].alarmed_at is not None
    (note, *_) = [n.sentence for key, n in story.state.context.notes.items() if key.startswith("authentication")]
    assert note.startswith("mailgun breaks authentication at gmail: ")
    assert "moves no mail" in note
    assert story.status(A) == "healthy"
    assert not isinstance(story.decide(), Switchover)
    for _ in range(POLICY.failback_rounds):
        story.wait(600).round()
    assert not [key for key in story.state.context.notes if key.startswith("authentication")]
