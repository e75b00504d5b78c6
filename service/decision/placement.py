"""What closed rounds do to the state: arrival, placement and latency, as what differs between providers. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from probes.observation import Observation, Outcome, Signal
from service.decision.attribution import COMPARED, Blame, Compared, Shared, compare_round, verdict
from service.decision.calibration import calibrate
from service.decision.evidence import Results, revived, tallied, weighed
from service.decision.policy import Policy
from service.decision.reason import tested_reason
from service.decision.round import Group, closes_at, ends_at, is_complete, is_timed, with_observation
from service.decision.route import ANY_RECEIVER
from service.decision.state import Note, ProviderState, State
from service.decision.tally import bucket_of
from service.decision.trouble import Doubt

CONFIRMATION_ROUNDS = 2  # at most, for one suspicion
_REMEMBERED = 128
_UNKNOWN_PROVIDER = ProviderState()


def in_round(state: State, observation: Observation, policy: Policy) -> State:
    """Return the state with the observation in its open round, which closes when it is complete."""
    if observation.round is None or observation.receiver is None or observation.seed is None:
        return state
    key = (observation.round, observation.receiver)
    if key not in state.rounds and key in state.closed:
        return state
    before, probe = state.rounds.get(key), (observation.provider, observation.seed)
    group = with_observation(before, observation)
    rounds = {**state.rounds, key: group}
    cell, was = group.cells[probe], before.cells.get(probe) if before is not None else None
    if cell.complete and is_complete(group, policy):
        return _closed(state, group, observation.at, policy)
    if observation.signal is Signal.LATENCY and not group.timed and is_timed(group, policy):
        group = replace(group, timed=True)
        state = _timed(state, group, observation.at, policy)
        rounds = {**rounds, key: group}
    due_at = state.due_at
    if was is None or (cell.placed and not was.placed):  # else it may only move later: close_due looks again then
        closing = closes_at(group, policy) if cell.placed else ends_at(group, policy)
        due_at = closing if due_at is None else min(due_at, closing)
    return State(
        at=observation.at,
        providers=state.providers,
        rounds=rounds,
        due_at=due_at,
        closed=state.closed,
        volumes=state.volumes,
        context=state.context,
    )


def close_due(state: State, at: datetime, policy: Policy) -> State:
    """Return the state with every round closed that ends by itself at or before this time."""
    for group in tuple(state.rounds.values()):
        if closes_at(group, policy) <= at:
            state = _closed(state, group, at, policy)
    return replace(state, due_at=_due(state.rounds, policy))


def _due(rounds: Mapping[tuple[str, str], Group], policy: Policy) -> datetime | None:
    return min((closes_at(group, policy) for group in rounds.values()), default=None)


def _closed(state: State, group: Group, at: datetime, policy: Policy) -> State:
    key = (group.round, group.receiver)
    rounds = {k: g for k, g in state.rounds.items() if k != key}
    compared, shared = compare_round(group, paired=len(policy.providers) > 1)
    if group.timed:
        compared = tuple(one for one in compared if one.signal is not Signal.LATENCY)
    providers = _all_judged(state.providers, compared, group, at, policy)
    notes = {**state.context.notes, **{_note_key(s, group): _note(s, group, at) for s in shared}}
    for one in compared:
        if one.signal is Signal.AUTHENTICATION:
            _report(notes, one.provider, group.receiver, providers[one.provider], at, policy)
    for stale in _disproved(group) if notes else ():
        notes.pop(stale, None)
    return State(
        at=at,
        providers=providers,
        rounds=rounds,
        due_at=_due(rounds, policy),
        closed=(*state.closed, key)[-_REMEMBERED:],
        volumes=state.volumes,
        context=replace(state.context, notes=notes) if notes != state.context.notes else state.context,
    )


def _timed(state: State, group: Group, at: datetime, policy: Policy) -> State:
    """Return the state with the open group judged for what is late in it and nothing else."""
    compared, _ = compare_round(group, paired=len(policy.providers) > 1)
    late = tuple(one for one in compared if one.signal is Signal.LATENCY)
    return replace(state, at=at, providers=_all_judged(state.providers, late, group, at, policy))


def _all_judged(
    before: Mapping[str, ProviderState], compared: tuple[Compared, ...], group: Group, at: datetime, policy: Policy
) -> dict[str, ProviderState]:
    """Return the providers with each one's part in the group tested, and their suspicions."""
    providers = dict(before)
    for name in {one.provider: None for one in compared}:
        ones = [one for one in compared if one.provider == name]
        provider = _judged(providers.get(name, _UNKNOWN_PROVIDER), ones, group, at, policy)
        doubt = _doubt(provider, [one for one in ones if one.signal is not Signal.AUTHENTICATION], group, at)
        if doubt is not provider.trouble.doubt:
            provider = replace(provider, trouble=replace(provider.trouble, doubt=doubt))
        providers[name] = provider
    return providers


