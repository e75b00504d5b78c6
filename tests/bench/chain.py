"""Exact mean delays of detectors on independent results: each is a Markov chain, and its linear system is solved.

Independent of `service.decision.arl`: plain elimination on a banded matrix, or the distribution followed step by step.
"""

from collections import deque


class Chain:
    """A detector as a chain: `after(state, bad)` returns the next state, or none for the alarm."""

    def __init__(self, start, after):
        self.index = {start: 0}
        self.moves = []  # (state after a good result, state after a bad one); -1 is the alarm
        todo = deque([start])
        while todo:
            state = todo.popleft()
            self.moves.append(tuple(self._number(after(state, bad), todo) for bad in (False, True)))

    def _number(self, state, todo):
        if state is None:
            return -1
        if state not in self.index:
            self.index[state] = len(self.index)
            todo.append(state)
        return self.index[state]

    def mean(self, bad_rate, precision=1e-9):
        """Return the mean number of results until the alarm, from the start.

        The start is a renewal: mean = E[results until the start is seen again or the alarm] / P(alarm first). Both are
        sums over the distribution, followed until what is left of it weighs nothing.
        """
        mass, results, alarm = {0: 1.0}, 0.0, 0.0
        while True:
            left = sum(mass.values())
            results += left
            if left < precision * alarm:
                return results / alarm
            following = {}
            for number, weight in mass.items():
                for bad, part in ((0, 1 - bad_rate), (1, bad_rate)):
                    to = self.moves[number][bad]
                    if to < 0:
                        alarm += weight * part
                    elif to:
                        following[to] = following.get(to, 0.0) + weight * part
            mass = following


def cusums(ups, thresholds):
    """Return the chain of one or several CUSUMs on whole units: an alarm of any is the alarm."""

    def after(scores, bad):
        if not bad:
            return tuple(max(0, score - 1) for score in scores)
        moved = tuple(score + up for score, up in zip(scores, ups, strict=True))
        return None if any(s >= h for s, h in zip(moved, thresholds, strict=True)) else moved

    return Chain((0,) * len(ups), after)


def in_a_row(needed):
    """Return the chain of `needed` bad results in a row."""
    return Chain(0, lambda run, bad: 0 if not bad else None if run + 1 == needed else run + 1)


def of_last(needed, window):
    """Return the chain of `needed` bad ones among the last `window`."""

    def after(last, bad):
        moved = (*last[1:], bad)
        return None if sum(moved) >= needed else moved

    return Chain((False,) * window, after)


def ewma(weight, threshold, steps=200):
    """Return the chain of an exponentially weighted mean, rounded down to a grid of so many steps to its threshold."""

    def after(place, bad):
        mean = (1 - weight) * place * threshold / steps + weight * bad
        return None if mean >= threshold else int(mean / threshold * steps)

    return Chain(0, after)
