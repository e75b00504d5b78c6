"""Canary messages for a route of several lanes: one for each lane that a move changes, as far as seeds reach."""

from dataclasses import replace

from providers.base import Clock
from service.decision.route import ANY_RECEIVER, Lane, Route
from service.postfix.canary import CanaryResult, send_canary
from service.postfix.installation import Installation
from service.postfix.lane_maps import DOMAINS, LANES, key_of, receiver_lanes
from service.postfix.nexthop import split_nexthops
from service.postfix.rendering import Rendering
from service.postfix.table_rows import kind_of, table_rows


def send_canaries(
    installation: Installation, wanted: Rendering, before: Route | None, route: Route, request_id: str, clock: Clock
) -> CanaryResult:
    """Send one message through each lane that differs from the route before; through all of them when none does.

    A lane that stays as it was is left alone, so that its provider's trouble does not undo another lane's move.
    Verified means: every such lane that a seed belongs to was taken, and there was one. All share one wait.

    Raises:
        CanaryFailedError: a lane does not carry mail as it should.
    """
    lanes = (route.lanes[0], *receiver_lanes(route))
    changed = [lane for lane in lanes if before is None or lane not in before.lanes] or list(lanes)
    if len(lanes) == 1:
        return _send(installation, wanted, lanes[0], request_id, clock)
    owner = _rows(wanted, DOMAINS)
    give_up_at = clock.monotonic() + installation.canary_wait_seconds
    results, told = [], []
    for lane in changed:
        seeds = tuple(
            address
            for address in installation.canary_recipients
            if owner.get(address.rpartition("@")[2].lower(), ANY_RECEIVER) == lane.receiver
        )
        name = "all other mail" if lane.receiver == ANY_RECEIVER else lane.receiver
        if installation.canary_recipients and not seeds:
            told.append(f"{name}: no seed receives such mail, so no canary message was sent.")
            continue
        at = replace(
            installation,
            canary_recipients=seeds,
            canary_wait_seconds=max(give_up_at - clock.monotonic(), 0.5),
        )
        result = _send(at, wanted, lane, f"{request_id}-{lane.receiver.replace(ANY_RECEIVER, 'any')}", clock)
        results.append(result)
        told.append(f"{name}: {result.sentence}")
    verified = bool(results) and all(result.verified for result in results)
    return CanaryResult(verified=verified, sentence=" ".join(told))


def _send(installation: Installation, wanted: Rendering, lane: Lane, request_id: str, clock: Clock) -> CanaryResult:
    nexthops = lane_nexthops(wanted, lane)
    return send_canary(installation, lane.providers[0], nexthops, request_id, clock)


def lane_nexthops(wanted: Rendering, lane: Lane) -> tuple[str, ...]:
    """Return the nexthops of a lane's first choice, as written."""
    if lane.receiver == ANY_RECEIVER:
        _, colon, nexthops = wanted.settings["default_transport"].partition(":")
        return split_nexthops(nexthops if colon else wanted.settings["relayhost"])
    return split_nexthops(_rows(wanted, LANES)[key_of(lane, lane.providers[0])].partition(":")[2])


def _rows(wanted: Rendering, kind: str) -> dict[str, str]:
    texts = [file.text for path, file in wanted.files.items() if kind_of(path) == kind]
    return table_rows("".join(texts))
