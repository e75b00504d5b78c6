"""The one sentence on top of `status`: where mail goes, whether that is well, and what a person must do. Pure."""

from collections.abc import Mapping

from service.cycle import Verdict
from service.decision.health import Health, Status
from service.decision.route import Route

# The active provider gives no cause: its numbers stand in the table, and `_other` tells whose account waits.
_QUIET = ("healthy", "unknown", "account-fault")


def headline(verdict: Verdict, route: Route | None, healths: Mapping[str, Health], problem: str | None) -> str:
    """Return the sentence; `problem` is what keeps the route from being read or changed, if anything."""
    if problem is not None:
        return problem if verdict.kind in ("stay", "alert") else verdict.sentence
    if route is None or verdict.kind != "stay":
        return verdict.sentence
    apart = [f"Mail to {lane.receiver} goes through {lane.active}." for lane in route.lanes[1:]]
    if verdict.rule not in _QUIET:
        return " ".join([verdict.sentence, *apart])
    active = healths.get(route.active)
    how = "has not been measured yet"
    if active is not None and active.status is not Status.UNKNOWN:
        how = "works" if active.status is Status.HEALTHY else f"is {active.status}"
    first = f"Mail goes through {route.active}, which {how}."
    return " ".join(
        [
            first,
            *apart,
            *(_other(name, health, route) for name, health in healths.items() if _worth(name, health, route)),
        ]
    )


def _worth(name: str, health: Health, route: Route) -> bool:
    ill = health.status in (Status.DEGRADED, Status.RECOVERING)
    return name != route.active and (ill or health.needs_ack or name not in route.providers)


def _other(name: str, health: Health, route: Route) -> str:
    if health.needs_ack:
        where = "is out of the route" if name not in route.providers else "stays behind"
        return f"{name} {where} after an account fault: settle it with the provider, then `relaypilot ack {name}`."
    if health.status is Status.RECOVERING:
        return f"{name} is recovering."
    if health.status is Status.DEGRADED:
        return f"{name} is degraded ({health.severity})."
    return f"{name} is out of the route."
