"""Which of many patterns can match a text at all, told by the words that they cannot do without. Pure.

Searching a reply for sixty patterns one after the other took 30 µs; almost none of them can match, and looking for
their plain words tells which (2026-11).
"""

from collections.abc import Iterator, Sequence
from re import _constants as sre  # type: ignore[attr-defined]  # private, but there is no other way to take one apart
from re import _parser  # type: ignore[attr-defined]
from typing import Any

_SHORTEST = 2


class WordFilter:
    """The patterns, by position, that a text may match; the others it certainly does not."""

    def __init__(self, patterns: Sequence[str]) -> None:
        bits: dict[str, int] = {}
        self._always = 0
        for position, pattern in enumerate(patterns):
            words = needed_words(pattern)
            if not words:
                self._always |= 1 << position
            for word in words:
                bits[word] = bits.get(word, 0) | 1 << position
        self._words = tuple(bits.items())
        self._all = (1 << len(patterns)) - 1

    def candidates(self, text: str) -> Iterator[int]:
        """Yield the positions of patterns that may match this text, upper and lower case alike, in order."""
        left = self._all  # beyond ASCII upper and lower case are not pairs: "s" has a third form (U+017F)
        if text.isascii():
            lowered, left = text.lower(), self._always
            for word, bits in self._words:
                if word in lowered:
                    left |= bits
        while left:
            lowest = left & -left
            yield lowest.bit_length() - 1
            left ^= lowest


def needed_words(pattern: str) -> frozenset[str]:
    """Return words in lower case of which every text that the pattern matches has at least one; empty: not known."""
    return _needed(_parser.parse(pattern)) or frozenset()


def _needed(parts: Any) -> frozenset[str] | None:
    found: list[frozenset[str]] = []
    run = ""
    for operation, argument in parts:
        if operation is sre.LITERAL:
            run += chr(argument).lower()
            continue
        found, run = _with_run(found, run), ""
        inner: frozenset[str] | None = None
        if operation is sre.SUBPATTERN:
            inner = _needed(argument[3])
        elif operation is sre.BRANCH:
            branches = [_needed(branch) for branch in argument[1]]
            known = [branch for branch in branches if branch]
            inner = frozenset().union(*known) if len(known) == len(branches) else None
        elif operation in (sre.MAX_REPEAT, sre.MIN_REPEAT) and argument[0] > 0:
            inner = _needed(argument[2])
        if inner:
            found.append(inner)
    return max(_with_run(found, run), key=_worth, default=None)


def _with_run(found: list[frozenset[str]], run: str) -> list[frozenset[str]]:
    return [*found, frozenset({run})] if len(run) >= _SHORTEST else found


def _worth(words: frozenset[str]) -> tuple[int, int]:
    """Return how much a set of alternatives tells apart: its shortest word counts, then how few there are."""
    return min(map(len, words)), -len(words)
