"""Suspicion buys evidence: which confirmations are wanted now, of whom, and not before when. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from probes.observation import Observation
from service.decision.allowance import rounds_left, spent
from service.decision.burst import needed
from service.decision.policy import Policy
from service.decision.state import State
from service.decision.streak import Streak
from service.decision.trouble import Trouble, unexpired

SPARE_CONFIRMATIONS = 3  # beyond those that confirm, for failures that nothing could be compared with


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationWanted:
    """One confirmation: the suspect and its candidates, tried afresh at the same time."""

    kind: Literal["session", "message"]
    provider: str  # the suspect
    providers: tuple[str, ...]  # all that are to be tried, in order of preference
    receiver: str | None  # messages: to the seeds of this receiver only; None: all
    not_before: datetime
    reason: str
    at_once: int = 1  # how many of them may be under way, spaced


def confirmations_wanted(state: State, policy: Policy, now: datetime) -> tuple[ConfirmationWanted, ...]:
    """Return at most one session sweep and one message round that suspicion asks for.

    Run a control check along with the sweep when everything fails. Nothing is asked for while all providers
    are out of reach: the schedule shows when they are back. A suspicion whose evidence has expired asks for
    nothing, and one whose allowance of message rounds is spent waits for the next.
    """
    if state.context.local is not None:
        return ()
    wanted = (_session(state, policy, now), _message(state, policy, now))
    return tuple(w for w in wanted if w is not None)


def _session(state: State, policy: Policy, now: datetime) -> ConfirmationWanted | None:
    return _for_streaks(state, policy, now, message=False)


def _message(state: State, policy: Policy, now: datetime) -> ConfirmationWanted | None:
    if not policy.seeds:
        return None
    return _for_streaks(state, policy, now, message=True) or _for_doubts(state, policy, now)


def _for_streaks(state: State, policy: Policy, now: datetime, *, message: bool) -> ConfirmationWanted | None:
    """Return the confirmation of failures in a row: by session checks, or by messages for what fails after RCPT."""
    streaks = {
        name: streak
        for name, trouble in _troubles(state, policy, now).items()
        if (streak := trouble.streak) is not None
        and _still_asks(state, name, trouble, streak, policy)
        and (streak.message and bool(policy.seeds)) == message
        and (not message or rounds_left(state.providers[name].allowance, policy, now) > 0)
    }
    if not streaks:
        return None
    suspect, streak = max(streaks.items(), key=lambda item: item[1].count)
    spacing = timedelta(seconds=policy.confirmation_spacing_seconds)
    receiver = streak.last.receiver if streak.last.receiver in policy.receivers else None
    return ConfirmationWanted(
        kind="message" if message else "session",
        provider=suspect,
        providers=policy.providers,
        receiver=receiver if message else None,
        not_before=max(s.last.at for s in streaks.values()) + spacing,
        reason=f"{suspect} failed {streak.count} in a row; a fresh try confirms or clears it.",
        at_once=1 if message else max(_open_confirmations(state, n, s, policy) for n, s in streaks.items()),
    )


def _for_doubts(state: State, policy: Policy, now: datetime) -> ConfirmationWanted | None:
    """Return the message round that settles where mail through a suspect ends up.

    None while a round is open at the receivers in question, unless it only waits for what is overdue: its evidence is
    on its way.
    """
    doubts = {
        name: doubt
        for name, trouble in _troubles(state, policy, now).items()
        if (doubt := trouble.doubt) is not None
        and doubt.rounds_left > 0
        and rounds_left(state.providers[name].allowance, policy, now) > 0
    }
    receivers = tuple(r for r in policy.receivers if any(r in d.receivers for d in doubts.values()))
    if not receivers or any(g.receiver in receivers and not g.timed for g in state.rounds.values()):
        return None
    suspect, doubt = max(doubts.items(), key=lambda item: len(item[1].receivers))
    spacing = timedelta(seconds=policy.confirmation_spacing_seconds)
    return ConfirmationWanted(
        kind="message",
        provider=suspect,
        providers=policy.providers,
        receiver=receivers[0] if len(receivers) == 1 else None,
        not_before=max(d.at for d in doubts.values()) + spacing,
        reason=f"Mail through {suspect} fared worse at {', '.join(doubt.receivers)}; a round confirms or clears it.",
    )


def charged(state: State, taken: Observation, policy: Policy) -> State:
    """Return the state with a confirmation round charged to every provider it was for, at the first word of it."""
    known = taken.round is None or any(word == taken.round for word, _ in (*state.rounds, *state.closed))
    if known:
        return state
    suspects = {
        name: replace(state.providers[name], allowance=spent(state.providers[name].allowance, policy, taken.at))
        for name, trouble in _troubles(state, policy, taken.at).items()
        if (
            (streak := trouble.streak) is not None
            and streak.message
            and _still_asks(state, name, trouble, streak, policy)
        )
        or (trouble.doubt is not None and trouble.doubt.rounds_left > 0)
    }
    return replace(state, providers={**state.providers, **suspects}) if suspects else state


def further_needed(state: State, name: str, policy: Policy, at: datetime) -> int:
    """Return how many failures after the first confirm a hard fault of this provider."""
    others = (p.bursts for n, p in state.providers.items() if n != name)
    return needed(state.providers[name].bursts, others, policy, at)


def _open_confirmations(state: State, name: str, streak: Streak, policy: Policy) -> int:
    """Return how many failures still confirm this streak, or as many as configured: some may not count."""
    further = streak.needs(further_needed(state, name, policy, streak.last.at), policy)
    return max(policy.confirmations, 1 + further - streak.count)


def _still_asks(state: State, name: str, trouble: Trouble, streak: Streak, policy: Policy) -> bool:
    """Return whether the present streak has not had all its confirmations yet."""
    further = streak.needs(further_needed(state, name, policy, streak.last.at), policy)
    return trouble.asked < max(policy.confirmations, further) + SPARE_CONFIRMATIONS


def _troubles(state: State, policy: Policy, now: datetime) -> dict[str, Trouble]:
    """Return what may be wrong with each provider that is not already known to take no mail."""
    known = {name: state.providers[name].trouble for name in policy.providers if name in state.providers}
    fresh = {name: unexpired(trouble, now, policy.evidence_lifetime_seconds) for name, trouble in known.items()}
    return {name: trouble for name, trouble in fresh.items() if trouble.fault is None}
