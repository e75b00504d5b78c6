"""What can be read: state, comparison, plan, reasons, journal, recorded facts."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import AwareDatetime

from service.api.desk_of import DeskHere
from service.duration import parse_duration
from service.views import (
    CompareView,
    ExplainView,
    HistoryEntryView,
    OverrideView,
    PlanView,
    ProviderView,
    RouteView,
    StatusView,
)

router = APIRouter()
_LONGEST = 10_000


@router.get("/status", summary="The present state", tags=["state"])
async def status(desk: DeskHere) -> StatusView:
    """Return route, health per provider and receiver, overrides, problems, last events."""
    return await desk.status()


@router.get("/providers", summary="The configured providers", tags=["state"])
async def providers(desk: DeskHere) -> tuple[ProviderView, ...]:
    """Return each provider in order of preference, with its place in the route and its health."""
    return (await desk.status()).providers


@router.get("/route", summary="The route", tags=["state"])
async def route(desk: DeskHere) -> RouteView:
    """Return the route that Postfix reports, beside the one that relaypilot assigned."""
    return (await desk.status()).route


@router.get("/overrides", summary="Overrides in force", tags=["state"])
async def overrides(desk: DeskHere) -> tuple[OverrideView, ...]:
    """Return every pause, pin and drain, with its owner, reason and expiry."""
    return (await desk.status()).overrides


@router.get("/explain", summary="Why mail stays or moved", tags=["state"])
async def explain(desk: DeskHere) -> ExplainView:
    """Return why it is not moving, or why it moved, and what would change that."""
    return await desk.explain()


@router.get("/compare", summary="The providers side by side", tags=["records"])
async def compare(
    desk: DeskHere,
    window: Annotated[str, Query(description='How far back: "90s", "5m", "1h30m", "7d".')] = "7d",
    receiver: Annotated[str | None, Query(description="Only this receiver.")] = None,
) -> CompareView:
    """Return acceptance, placement and latency of each provider at each receiver, as k of n."""
    try:
        seconds = parse_duration(window).total_seconds()
        if seconds <= 0:
            raise ValueError("must be longer than nothing")  # noqa: TRY301
    except (ValueError, OverflowError) as error:
        raise RequestValidationError([{"loc": ("query", "window"), "msg": str(error), "type": "duration"}]) from error
    return await desk.compare(seconds, receiver)


@router.get("/plan", summary="What a failover would change", tags=["route"])
async def plan(
    desk: DeskHere,
    to: Annotated[str, Query(description="The provider to move to.")],
    receiver: Annotated[str | None, Query(description="Only mail to this receiver.")] = None,
) -> PlanView:
    """Return the exact diff of Postfix's configuration and the safety rules that stand against it; changes nothing."""
    return await desk.plan(to, receiver)


@router.get("/history", summary="The journal", tags=["records"])
async def history(
    desk: DeskHere, limit: Annotated[int, Query(ge=1, le=_LONGEST, description="At most so many.")] = 50
) -> tuple[HistoryEntryView, ...]:
    """Return moves, detections and blocked moves, newest first."""
    return await desk.history(limit)


@router.get(
    "/observations",
    summary="Recorded facts",
    tags=["records"],
    response_class=Response,
    responses={
        200: {
            "description": "JSON lines, one fact each, in recording order; Relaypilot-Last-Seq is the next `after`.",
            "content": {"application/jsonl": {"schema": {"type": "string"}}},
            "headers": {
                "Relaypilot-Last-Seq": {
                    "description": "Number of the last fact in this answer.",
                    "schema": {"type": "integer"},
                }
            },
        }
    },
)
async def observations(
    desk: DeskHere,
    after: Annotated[int, Query(ge=0, description="Only facts recorded after this number.")] = 0,
    limit: Annotated[int, Query(ge=1, le=_LONGEST, description="At most so many.")] = 1000,
    since: Annotated[AwareDatetime | None, Query(description="Only facts of this time or later (RFC 3339).")] = None,
) -> Response:
    """Return facts as JSON lines, in recording order, in the format of observation files."""
    facts = await desk.observations(after, limit, since)
    last_seq = facts[-1][0] if facts else after
    return Response(
        "".join(f"{line}\n" for _, line in facts),
        media_type="application/jsonl",
        headers={"Relaypilot-Last-Seq": str(last_seq)},
    )
