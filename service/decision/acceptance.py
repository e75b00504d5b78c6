"""What session checks, submissions and live mail do to the state: streaks, hard faults and their tests. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from probes.observation import Observation, Outcome, Signal, Source
from service.decision.attribution import Blame, Proof, blame, proof_needed
from service.decision.burst import Bursts, with_burst
from service.decision.calibration import LIVE_CLUSTER_SECONDS, calibrate
from service.decision.evidence import Results, Track, revived, shown, stood_in, tallied, weighed
from service.decision.policy import Policy
from service.decision.reason import quoted
from service.decision.route import ANY_RECEIVER
from service.decision.state import Context, LocalFault, Note, ProviderState, State
from service.decision.streak import BEYOND_RCPT, failed, hard_fault, still_failing, succeeded
from service.decision.suspicion import further_needed
from service.decision.tally import bucket_of
from service.decision.trouble import NO_TROUBLE, Account, Trouble, calmer, unexpired, unforgotten

PAIR_SECONDS = 30.0  # a sibling's success this soon after a failure still clears our network
ALL_FAIL = 5  # live deliveries failed in one minute, with none taken, that end a calm
_MESSAGE = "message"
_LIVE = (ANY_RECEIVER, Signal.LIVE)
LIVE_STAMP = timedelta(seconds=10)  # live mail is stamped with the end of its ten seconds
_UNKNOWN_PROVIDER = ProviderState()
_THEIRS = (Blame.PROVIDER, Blame.ACCOUNT)


def took(state: State, observation: Observation, policy: Policy) -> State:
    """Return the state after a provider took mail, or would have."""
    name, at = observation.provider, observation.at
    before = state.providers.get(name, _UNKNOWN_PROVIDER)
    trouble, bursts = unexpired(before.trouble, at, policy.evidence_lifetime_seconds), before.bursts
    if trouble is not NO_TROUBLE and observation.source is Source.PROBE:
        before = replace(before, trouble=trouble)
        if trouble.pending:
            before = _settle(state, name, before, policy)
        bursts = _on_record(before, observation, policy)
        trouble = _relieved(before.trouble, observation, policy)
    proven_at = at if observation.source is Source.PROBE else at - LIVE_STAMP
    after = ProviderState(
        tracks=_counted(before, observation, policy, freeze=False),
        good_at=_later(before.good_at, proven_at),
        good_round=observation.round,
        reached_at=_later(before.reached_at, proven_at),
        seen_at=_later(before.seen_at, at),
        trouble=trouble,
        allowance=before.allowance,
        bursts=bursts,
    )
    providers = {**state.providers, name: after}
    context = state.context
    if context.local is not None or _MESSAGE in context.notes:
        notes = {key: note for key, note in context.notes.items() if key != _MESSAGE}
        context = replace(context, local=None, notes=notes)
    state = State(
        at=at,
        providers=providers,
        rounds=state.rounds,
        due_at=state.due_at,
        closed=state.closed,
        volumes=state.volumes,
        context=context,
    )
    return _reconsidered(state, name, proven_at, policy)


def came_late(state: State, observation: Observation, policy: Policy) -> State:
    """Return the state after a result of before measuring began anew, as a log read after a start tells: only counts.

    It says what was, not what is. Only fresh evidence may prove, suspect or confirm anything.
    """
    bad = observation.outcome is Outcome.BAD
    if bad and (blame(observation) not in _THEIRS or proof_needed(observation) is not Proof.NONE):
        return state
    before = state.providers.get(observation.provider, _UNKNOWN_PROVIDER)
    results = _results(observation, policy)
    tracks = dict(before.tracks)
    for receiver in dict.fromkeys((ANY_RECEIVER, observation.receiver or ANY_RECEIVER)):
        key = (receiver, observation.signal)
        tracks[key] = shown(tracks.get(key), results)
    return _with(state, observation.provider, replace(before, tracks=tracks))


def _later(one: datetime | None, other: datetime) -> datetime:
    return other if one is None or other > one else one


def refused(state: State, observation: Observation, policy: Policy) -> State:
    """Return the state after a provider did not take mail, as far as that is its fault."""
    name, at = observation.provider, observation.at
    whose, proof = blame(observation), proof_needed(observation)
    before = state.providers.get(name, _UNKNOWN_PROVIDER)
    answered_at = at if observation.source is Source.PROBE else at - LIVE_STAMP
    reached_at = before.reached_at if proof is Proof.PATH else _later(before.reached_at, answered_at)
    before = replace(before, seen_at=_later(before.seen_at, at), reached_at=reached_at)
    state = replace(state, at=at, providers={**state.providers, name: before})
    if whose not in (*_THEIRS, Blame.OPEN):
        return _noted(state, observation, whose)
    if proof is Proof.SIBLING and observation.source is Source.LOG:
        return state  # may be any message's fault, and nothing to compare it with
    if proof is not Proof.PATH and state.context.local is not None:
        state = replace(state, context=replace(state.context, local=None))
    if proof is Proof.PATH and state.context.local is not None:
        return state
    state = _lengthened(state, observation, proof, policy)
    if proof is not Proof.PATH:
        state = _reconsidered(state, name, at, policy)
    return _all_at_once(state, observation, policy)


def _lengthened(state: State, observation: Observation, proof: Proof, policy: Policy) -> State:
    """Return the state with the failure in its provider's streak or fault, and tested as soon as it counts."""
    name, at = observation.provider, observation.at
    provider = state.providers[name]
    trouble = unexpired(provider.trouble, at, policy.evidence_lifetime_seconds)
    live = observation.source is Source.LOG
    counts = proof is Proof.NONE or (not live and len(policy.providers) == 1)
    if trouble.fault is not None:
        trouble = replace(trouble, fault=still_failing(trouble.fault, observation))
        tracks = _counted(provider, observation, policy, freeze=True) if counts else provider.tracks
        return _with(state, name, replace(provider, trouble=trouble, tracks=tracks))
    if not (live and trouble.streak is None and _calm(provider, trouble, observation)):
        trouble = replace(trouble, streak=failed(trouble.streak, observation, policy))
    if observation.confirmation:
        trouble = asked(trouble, observation)
    tracks = provider.tracks
    if counts:
        tracks = _counted(provider, observation, policy, freeze=False)
    elif not live:
        trouble = replace(trouble, pending=(*trouble.pending, observation)[-8:])
    provider = _settle(state, name, replace(provider, trouble=trouble, tracks=tracks), policy)
    return _with(state, name, _latched(state, name, provider, policy))