def _report(
    notes: dict[str, Note], name: str, receiver: str, provider: ProviderState, at: datetime, policy: Policy
) -> None:
    """Set or take away the note that mail through this provider fails authentication at this receiver."""
    key, track = f"authentication:{name}:{receiver}", provider.tracks[receiver, Signal.AUTHENTICATION]
    if track.alarmed_at is None:
        notes.pop(key, None)
    elif key not in notes:
        sentence = tested_reason(name, receiver, Signal.AUTHENTICATION, track, paired=len(policy.providers) > 1)
        sentence += " It moves no mail; look at the DKIM signature and the return path that it uses."
        notes[key] = Note(at=at, sentence=sentence)


def _judged(
    provider: ProviderState, compared: list[Compared], group: Group, at: datetime, policy: Policy
) -> ProviderState:
    """Return the provider with its closed clusters tested, each at its receiver and pooled over all.

    The confirmations of one suspicion are one cluster at each receiver. Over all receivers they come in turns, so
    there the first round stands for the others.
    """
    tracks, banks, lifetime = dict(provider.tracks), calibrate(policy), policy.evidence_lifetime_seconds
    doubt = provider.trouble.doubt if group.confirmation else None
    cause = f"confirming {doubt.since.isoformat()}" if doubt else group.round
    repeated = doubt is not None and doubt.last_round not in ("", group.round)
    cluster, bucket = f"{cause}|{group.receiver}", bucket_of(at, lifetime)
    for receiver in (group.receiver, ANY_RECEIVER):
        seeds_needed = min(2, sum(1 for _, r in policy.seeds if receiver in (r, ANY_RECEIVER)))
        for one in compared:
            results = Results(
                at=at,
                bucket=bucket,
                cluster=cluster,
                bad=one.bad,
                total=one.total,
                seeds=one.seeds,
                seeds_needed=seeds_needed,
                cites=one.cites,
            )
            key = (receiver, one.signal)
            track, bank = revived(tracks.get(key), at, lifetime), banks.get(key)
            if bank is None or (repeated and receiver == ANY_RECEIVER and (track is None or track.alarmed_at is None)):
                tracks[key] = tallied(track, results)
            else:
                tracks[key] = weighed(track, results, bank, policy.failback_rounds)
    return replace(provider, tracks=tracks)


def _doubt(provider: ProviderState, judged: list[Compared], group: Group, at: datetime) -> Doubt | None:
    """Return the suspicion after this round: opened by a bad one, spent by confirmations, ended by a good one."""
    doubt = provider.trouble.doubt
    if any(provider.tracks[(ANY_RECEIVER, one.signal)].alarmed_at is not None for one in judged):
        return None
    bad = any(one.bad and provider.tracks[(group.receiver, one.signal)].alarmed_at is None for one in judged)
    others = tuple(r for r in doubt.receivers if r != group.receiver) if doubt else ()
    if not bad:
        return replace(doubt, receivers=others, at=at) if doubt and others else None
    receivers = (*others, group.receiver)
    if not group.confirmation:
        since = doubt.since if doubt else at
        return Doubt(since=since, at=at, receivers=receivers, rounds_left=CONFIRMATION_ROUNDS, last_round="")
    if doubt is None:
        return Doubt(since=at, at=at, receivers=receivers, rounds_left=0, last_round=group.round)
    left = doubt.rounds_left - (0 if doubt.last_round == group.round else 1)
    return replace(doubt, at=at, receivers=receivers, rounds_left=max(0, left), last_round=group.round)


def _note_key(shared: Shared, group: Group) -> str:
    return f"{shared.blame}:{shared.seed or group.receiver}:{shared.signal}"


def _note(shared: Shared, group: Group, at: datetime) -> Note:
    what = {
        Signal.ARRIVAL: "is not found",
        Signal.PLACEMENT: "lands in spam",
        Signal.LATENCY: "arrives late",
        Signal.AUTHENTICATION: "fails authentication",
    }[shared.signal]
    where = f"the seed {shared.seed} at {group.receiver}" if shared.seed else f"every seed at {group.receiver}"
    whose = {
        Blame.SEED: "so it is that mailbox's doing",
        Blame.RECEIVER: f"so it is {group.receiver}'s doing",
    }.get(shared.blame, "so it is our content or sending domain, not a relay")
    return Note(at=at, sentence=f"Mail to {where} {what} through every provider, {whose}; no provider is blamed.")


def _disproved(group: Group) -> set[str]:
    """Return the notes that this round disproves: some provider's mail fared well there."""
    found: set[str] = set()
    for (_, seed), cell in group.cells.items():
        for signal in COMPARED:
            o = verdict(cell, signal)
            if o is not None and o.outcome is Outcome.GOOD:
                found.add(f"{Blame.SEED}:{seed}:{signal}")
                found |= {f"{whose}:{group.receiver}:{signal}" for whose in (Blame.RECEIVER, Blame.MESSAGE)}
    return found
