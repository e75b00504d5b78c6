"""A provider's HTTP API: its port, TLS, routes, and the faults that are the same whoever the provider is."""

import asyncio
import base64
import re
import ssl
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from deploy.sandbox.fault import Fault, Scope
from deploy.sandbox.http_message import BadRequestError, Request, Response, text_response
from deploy.sandbox.http_wire import read_request, write_response
from deploy.sandbox.listener import Listener
from deploy.sandbox.relay import RelaySimulator

# In this order: the account first, then what is the matter with the service.
SEND_FAULTS = ("suspended", "quota", "tempfail", "partial", "ratelimit")
_KEPT = 500  # calls that can be looked at afterwards
_KEPT_BYTES = 2**18


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request that has found its route."""

    request: Request
    fields: Mapping[str, str]  # of the path
    scope: Scope  # which faults with a share strike it


Handler = Callable[[Call], Response]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One path and method."""

    method: str
    path: re.Pattern[str]
    handler: Handler
    sends: bool = False


def route(method: str, path: str, handler: Handler, *, sends: bool = False) -> Route:
    """Return the route of a path spelled as in OpenAPI: /v3/{domain}/events."""
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path))
    return Route(method=method, path=re.compile(pattern), handler=handler, sends=sends)


class ProviderApi:
    """Answers on one port; what is a provider's own stands in its subclass."""

    def __init__(self, relay: RelaySimulator, port: int, contexts: Mapping[str, ssl.SSLContext]) -> None:
        self.relay = relay
        self.port = port
        self.listener = Listener(self._session, port)
        self.routes: Sequence[Route] = ()
        self.seen: deque[dict[str, object]] = deque(maxlen=_KEPT)
        self._contexts = contexts
        self._calls: deque[float] = deque()
        relay.doors.append(self.listener)

    def unauthorised(self, request: Request, *, sends: bool) -> Response | None:
        """Return the refusal of a request without the right key."""
        raise NotImplementedError

    def refusal(self, fault: Fault, request: Request) -> Response:
        """Return what this provider answers while a fault holds."""
        raise NotImplementedError

    def unknown(self, request: Request, *, path_known: bool) -> Response:
        """Return the answer to a path, or a method, that does not exist."""
        raise NotImplementedError

    def malformed(self, reason: str) -> Response:
        """Return the answer to what cannot be understood."""
        raise NotImplementedError

    def extra_headers(self) -> Mapping[str, str]:
        """Return headers that every answer carries."""
        return {}

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        strikes = Scope(self.relay.faults)  # for faults whose share is drawn per connection
        if strikes("down"):
            writer.transport.abort()
            return
        while strikes("blackhole"):
            await asyncio.sleep(0.1)
        if strikes("tls_stripped"):
            await write_response(writer, text_response(400, "This port speaks plain HTTP\n"))
            return
        context = self._contexts["expired" if strikes("tls_expired") else "good"]
        await writer.start_tls(context, ssl_handshake_timeout=20)
        while request := await self._next(reader, writer):
            scope = Scope(self.relay.faults)
            if tarpit := scope("tarpit"):
                await asyncio.sleep(float(tarpit.value or 0))
            try:
                response = await self._answer(request, scope, reader)
            except BadRequestError as error:
                response = self.malformed(str(error))
            await self.listener.flowing.wait()
            self._see(request, response)
            await write_response(writer, self._finished(response), head_only=request.method == "HEAD")
            if request.headers.get("connection", "").lower() == "close":
                return

    async def _next(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request | None:
        """Return the next request; None when the client has left or does not speak HTTP."""
        try:
            return await read_request(reader)
        except BadRequestError as error:
            refused = self.malformed(str(error))
            headers = {**refused.headers, "Connection": "close"}
            await write_response(writer, Response(status=refused.status, body=refused.body, headers=headers))
            return None

    def _see(self, request: Request, response: Response) -> None:
        """Keep what was asked, without its key, and what was answered."""
        self.seen.append(
            {
                "at": time.time(),
                "method": request.method,
                "target": request.target,
                "headers": {name: value for name, value in request.headers.items() if name != "authorization"},
                "body": base64.b64encode(request.body[:_KEPT_BYTES]).decode(),
                "status": response.status,
            }
        )

    def _finished(self, response: Response) -> Response:
        headers = {"Server": "nginx", **self.extra_headers(), **response.headers}
        return Response(status=response.status, body=response.body, headers=headers)

    async def _answer(self, request: Request, scope: Scope, reader: asyncio.StreamReader) -> Response:
        for name in ("greet421", "api_down"):
            if scope(name):
                return text_response(503, "upstream connect error or disconnect/reset before headers\n")
        there = [(r, m) for r in self.routes if (m := r.path.fullmatch(request.path))]
        chosen = next(((r, m) for r, m in there if r.method == request.method), None)
        if chosen is None:
            return self.unknown(request, path_known=bool(there))
        found, match = chosen
        limit = scope("api_ratelimit")
        if limit and self.calls_this_minute(count=True) > float(limit.value or 0):
            return self.refusal(limit, request)
        for name in ("auth535", "wrong_region"):
            if fault := scope(name):
                return self.refusal(fault, request)
        refused = self.unauthorised(request, sends=found.sends)
        if refused:
            return refused
        if limited := scope("key_limited"):
            return self.refusal(limited, request)
        if found.sends:
            await self._hang(scope, reader)
            for name in SEND_FAULTS:
                fault = scope(name)
                if fault and not (name == "ratelimit" and not self.relay.over_rate(float(fault.value or 0))):
                    return self.refusal(fault, request)
        try:
            return found.handler(Call(request=request, fields=match.groupdict(), scope=scope))
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise BadRequestError("a value is of the wrong type") from error

    def calls_this_minute(self, *, count: bool = False) -> int:
        """Return how many calls the last minute has seen, with this one if `count`."""
        now = time.monotonic()
        while self._calls and self._calls[0] < now - 60:
            self._calls.popleft()
        if count:
            self._calls.append(now)
        return len(self._calls)

    async def _hang(self, scope: Scope, reader: asyncio.StreamReader) -> None:
        """Keep the client of a send waiting; without a time, a client that leaves takes its message along."""
        begun = time.monotonic()
        while fault := scope("hang_data"):
            if fault.value is not None and time.monotonic() - begun >= float(fault.value):
                return
            await asyncio.sleep(0.02)
            if fault.value is None and reader.at_eof():
                raise EOFError

    def sender_refusal(self, call: Call, sender: str) -> Response | None:
        """Return the refusal of a sender that is not verified, while that fault holds."""
        fault = call.scope("sender_unverified")
        if fault and (fault.value is None or sender.lower().endswith(str(fault.value).lower())):
            return self.refusal(fault, call.request)
        return None