def _calm(provider: ProviderState, trouble: Trouble, live_failure: Observation) -> bool:
    """Return whether a failed live delivery is not to be suspected, since the like of it was cleared just now.

    Where several fail and none is taken for a minute it is no longer the like of it.
    """
    at, calm, live = live_failure.at, trouble.calm, provider.tracks.get(_LIVE)
    if trouble.calm_until is not None and at < trouble.calm_until:
        return True
    if calm is None or at >= calm.until or live_failure.stage not in BEYOND_RCPT:
        return False
    failed_with_it = live.cluster_bad if live is not None and live.cluster == _live_cluster(at) else 0
    good_at = live.last_good_at if live is not None else None
    taken = good_at is not None and (at - good_at).total_seconds() < LIVE_CLUSTER_SECONDS
    return taken or failed_with_it + live_failure.count < ALL_FAIL


def asked(trouble: Trouble, observation: Observation) -> Trouble:
    """Return the trouble with one more confirmation spent, whatever it showed; a round is one."""
    if observation.round is not None and observation.round == trouble.asked_round:
        return trouble
    return replace(trouble, asked=trouble.asked + 1, asked_round=observation.round)


def _on_record(provider: ProviderState, success: Observation, policy: Policy) -> Bursts | None:
    """Return the record of bursts, with the one that this success of a probe ends.

    A confirmed fault that was not seen to last longer than the tolerated outage was but a burst.
    """
    streak, fault = provider.trouble.streak, provider.trouble.fault
    if streak is not None and not streak.message:
        return with_burst(provider.bursts, success.at, streak.count - 1)
    if fault is None or fault.good_at is not None or fault.message or fault.account:
        return provider.bursts
    lasted_seconds = (fault.last.at - fault.since).total_seconds()
    if fault.good_run or lasted_seconds > policy.tolerated_outage_seconds:
        return provider.bursts
    return with_burst(provider.bursts, success.at, fault.count - 1)


