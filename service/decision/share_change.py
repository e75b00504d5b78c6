"""Changes of a lane's shares alone: taken away at once, given in steps and no oftener than the policy says. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from service.decision.capacity import capacity
from service.decision.decision import AUTOMATIC, Decision, Question, Switchover
from service.decision.failback import still_returning
from service.decision.gate import gates
from service.decision.moves import CANARY_WITHDRAWN, SHARE_WITHDRAWN, SHARES
from service.decision.passage import passed
from service.decision.route import ANY_RECEIVER, Lane, Share, ShareKind
from service.decision.share import shares_for, spoilt
from service.decision.standing import Standing

_WHY = {
    ShareKind.WARM: "a standby kept warm",
    ShareKind.OVERFLOW: "overflow",
    ShareKind.CANARY: "on its way back",
}


def withdrawal(question: Question, lane: Lane, standings: Mapping[str, Standing]) -> Decision | None:
    """Return the lane without the shares of providers that must not keep theirs; at once."""
    why = {s: said for s in lane.shares if (said := _against(question, s, standings)) is not None}
    if not why:
        return None
    wanted = replace(lane, shares=shares_for(question, lane, standings, still_returning(question, lane, standings)))
    lost = ", ".join(f"{share.provider} ({share.percent} %)" for share in why)
    reason = f"{_mail(lane)} goes through {lane.active} without the share of {lost}: {'; '.join(why.values())}."
    rule = CANARY_WITHDRAWN if any(share.kind is ShareKind.CANARY for share in why) else SHARE_WITHDRAWN
    return _changed(question, wanted, reason, rule)


def adjustment(question: Question, lane: Lane, standings: Mapping[str, Standing]) -> Decision | None:
    """Return the lane with the shares that it should have by now, when they differ and it has had them long enough."""
    since = question.state.context.lane_times.get(lane.receiver)
    if since is not None and question.now < since + timedelta(seconds=question.policy.share_step_seconds):
        return None
    wanted = replace(lane, shares=shares_for(question, lane, standings, still_returning(question, lane, standings)))
    if set(wanted.shares) == set(lane.shares):
        return None
    parts = [f"{s.provider} {s.percent} % ({_WHY[s.kind]})" for s in wanted.shares]
    given = f"but for {', '.join(parts)}" if parts else "without any share for others"
    reason = f"{_mail(lane)} goes through {lane.active}, {given}."
    if question.policy.hourly_cap(lane.active) is not None and any(s.kind is ShareKind.OVERFLOW for s in wanted.shares):
        route = question.current.with_lane(wanted)
        reason += " " + capacity(lane.active, route, lane.receiver, question.state, question.policy, question.now)
    return _changed(question, wanted, reason, SHARES)


def _against(question: Question, share: Share, standings: Mapping[str, Standing]) -> str | None:
    standing = standings.get(share.provider)
    if standing is None:
        return f"{share.provider} is not configured any more"
    return spoilt(question, share, standing)


def _changed(question: Question, lane: Lane, reason: str, rule: str) -> Decision:
    route = question.current.with_lane(lane)
    move = Switchover(route=route, reason=reason, rule=rule, trigger=AUTOMATIC, receiver=lane.receiver)
    closed = gates(question.state, question.policy, question.now, receiver=lane.receiver)
    return passed(move, closed, question, None, alert=False)


def _mail(lane: Lane) -> str:
    return "All mail" if lane.receiver == ANY_RECEIVER else f"Mail to {lane.receiver}"
