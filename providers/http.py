"""The HTTP call that adapters share: bounded in time and size, verified, never redirected, every failure classified."""

import asyncio
import base64
import ssl
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit

import httpx2

from providers.base import Clock, TlsSession
from providers.classify import classify_transport
from providers.errors import CallError
from providers.failure import Category, Failure, Stage
from providers.http_answer import HttpAnswer
from providers.http_url import check_base_url
from providers.redact import MAX_TEXT_CHARACTERS
from providers.reply import one_line
from providers.smtp_connect import resolve
from providers.tls import describe_session, make_context

MAX_ANSWER_BYTES = 4_000_000
_MASK = "[redacted]"
_STAGES = {  # the steps that httpcore2 traces
    "connection.connect_tcp.started": Stage.CONNECT,
    "connection.start_tls.started": Stage.TLS,
    "http11.send_request_headers.started": Stage.DATA,
    "http11.receive_response_headers.started": Stage.END_OF_DATA,
}
_CLOSED = ("disconnected", "closed connection", "incomplete")  # h11's words for an answer that ended too early

Files = Sequence[tuple[str, tuple[str, bytes, str]]]  # field, (file name, content, media type)


class HttpTransportError(CallError):
    """No HTTP answer came, or none that can be used; the failure says why."""

    def __init__(self, text: str, failure: Failure) -> None:
        super().__init__(text, failure)
        self.stage_seconds: Mapping[Stage, float] = {}
        self.tls: TlsSession | None = None


class _OwnRuleError(Exception):
    """Our own rules forbid to go on: the rule's name, the category, and what was seen."""

    def __init__(self, rule: str, category: Category, text: str) -> None:
        super().__init__(text)
        self.rule = rule
        self.category = category