def _relieved(trouble: Trouble, observation: Observation, policy: Policy) -> Trouble:
    """Return the trouble after a success of a probe: streaks end, faults come nearer to their end."""
    fault = succeeded(trouble.fault, observation, policy) if trouble.fault is not None else None
    streak, at, by_message = trouble.streak, observation.at, observation.signal is Signal.ACCEPTANCE
    calm_until = trouble.calm_until if trouble.calm_until is not None and at < trouble.calm_until else None
    calm = unforgotten(trouble.calm, streak.first.at if streak is not None else at)
    if streak is not None and (not streak.message or by_message or not policy.seeds):
        live = streak.first.source is Source.LOG
        if live and streak.count == 1:
            calm_until = at + timedelta(seconds=policy.session_interval_seconds)
        if live and streak.message and by_message:
            calm = calmer(calm, at, policy.session_interval_seconds, policy.round_interval_seconds)
        streak = None
    elif streak is not None:
        return replace(trouble, fault=fault, pending=())
    if fault is None and trouble.account is None and trouble.doubt is None and calm_until is None and calm is None:
        return NO_TROUBLE
    return Trouble(fault=fault, account=trouble.account, doubt=trouble.doubt, calm_until=calm_until, calm=calm)


def _reconsidered(state: State, reached: str, at: datetime, policy: Policy) -> State:
    """Return the state after one provider was reached: what others failed meanwhile may now count."""
    for name, provider in state.providers.items():
        trouble = provider.trouble
        if name == reached or trouble is NO_TROUBLE or not (trouble.pending or trouble.streak):
            continue
        latest = trouble.streak.last.at if trouble.streak else trouble.pending[-1].at
        if (at - latest).total_seconds() <= PAIR_SECONDS:
            settled = _latched(state, name, _settle(state, name, provider, policy), policy)
            if settled is not provider:
                state = _with(state, name, settled)
    return state


def _settle(state: State, name: str, provider: ProviderState, policy: Policy) -> ProviderState:
    """Return the provider with those pending failures tested that comparison now lays at its door."""
    pending = provider.trouble.pending
    counting = [o for o in pending if _proved(state, name, o, policy)]
    if not counting:
        return provider
    for observation in counting:
        tracks = _counted(provider, observation, policy, freeze=provider.trouble.fault is not None)
        provider = replace(provider, tracks=tracks)
    left = tuple(o for o in pending if o not in counting)
    return replace(provider, trouble=replace(provider.trouble, pending=left))


def _proved(state: State, name: str, failure: Observation, policy: Policy) -> bool:
    """Return whether comparison lays this one failure at the provider's door."""
    others = [(n, p) for n, p in state.providers.items() if n != name and n in policy.providers]
    if failure.round is not None and any(p.good_round == failure.round for _, p in others):
        return True
    return _compared(state, name, proof_needed(failure), failure.at, policy)


def _compared(state: State, name: str, proof: Proof, since: datetime, policy: Policy) -> bool:
    """Return whether something else worked since then that had to work for the provider to be blamed."""
    context = state.context
    control_since = context.control_at is not None and context.control_at >= since
    if proof is Proof.PATH and control_since:
        if context.control_ok:
            return True
        if len(policy.providers) == 1:
            return False
    if proof is Proof.NONE or len(policy.providers) == 1:
        return True
    for other in policy.providers:
        sibling = state.providers.get(other)
        if other == name or sibling is None:
            continue
        at = sibling.reached_at if proof is Proof.PATH else sibling.good_at
        if at is not None and at >= since:
            return True
    return False


def _latched(state: State, name: str, provider: ProviderState, policy: Policy) -> ProviderState:
    """Return the provider with its streak turned into a fault, if it is confirmed and proved."""
    trouble = provider.trouble
    streak = trouble.streak
    if streak is None or trouble.fault is not None:
        return provider
    if not streak.confirmed(further_needed(state, name, policy, streak.last.at), policy):
        return provider
    if not _compared(state, name, streak.proof, streak.first.at, policy):
        return provider
    fault = hard_fault(streak)
    account = Account(at=fault.at, cite=fault.last) if fault.account else trouble.account
    return replace(
        provider,
        trouble=replace(
            trouble, streak=None, fault=fault, account=account, pending=(), asked=0, asked_round=None, calm=None
        ),
    )


def _all_at_once(state: State, observation: Observation, policy: Policy) -> State:
    """Return the state with the failure dropped if all providers fail alike at once: no provider's fault."""
    name = observation.provider
    streak = state.providers[name].trouble.streak
    if streak is None or streak.proof is Proof.NONE:
        return state
    recent = streak.first.at - timedelta(seconds=policy.session_interval_seconds + PAIR_SECONDS)
    if _compared(state, name, streak.proof, streak.first.at, policy):
        return state
    since = streak.first.at
    for other in policy.providers:
        trouble = state.providers.get(other, _UNKNOWN_PROVIDER).trouble
        last = trouble.streak.last if trouble.streak else trouble.fault.last if trouble.fault else None
        if last is None or last.at < recent or proof_needed(last) is not streak.proof:
            return state
        if trouble.streak:
            since = min(since, trouble.streak.first.at)
    cleared = {n: _cleared(p) for n, p in state.providers.items()}
    return replace(state, providers=cleared, context=_explained(state.context, streak.proof, since, observation))


