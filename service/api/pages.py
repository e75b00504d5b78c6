"""The static pages, and what monitors ask: the dashboard, the API's description, alive, ready."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from importlib.resources import files

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from service.api.desk_of import DeskHere
from service.api.problem import problem
from service.api.problem_response import answer

router = APIRouter()

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",  # a page of yesterday's version must not meet today's API
}
PAGES = {  # hold no data, so they need no token
    "/": ("index.html", "text/html"),
    "/docs": ("docs.html", "text/html"),
    "/dashboard.css": ("dashboard.css", "text/css"),
    "/dashboard.js": ("dashboard.js", "text/javascript"),
    "/compare.js": ("compare.js", "text/javascript"),
    "/dom.js": ("dom.js", "text/javascript"),
    "/docs.js": ("docs.js", "text/javascript"),
    "/api.js": ("api.js", "text/javascript"),
}


def _page(name: str, media_type: str) -> Callable[[], Awaitable[Response]]:
    async def page() -> Response:
        return Response((files("service.dashboard") / name).read_bytes(), media_type=media_type, headers=_HEADERS)

    return page


for _path, (_name, _media_type) in PAGES.items():
    router.add_api_route(_path, _page(_name, _media_type), include_in_schema=False)


@router.get("/healthz", summary="Alive", tags=["monitoring"])
async def healthz() -> JSONResponse:
    """Say that the process answers; needs no token."""
    return JSONResponse({"status": "ok"})


@router.get("/readyz", summary="Ready", tags=["monitoring"])
async def readyz(desk: DeskHere) -> Response:
    """Say whether cycles complete; 503 with the reason when they do not."""
    reason = desk.ready()
    if reason is not None:
        return answer(problem("not-ready", HTTPStatus.SERVICE_UNAVAILABLE, reason))
    return JSONResponse({"status": "ready"})
