"""What can be asked for: a failover, an override, a round of probes; and the stream of events."""

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from service.api.desk_of import DeskHere
from service.api.streams import progress_lines, server_sent
from service.views import (
    EventView,
    FailoverRequest,
    MoveView,
    OverrideRequest,
    OverrideView,
    ProbeProgressView,
    ProbeRequest,
)

router = APIRouter()
_NO_STORE = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # nginx would hold the stream back


@router.post("/failover", summary="Move now", tags=["route"])
async def failover(desk: DeskHere, request: FailoverRequest) -> MoveView:
    """Move the route to a provider and pin it there; answers when Postfix has the new route, or as it was."""
    return await desk.failover(request)


@router.post("/overrides", summary="Give an order to automation, or end one", tags=["state"])
async def override(desk: DeskHere, request: OverrideRequest) -> tuple[OverrideView, ...]:
    """Carry out one order and return the overrides now in force.

    pause: move nothing automatically; resume ends it. pin: keep the route with this provider first; unpin ends it.
    drain: send this provider no mail while another one works; undrain ends it. ack: acknowledge a provider's account
    fault, or without a provider release the brake and acknowledge all. Measuring goes on, manual moves stay possible.
    """
    return await desk.override(request)


@router.post(
    "/probes",
    summary="One round now",
    tags=["records"],
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "JSON lines, one observation each, as they become known. "
            "A round that fails halfway ends with a problem document as its last line.",
            "content": {"application/x-ndjson": {"schema": {"$ref": "#/components/schemas/ProbeProgressView"}}},
        }
    },
)
async def probes(desk: DeskHere, request: ProbeRequest) -> StreamingResponse:
    """Send one round of probes and report each observation when it becomes known."""
    progress = desk.probe(request)
    # The first observation is awaited here so that a refusal is an HTTP status, not a line of the stream.
    first: ProbeProgressView | None = await anext(progress, None)
    return StreamingResponse(progress_lines(first, progress), media_type="application/x-ndjson", headers=_NO_STORE)


@router.get(
    "/stream",
    summary="Events as they happen",
    tags=["state"],
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events; the data of each is one event in JSON.",
            "content": {"text/event-stream": {"schema": {"$ref": "#/components/schemas/EventView"}}},
        }
    },
)
async def stream(desk: DeskHere, request: Request) -> StreamingResponse:
    """Send events from now on, each with its sentence; a comment keeps an idle connection open."""
    events = server_sent(desk.events(), request.app.state.stopping, request.app.state.keep_alive_seconds)
    return StreamingResponse(events, media_type="text/event-stream", headers=_NO_STORE)


STREAMED_MODELS = (EventView, ProbeProgressView)
