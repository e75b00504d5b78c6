"""Which differences between providers are certain: those whose 95 % Wilson intervals do not overlap. Pure."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.views import CompareRowView, SignalView

# What the one does that the other does not; spam is the other side of inbox.
_KINDS: "tuple[tuple[str, str, Callable[[CompareRowView], SignalView], bool], ...]" = (
    ("takes mail more often than", "take mail more often than", lambda row: row.acceptance, True),
    ("reaches the inbox more often than", "reach the inbox more often than", lambda row: row.inbox, True),
    ("loses less mail than", "lose less mail than", lambda row: row.missing, False),
    ("is late less often than", "are late less often than", lambda row: row.late, False),
)


def certain_differences(rows: "Sequence[CompareRowView]") -> str:
    """Return the certain differences among the providers at one receiver, in a sentence."""
    told = []
    for one, several, signal, more_is_better in _KINDS:
        winners: dict[str, list[str]] = {}
        for worse in rows:
            over = tuple(row.provider for row in rows if _beats(signal(row), signal(worse), more_is_better))
            if over:
                winners.setdefault(", ".join(over), []).append(worse.provider)
        told += [f"{who} {several if ', ' in who else one} {', '.join(what)}" for who, what in winners.items()]
    return "; ".join(told) + "." if told else "no difference is certain yet."


def _beats(one: "SignalView", other: "SignalView", more_is_better: bool) -> bool:
    low, high = (one, other) if more_is_better else (other, one)
    return low.low_ratio is not None and high.high_ratio is not None and low.low_ratio > high.high_ratio
