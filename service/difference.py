"""Which differences between providers are real, in sentences: the same for the command line and the dashboard. Pure."""

from collections.abc import Sequence

from probes.observation import Signal
from service.decision.paired import Difference, rounds_needed
from service.decision.route import ANY_RECEIVER

# What the better one does that the other does not.
_SAYS = {
    Signal.ACCEPTANCE: "takes mail more often than",
    Signal.ARRIVAL: "loses less mail than",
    Signal.PLACEMENT: "reaches the inbox more often than",
    Signal.LATENCY: "is late less often than",
    Signal.AUTHENTICATION: "passes authentication more often than",
}


def sentence(found: Difference) -> str:
    """Return one difference with its evidence, proven or not."""
    counts, where = found.counts, "Everywhere" if found.receiver == ANY_RECEIVER else f"At {found.receiver}"
    if not found.better:
        return (
            f"{where} nothing is proven of {found.first} and {found.second} in {found.signal}: {found.first} was "
            f"better in {counts.first_better}, {found.second} in {counts.second_better} of {counts.rounds} rounds."
        )
    wins, losses = counts.first_better, counts.second_better
    if found.better != found.first:
        wins, losses = losses, wins
    return (
        f"{where} {found.better} {_SAYS[found.signal]} {found.worse}: better in {wins} rounds of {counts.rounds}, "
        f"worse in {losses}."
    )


def what_is_open(differences: Sequence[Difference], tests: int) -> str:
    """Return what is to be said of the pairs of which no difference is proven; empty when there is no pair."""
    unproven = [d.counts.rounds for d in differences if not d.better]
    if not differences:
        return ""
    if not unproven:
        return "Every pair differs in everything that was measured."
    needed = rounds_needed(tests)
    if max(unproven) < needed:
        return (
            f"Too little was measured to tell: {max(unproven)} rounds in this time, and {needed} that all speak for "
            "the same provider are needed. A longer window has more."
        )
    return "What is not named is no proof that two providers are alike: any difference is too small to be seen yet."