def _cleared(provider: ProviderState) -> ProviderState:
    trouble = replace(provider.trouble, streak=None, pending=(), asked=0, asked_round=None)
    return replace(provider, trouble=trouble)


def _explained(context: Context, proof: Proof, since: datetime, cite: Observation) -> Context:
    if proof is Proof.PATH:
        checked = context.control_at is not None and context.control_at >= since and not context.control_ok
        control = "fails" if checked else "has not been made since"
        return replace(context, local=LocalFault(since=since, control=control, cite=cite))
    sentence = f"Every provider refuses our probes alike, so it is our message or domain: {quoted(cite)}."
    return replace(context, notes={**context.notes, _MESSAGE: Note(at=cite.at, sentence=sentence)})


def _noted(state: State, observation: Observation, whose: Blame) -> State:
    """Return the state with a note on a failed probe that is not the provider's fault."""
    if observation.source is not Source.PROBE:
        return state
    key = f"{whose}:{observation.seed or observation.provider}"
    what = {
        Blame.RECIPIENT: f"The seed {observation.seed or 'address'} is refused as a recipient",
        Blame.MESSAGE: "Our probe is refused for its content or size",
    }.get(whose, "Our own configuration keeps probes from being taken")
    sentence = f"{what} by {observation.provider}: {quoted(observation)}. It does not count against the provider."
    notes = {**state.context.notes, key: Note(at=observation.at, sentence=sentence)}
    return replace(state, context=replace(state.context, notes=notes))


def _counted(
    provider: ProviderState, observation: Observation, policy: Policy, *, freeze: bool
) -> dict[tuple[str, Signal], Track]:
    """Return the provider's tracks with this result; confirmations are counted but not tested."""
    signal, at = observation.signal, observation.at
    results = _results(observation, policy)
    key = (ANY_RECEIVER, signal)
    tracks = dict(provider.tracks)
    track = revived(tracks.get(key), at, policy.evidence_lifetime_seconds)
    if freeze or observation.confirmation:
        tracks[key] = tallied(track, results)
    else:
        tracks[key] = weighed(track, results, calibrate(policy)[key], policy.failback_rounds)
    if observation.receiver is not None and signal is not Signal.SESSION:
        key = (observation.receiver, signal)
        tracks[key] = tallied(tracks.get(key), results)
    live = revived(tracks.get(_LIVE), at, policy.evidence_lifetime_seconds)
    if live is not None and live.alarmed_at is not None and _stands_in(observation, live):
        tracks[_LIVE] = stood_in(live, results, calibrate(policy)[_LIVE], policy.failback_rounds)
    return tracks


def _results(observation: Observation, policy: Policy) -> Results:
    at = observation.at
    bad = observation.count if observation.outcome is Outcome.BAD else 0
    cluster = _live_cluster(at) if observation.signal is Signal.LIVE else observation.round or at.isoformat()
    return Results(
        at=at,
        bucket=bucket_of(at, policy.evidence_lifetime_seconds),
        cluster=cluster,
        bad=bad,
        total=observation.count,
        cites=(observation,) if bad else (),
    )


def _live_cluster(at: datetime) -> str:
    return str(int(at.timestamp() // LIVE_CLUSTER_SECONDS))


def _stands_in(probe: Observation, live: Track) -> bool:
    """Return whether what a probe met stands for live mail too, of which a provider that was left gets none."""
    latest = max((t for t in (live.last_good_at, live.last_bad_at) if t is not None), default=None)
    carries = latest is not None and (probe.at - latest).total_seconds() < LIVE_CLUSTER_SECONDS
    after_rcpt = any(o.stage in BEYOND_RCPT for o in live.cites)
    fits = probe.signal is Signal.ACCEPTANCE or (probe.signal is Signal.SESSION and not after_rcpt)
    return fits and not carries and not probe.confirmation


def _with(state: State, name: str, provider: ProviderState) -> State:
    return replace(state, providers={**state.providers, name: provider})
