"""What notices do to the state: starts, gaps, overrides, control checks, switchovers. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from probes.observation import Notice, NoticeKind
from service.decision.evidence import voided
from service.decision.latest import no_later
from service.decision.moves import (
    NO_MOVES,
    WITHDRAWN,
    Move,
    Setback,
    moves_in_last_hour,
    with_move,
    with_setback,
)
from service.decision.override import given_by, overridden
from service.decision.policy import Policy
from service.decision.route import ANY_RECEIVER, Route, simple_route
from service.decision.route_text import route_of_detail
from service.decision.state import Context, Proposal, ProviderState, State
from service.decision.tally import bucket_of, not_beyond

_YES = frozenset({"yes", "true", "1", "on"})
_NO = frozenset({"no", "false", "0", "off"})
_INSTANT = timedelta(microseconds=1)


def noticed(state: State, notice: Notice, policy: Policy) -> State:
    """Return the state after this notice."""
    detail, context, at = notice.detail, state.context, notice.at
    match notice.kind:
        case NoticeKind.START:
            voided_state = void(state, at, policy, stepped=False)
            return replace(voided_state, context=replace(voided_state.context, started_at=at))
        case NoticeKind.GAP | NoticeKind.CLOCK_JUMP:
            return void(state, at, policy)
        case NoticeKind.POLICY:
            return _without_strangers(state, policy)
        case NoticeKind.CONTROL:
            if (said := detail.get("ok", "").lower()) not in _NO | _YES:
                return state  # there was nothing to check
            ok = said in _YES
            local = None if ok else context.local
            return replace(state, context=replace(context, control_ok=ok, control_at=at, local=local))
        case NoticeKind.OVERRIDE:
            if detail.get("verb") == "ack":
                return _acknowledged(state, at, detail.get("provider") or None)
            return replace(state, context=replace(context, overrides=overridden(context.overrides, at, detail)))
    return replace(state, context=_switched(context, at, detail, policy))


def void(state: State, at: datetime, policy: Policy, *, stepped: bool = True) -> State:
    """Return the state with every running test, streak and open round begun anew; confirmed faults stay.

    No time in it is later than `at`, but for the ends of overrides: a clock that was ahead would otherwise
    block moves for as long as it was ahead. `stepped`: the daemon saw the clock go on, so what seems still to
    come was stamped wrongly; at a start it may be the present time that is wrong.
    """
    bucket = bucket_of(at, policy.evidence_lifetime_seconds)
    providers = {name: _voided(provider, at, bucket) for name, provider in state.providers.items()}
    context = replace(state.context, void_at=at, control_ok=None, control_at=None, local=None, overrides=())
    if context.acked_at is not None and context.acked_at > at:
        acked_at = at - _INSTANT
        moves = tuple(m if m.at > context.acked_at else no_later(m, acked_at) for m in context.moves)
        context = replace(context, acked_at=acked_at, moves=moves)  # what came after it still does
    told = {receiver: one for receiver, one in context.proposals.items() if one.at <= at}
    context = replace(context, proposals=told)  # a later one may have been told before the fault that there is now
    return replace(
        state,
        providers=no_later(providers, at),
        rounds={},
        due_at=None,
        closed=(*state.closed, *state.rounds)[-128:],
        volumes={receiver: not_beyond(tally, bucket) for receiver, tally in state.volumes.items()},
        context=replace(no_later(context, at), overrides=given_by(state.context.overrides, at, stepped=stepped)),
    )


def _voided(provider: ProviderState, at: datetime, bucket: int) -> ProviderState:
    """Return the provider with its running tests begun anew. Good evidence that seems still to come is lost."""
    fault = provider.trouble.fault
    tracks = {
        key: replace(
            voided(track), tally=not_beyond(track.tally, bucket), last_good_at=_not_after(track.last_good_at, at)
        )
        for key, track in provider.tracks.items()
    }
    return replace(
        provider,
        tracks=tracks,
        good_at=_not_after(provider.good_at, at),
        reached_at=_not_after(provider.reached_at, at),
        seen_at=_not_after(provider.seen_at, at),
        trouble=replace(
            provider.trouble,
            streak=None,
            doubt=None,
            pending=(),
            asked=0,
            asked_round=None,
            calm_until=None,
            fault=replace(fault, good_run=0, good_at=None, good_round=None) if fault else None,
        ),
    )


def _not_after(time: datetime | None, at: datetime) -> datetime | None:
    return time if time is not None and time <= at else None


def _without_strangers(state: State, policy: Policy) -> State:
    """Return the state without providers and receivers that the policy no longer names, its tests begun anew."""
    known = {*policy.receivers, "*"}
    kept = {
        name: replace(
            provider,
            tracks={key: voided(track) for key, track in provider.tracks.items() if key[0] in known},
        )
        for name, provider in state.providers.items()
        if name in policy.providers
    }
    return replace(state, providers=kept)


def _acknowledged(state: State, at: datetime, provider: str | None) -> State:
    """Return the state after a person has taken note: brake, hold-down and account faults are lifted."""
    providers = {
        name: replace(p, trouble=replace(p.trouble, account=None)) if provider in (None, name) else p
        for name, p in state.providers.items()
    }
    context = state.context
    if provider is None:
        context = replace(context, acked_at=at, braked_at=None, failed_applies=0, failed_at=None, notes={})
    return replace(state, providers=providers, context=context)


def _switched(context: Context, at: datetime, detail: Mapping[str, str], policy: Policy) -> Context:
    """Return the context after a switchover was applied, proposed or failed."""
    route = route_of_detail(detail.get("route", ""), detail.get("lanes", ""))
    outcome, receiver = detail.get("outcome", ""), detail.get("receiver") or ANY_RECEIVER
    if route is None:
        return context
    if detail.get("enforced", "").lower() in _NO:
        return replace(context, proposals={**context.proposals, receiver: Proposal(at=at, route=route)})
    if outcome == "failed":
        return replace(context, failed_applies=context.failed_applies + 1, failed_at=at)
    if outcome != "applied":
        return context
    # Before the first recorded move the preferred provider is taken to have been active.
    before = context.route or simple_route(policy.providers[0])
    left = before.lane(receiver).active if context.route else detail.get("from") or before.active
    moves, rule, active = context.moves, detail.get("rule", ""), route.lane(receiver).active
    moved = left != active and rule not in NO_MOVES
    if moved:
        move = Move(
            at=at,
            trigger=detail.get("trigger", "automatic"),
            left=left,
            active=active,
            rule=rule,
            reason=detail.get("reason", ""),
            receiver=receiver,
        )
        moves = with_move(moves, move)
    counted = tuple(m for m in moves if context.acked_at is None or m.at > context.acked_at)
    braked = context.braked_at
    if braked is None and moves_in_last_hour(counted, at) >= policy.moves_per_hour and moved:
        braked = at
    setbacks, kept = context.setbacks, {share.provider for share in route.lane(receiver).shares}
    for share in before.lane(receiver).shares if rule in WITHDRAWN else ():
        if share.provider not in kept:
            setbacks = with_setback(setbacks, Setback(at=at, provider=share.provider, receiver=receiver))
    return replace(
        context,
        route=route,
        lane_times=_lane_times(context, route, at),
        setbacks=setbacks,
        moves=moves,
        braked_at=braked,
        failed_applies=0,
        failed_at=None,
        proposals={},
    )


def _lane_times(context: Context, route: Route, at: datetime) -> dict[str, datetime]:
    """Return when each lane last changed who tries how much of its mail first."""
    before = {lane.receiver: (lane.active, lane.shares) for lane in context.route.lanes} if context.route else {}
    return {
        lane.receiver: context.lane_times.get(lane.receiver, at)
        if before.get(lane.receiver) == (lane.active, lane.shares)
        else at
        for lane in route.lanes
    }
