"""The bearer token that every client over TCP must send (RFC 6750)."""

import hmac
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.pages import PAGES
from service.api.problem import problem
from service.api.problem_response import answer

# The pages hold nothing of ours: they ask for the token and send it with each call they make.
OPEN_PATHS = frozenset({"/healthz", *PAGES})


class BearerToken:
    """Lets a request through when it carries the token or asks for an open path.

    No cookie and no other ambient authority exists, so neither a foreign page in the user's browser (CSRF) nor a
    rebound host name can make a request that counts.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        if not token:
            raise ValueError("an empty token protects nothing")
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401."""
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS or self._carries_token(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        detail = "This needs the bearer token of [api] token: send it as Authorization: Bearer …"
        refusal = problem("unauthorised", HTTPStatus.UNAUTHORIZED, detail)
        await answer(refusal, {"WWW-Authenticate": 'Bearer realm="relaypilot"'})(scope, receive, send)

    def _carries_token(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self._token)
