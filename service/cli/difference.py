"""Which differences between providers are real, in sentences. Pure."""

from collections.abc import Sequence

from service.cli.page import Cell, Heading
from service.cli.words import everywhere
from service.views import CompareView, DifferenceView

# What the better one does that the other does not.
_SAYS = {
    "acceptance": "takes mail more often than",
    "arrival": "loses less mail than",
    "placement": "reaches the inbox more often than",
    "latency": "is late less often than",
    "authentication": "passes authentication more often than",
}


def differences_page(comparison: CompareView) -> list[Cell | Heading]:
    """Return each difference that is proven, with the rounds behind it, and what the others still lack."""
    if not comparison.differences:
        return []
    heading = Heading("Real differences (paired rounds; 5 % risk of error in all, however often you look)")
    proven = [Cell(f"- {sentence(d)}") for d in comparison.differences if d.better]
    return [heading, *(proven or [Cell("- None is proven.")]), Cell(_rest(comparison.differences, comparison), "dim")]


def sentence(found: DifferenceView) -> str:
    """Return one proven difference in a sentence with its evidence."""
    wins = found.first_better if found.better == found.first else found.second_better
    losses = found.first_better + found.second_better - wins
    where = "Everywhere" if found.receiver == "*" else f"At {everywhere(found.receiver)}"
    return (
        f"{where} {found.better} {_SAYS[found.signal]} {found.worse}: better in {wins} rounds of {found.rounds}, "
        f"worse in {losses}."
    )


def _rest(differences: Sequence[DifferenceView], comparison: CompareView) -> str:
    """Return what is to be said of the pairs without a proven difference."""
    open_ones = [d for d in differences if not d.better]
    needed = comparison.rounds_needed or 0
    if not open_ones:
        return "Every pair differs in everything that was measured."
    most = max(d.rounds for d in open_ones)
    if most < needed:
        return (
            f"Too little was measured to tell: {most} rounds in this time, and {needed} that all speak for the same "
            "provider are needed. A longer --window has more."
        )
    return "What is not named is no proof that two providers are alike: any difference is too small to be seen yet."
