"""Refuses requests whose body is longer than anything the API takes."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.problem import problem
from service.api.problem_response import answer

LONGEST_BYTES = 64 * 1024  # the longest thing in a request is a reason


class ShortBodies:
    """Lets a request through when it says how long its body is, and that is short.

    The framework's own limit answers in plain text (FastAPI 0.165, 2026-11); here every error is a problem document.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 411 or 413."""
        refusal = _refusal(Headers(scope=scope)) if scope["type"] == "http" else None
        await (self._app if refusal is None else answer(refusal))(scope, receive, send)


def _refusal(headers: Headers) -> dict[str, object] | None:
    if "transfer-encoding" in headers:
        return problem("length-required", HTTPStatus.LENGTH_REQUIRED, "Send the body with its Content-Length.")
    length = int(headers.get("content-length", "0"))  # the server has checked that it is a number
    if length > LONGEST_BYTES:
        detail = f"The body has {length} bytes; the API takes at most {LONGEST_BYTES}."
        return problem("content-too-large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
    return None
