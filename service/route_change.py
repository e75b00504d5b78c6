"""One change of the route, as a replay or a record has it, and as the fact that tells of it. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime

from probes.observation import Notice, NoticeKind
from service.decision.moves import NO_MOVES, STANDBY_ORDER
from service.decision.route import ANY_RECEIVER, Lane, Route
from service.decision.route_text import route_detail, route_of_detail


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteChange:
    """One change of the route, made, would-be or on record: of one receiver's mail, or of all ("*").

    With the same provider on both sides it is no move: the standbys changed places, or the shares.
    """

    at: datetime
    left: str
    route: Route
    receiver: str
    reason: str
    rule: str
    trigger: str
    enforced: bool

    @property
    def lane(self) -> Lane:
        """Return the lane that the mail takes from now on."""
        return self.route.lane(self.receiver)

    @property
    def active(self) -> str:
        """Return the provider that is tried first from now on."""
        return self.lane.active

    @property
    def moves(self) -> bool:
        """Return whether another provider is tried first."""
        return self.left != self.active

    @property
    def shares(self) -> bool:
        """Return whether only the shares changed."""
        return not self.moves and self.rule in NO_MOVES - {STANDBY_ORDER}


def recorded_change(notice: Notice) -> RouteChange | None:
    """Return the change of the route that a switchover on record made, or would have made when only observing.

    `left` is empty where the record does not say. None when it failed, or names no route.
    """
    detail = notice.detail
    route = route_of_detail(detail.get("route", ""), detail.get("lanes", ""))
    if route is None or detail.get("outcome") not in ("applied", "observed"):
        return None
    return RouteChange(
        at=notice.at,
        left=detail.get("from", ""),
        route=route,
        receiver=detail.get("receiver") or ANY_RECEIVER,
        reason=detail.get("reason", ""),
        rule=detail.get("rule", ""),
        trigger=detail.get("trigger", "automatic"),
        enforced=detail.get("outcome") == "applied",
    )


def notice_of(change: RouteChange) -> Notice:
    """Return the fact by which the core learns that this change was made."""
    return Notice(
        at=change.at,
        kind=NoticeKind.SWITCHOVER,
        detail={
            "outcome": "applied",
            "trigger": change.trigger,
            **route_detail(change.route),
            **({} if change.receiver == ANY_RECEIVER else {"receiver": change.receiver}),
            "from": change.left,
            "reason": change.reason,
            "rule": change.rule,
            "enforced": "yes",
        },
    )


def among(route: Route, known: frozenset[str]) -> Route | None:
    """Return the route without providers that the policy does not name; none when nobody is left for all mail."""
    lanes = [
        replace(
            lane,
            providers=tuple(name for name in lane.providers if name in known),
            shares=tuple(share for share in lane.shares if share.provider in known),
        )
        for lane in route.lanes
    ]
    left = tuple(lane for lane in lanes if lane.providers)
    return Route(lanes=left) if left and left[0].receiver == ANY_RECEIVER else None