class _Stages:
    """The step that a call has reached, and how long each took."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun = clock.monotonic()
        self.stage = Stage.DNS
        self.seconds: dict[Stage, float] = {}

    def enter(self, stage: Stage) -> None:
        now = self._clock.monotonic()
        self.seconds[self.stage] = self.seconds.get(self.stage, 0.0) + now - self._begun
        self.stage, self._begun = stage, now

    async def trace(self, event: str, _info: dict[str, Any]) -> None:
        if stage := _STAGES.get(event):
            self.enter(stage)


class HttpApi:
    """One provider's HTTP API. Each call has a connection of its own, so that none waits for another.

    `auth` is a pair for HTTP Basic, or the headers that carry the key. Every value in it is struck out of texts, and
    `secrets` with them.
    """

    def __init__(
        self,
        provider: str,
        base_url: str,
        auth: Mapping[str, str] | tuple[str, str],
        *,
        clock: Clock,
        stage_timeout_seconds: float,
        total_timeout_seconds: float,
        ca_file: str | None = None,
        secrets: Sequence[str] = (),
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.provider = provider
        self.base_url = check_base_url(base_url)
        self._clock = clock
        self._stage_timeout_seconds = stage_timeout_seconds
        self._total_timeout_seconds = total_timeout_seconds
        self._ca_file = ca_file
        self._transport = transport  # for tests of the shape of requests; None: the network
        if isinstance(auth, tuple):
            token = base64.b64encode(":".join(auth).encode()).decode()
            self._headers = {"authorization": f"Basic {token}"}
            hidden = [token, auth[1], *secrets]
        else:
            self._headers = dict(auth)
            hidden = [part for value in auth.values() for part in (value, value.rpartition(" ")[2])] + list(secrets)
        self._hidden = sorted({form for secret in hidden if secret for form in _forms(secret)}, key=len, reverse=True)

    def redact(self, text: str) -> str:
        """Return the text in one line without the key, plain, quoted or in base64, cut to 2 KB."""
        for secret in self._hidden:
            text = text.replace(secret, _MASK)
        return one_line(text)[:MAX_TEXT_CHARACTERS]

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: Sequence[tuple[str, str]] | None = None,
        json: Any = None,
        form: Sequence[tuple[str, str]] | None = None,
        files: Files | None = None,
        headers: Mapping[str, str] | None = None,
        deadline: float | None = None,
    ) -> HttpAnswer:
        """Return the answer to one request, whatever its status.

        `form` is sent urlencoded; with `files`, even none of them, as multipart/form-data. `deadline` is a time of the
        clock's `monotonic`; None: the total time-out from now.

        Raises:
            HttpTransportError: the name was not found, no connection, no TLS, no answer in time, an answer that is no
                HTTP, is too large or breaks off, or a `ca_file` that cannot be used.
        """
        begun = self._clock.monotonic()
        limit = self._total_timeout_seconds if deadline is None else deadline - begun
        limit = max(0.0, min(limit, self._total_timeout_seconds))
        stages = _Stages(self._clock)
        body: dict[str, Any] = {}
        if json is not None:
            body["json"] = json
        elif files is not None:
            body["files"] = [*((name, (None, value)) for name, value in form or ()), *files]
        elif form is not None:
            body["content"] = urlencode(list(form)).encode()
            body["headers"] = {"content-type": "application/x-www-form-urlencoded"}
        body["headers"] = {**body.get("headers", {}), **(headers or {}), **self._headers}
        tls: list[TlsSession] = []
        try:
            async with asyncio.timeout(limit), self._client(limit) as client:
                request = client.build_request(
                    method,
                    self.base_url + path,
                    params=list(params) if params else None,
                    extensions={"trace": stages.trace},
                    **body,
                )
                answer = await client.send(request, stream=True)
                try:
                    if negotiated := _ssl_object(answer):
                        tls.append(describe_session(negotiated))
                    content = await _read(answer)
                finally:
                    await answer.aclose()
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError, _OwnRuleError) as error:
            stages.enter(stages.stage)
            failed = self._failed(method, path, error, stages.stage)
            failed.stage_seconds, failed.tls = stages.seconds, tls[0] if tls else None
            raise failed from None  # the cause may hold the request, and with it the key
        stages.enter(stages.stage)
        return HttpAnswer(
            status=answer.status_code,
            headers={name.lower(): value for name, value in answer.headers.items()},
            body=content,
            stage_seconds=stages.seconds,
            tls=tls[0] if tls else None,
            duration_seconds=self._clock.monotonic() - begun,
        )

    @asynccontextmanager
    async def _client(self, limit: float) -> AsyncIterator[httpx2.AsyncClient]:
        parts = urlsplit(self.base_url)
        # httpcore2 looks the name up again, but cannot tell a slow resolver from a slow connection
        if self._transport is None:
            async with asyncio.timeout(self._stage_timeout_seconds):
                await resolve(parts.hostname or "", parts.port or 443)
        transport = self._transport or httpx2.AsyncHTTPTransport(verify=self._context(), trust_env=False)
        async with httpx2.AsyncClient(
            transport=transport,
            trust_env=False,
            follow_redirects=False,
            timeout=min(self._stage_timeout_seconds, limit) or self._stage_timeout_seconds,
            headers={"user-agent": "relaypilot", "accept-encoding": "gzip"},
        ) as client:
            yield client

    def _context(self) -> ssl.SSLContext:
        try:
            return make_context(self._ca_file, "http/1.1")
        except OSError as error:
            text = f"ca_file {self._ca_file} cannot be used: {error.strerror or error}"
            raise _OwnRuleError("ca-file", Category.CONFIG, text) from error

    def _failed(self, method: str, path: str, error: Exception, stage: Stage) -> HttpTransportError:
        failure, seen = _classify(error, stage)
        where = urlsplit(self.base_url).netloc
        return HttpTransportError(
            self.redact(f'asking provider "{self.provider}" ({method} {_shape(path)} at {where}): {seen}'), failure
        )


def _classify(error: Exception, stage: Stage) -> tuple[Failure, str]:
    """Return why no usable answer came, and what was seen."""
    if isinstance(error, _OwnRuleError):
        temporary = error.category is not Category.CONFIG
        return Failure(category=error.category, stage=stage, temporary=temporary, rule=error.rule), str(error)
    if isinstance(error, (httpx2.TimeoutException, TimeoutError)):
        return classify_transport(TimeoutError(), stage), f"no answer in time (at stage {stage})"
    if isinstance(error, httpx2.RemoteProtocolError) and not any(word in str(error) for word in _CLOSED):
        failure = Failure(category=Category.PROVIDER, stage=stage, temporary=True, rule="garbage")
        return failure, f"what came is no HTTP answer ({str(error)[:200]})"
    root = _root(error)
    if isinstance(error, (httpx2.NetworkError, httpx2.RemoteProtocolError)) and not isinstance(root, OSError):
        return classify_transport(
            ConnectionResetError(), stage
        ), "the connection was closed before the answer was whole"
    failure = classify_transport(root, stage)
    if isinstance(root, OSError) and root.errno is not None and not isinstance(root, ssl.SSLError):
        return failure, failure.rule.replace("-", " ")  # the system's own words would only say it again
    return failure, f"{failure.rule.replace('-', ' ')} ({root or type(root).__name__})"


def _forms(secret: str) -> tuple[str, ...]:
    return secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()


def _shape(path: str) -> str:
    """Return the path as an error may show it: without the address of a person."""
    return "/".join("ADDRESS" if "@" in part or "%40" in part else part for part in path.split("/"))


def _ssl_object(answer: httpx2.Response) -> ssl.SSLObject | None:
    stream = answer.extensions.get("network_stream")
    return None if stream is None else cast("ssl.SSLObject | None", stream.get_extra_info("ssl_object"))


def _garbage(text: str) -> _OwnRuleError:
    return _OwnRuleError("garbage", Category.PROVIDER, text)


async def _read(answer: httpx2.Response) -> bytes:
    """Return the whole body, decompressed, and never hold more than the limit."""
    coding = answer.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", "", "gzip", "x-gzip"):
        raise _garbage(f"the answer is compressed in a way not asked for ({coding[:40]})")
    unpack = zlib.decompressobj(wbits=31) if "gzip" in coding else None
    content = bytearray()
    async for chunk in answer.aiter_raw():
        if unpack is None:
            content += chunk
        else:
            try:
                content += unpack.decompress(chunk, MAX_ANSWER_BYTES + 1 - len(content))
            except zlib.error as error:
                raise _garbage("the compressed answer is damaged") from error
            if unpack.eof and len(content) <= MAX_ANSWER_BYTES:  # zlib keeps what follows, without limit
                break
        if len(content) > MAX_ANSWER_BYTES:
            text = f"the answer is larger than {MAX_ANSWER_BYTES} bytes"
            raise _OwnRuleError("answer-too-large", Category.PROVIDER, text)
    if unpack is not None and not unpack.eof and content:
        raise _garbage("the compressed answer breaks off")
    return bytes(content)


def _root(error: BaseException) -> Exception:
    """Return the first cause that the operating system or TLS gave; the error itself when there is none."""
    seen: BaseException | None = error
    for _ in range(12):
        if seen is None:
            break
        if isinstance(seen, BaseExceptionGroup):
            seen = seen.exceptions[-1]
            continue
        if isinstance(seen, OSError) and (seen.errno is not None or isinstance(seen, ssl.SSLError)):
            return seen
        seen = seen.__cause__ or seen.__context__
    return error if isinstance(error, Exception) else OSError(str(error))
