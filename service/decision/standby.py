"""The order behind a lane's active provider, when it would not carry mail. Pure."""

from collections.abc import Mapping
from dataclasses import replace

from service.decision.candidate import ordered
from service.decision.decision import AUTOMATIC, Question, Switchover
from service.decision.gate import gates
from service.decision.health import health_of
from service.decision.moves import STANDBY_ORDER
from service.decision.override import drained
from service.decision.passage import passed
from service.decision.route import ANY_RECEIVER, Lane
from service.decision.severity import Severity
from service.decision.standing import Standing, Status


def standby_order(question: Question, lane: Lane, standings: Mapping[str, Standing]) -> Switchover | None:
    """Return the reordering of a lane's standbys, when what follows the active provider would not carry mail.

    The active provider stays, so it is no move: neither hold-down nor brake count it. Standbys that merely
    got worse, or that work again, wait for the next move; only one that refuses everything in front of one that
    works, refuses our account, or is missing though it works, is worth touching Postfix for.
    """
    state, policy, now = question.state, question.policy, question.now
    wanted = ordered(lane.active, standings, policy, drained(state.context.overrides, now))
    standbys, better = lane.providers[1:], wanted[1:]
    wrong = [n for n in standbys if n not in better]
    wrong += [n for n in better if n not in standbys and standings[n].status is Status.HEALTHY]
    refusing = [n for n in standbys if n in better and standings[n].hard and standings[n].severity is Severity.REFUSING]
    working = [n for n in standbys if n in better and standings[n].status is Status.HEALTHY]
    wrong += [n for n in refusing if any(standbys.index(n) < standbys.index(w) for w in working)]
    if not wrong or gates(state, policy, now, receiver=lane.receiver):
        return None
    whose = "" if lane.receiver == ANY_RECEIVER else f" for mail to {lane.receiver}"
    reason = (
        f"{lane.active} stays first{whose}; the order behind it changes for {', '.join(dict.fromkeys(wrong))}: "
    ) + " ".join(
        health_of(n, ANY_RECEIVER, state, policy, now).reason if n in standings else f"{n} is not configured any more."
        for n in dict.fromkeys(wrong)
    )
    kept = tuple(share for share in lane.shares if share.provider in better)
    route = question.current.with_lane(replace(lane, providers=wanted, shares=kept))
    move = Switchover(route=route, reason=reason, rule=STANDBY_ORDER, trigger=AUTOMATIC, receiver=lane.receiver)
    through = passed(move, (), question, None, alert=False)
    return through if isinstance(through, Switchover) else None
