"""One SMTP session with a relay, stage by stage: who answered what, and how long it took.

aiosmtplib's `SMTP` joins stages that must be told apart here (DNS, connect, TLS and banner; DATA and its
end), verifies the certificate against the name it connects to, and tries one login method after the other.
So this drives its wire protocol, `SMTPProtocol`, directly.

Every method may raise `SessionError`, `OSError` or `aiosmtplib.SMTPException`; `smtp_channel` turns all
three into a `Submission`.
"""

import asyncio
import base64
import ipaddress
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from aiosmtplib.errors import SMTPException, SMTPResponseException
from aiosmtplib.esmtp import parse_esmtp_extensions
from aiosmtplib.protocol import SMTPProtocol

from providers.base import Clock, RelayEndpoint, TlsMode, TlsSession
from providers.errors import ForbiddenError, RefusedError
from providers.failure import Category, Failure, Stage
from providers.reply import Reply, ReplyClass, make_reply
from providers.smtp_connect import connect, resolve
from providers.tls import describe_session

_READY = 220
_LOGGED_IN = 235
_GO_ON_LOGIN = 334
_SEND_MESSAGE = 354
_GARBAGE_CODE = 599  # never leaves this module: makes garbage fit to be shown
_MAX_EHLO_LINES = 50
_MAX_EHLO_CHARACTERS = 200
_QUIT_SECONDS = 1.0
_LINE_END = re.compile(rb"\r\n|\r|\n")
_LEADING_DOT = re.compile(rb"(?m)^\.")
_NOT_IN_A_PATH = re.compile(r"[\x00-\x20\x7f<>\ud800-\udfff]")


class SmtpSession:
    """A session that remembers its stages. Use the methods in the order in which they stand here, once each."""

    def __init__(
        self,
        endpoint: RelayEndpoint,
        *,
        clock: Clock,
        stage_timeout_seconds: float,
        total_timeout_seconds: float,
        tls_context: Callable[[], ssl.SSLContext],
        helo_name: str | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._stage_timeout_seconds = stage_timeout_seconds
        self._deadline = clock.monotonic() + total_timeout_seconds
        self._tls_context = tls_context
        self._helo_name = helo_name
        self._protocol: SMTPProtocol | None = None
        self._extensions: dict[str, str] = {}
        self._mechanisms: list[str] = []
        self.stage = Stage.DNS
        self.stage_seconds: dict[Stage, float] = {}
        self.tls: TlsSession | None = None
        self.ehlo: tuple[str, ...] = ()

    async def open(self) -> None:
        """Connect, read the banner, say EHLO, encrypt and log in as the endpoint says."""
        await self._connect()
        async with self._stage(Stage.BANNER):
            self._expect(await self._read(), _READY)
        await self._say_ehlo()
        if self._endpoint.tls is TlsMode.STARTTLS:
            await self._start_tls()
            await self._say_ehlo()  # what was offered in clear no longer counts (RFC 3207 §4.2)
        if self._endpoint.username is not None:
            await self._log_in(self._endpoint.username, self._endpoint.password or "")

    async def mail(
        self, sender: str, *, size_bytes: int | None = None, max_bytes: int | None = None, eight_bit: bool = False
    ) -> None:
        """Name the envelope sender; `size_bytes` declares a message of that size (RFC 1870).

        `max_bytes` is the provider's documented limit, where it is below what the relay offers.
        """
        async with self._stage(Stage.MAIL):
            path = self._path(sender)
            options: list[bytes] = []
            if size_bytes is not None:
                limit = self._size_limit(max_bytes)
                if limit is not None and limit < size_bytes:
                    raise self._forbidden(
                        Category.SIZE, "size-limit", f"the message has {size_bytes} bytes, the relay takes {limit}"
                    )
                if "size" in self._extensions:
                    options.append(b"SIZE=%d" % size_bytes)
            if eight_bit:
                if "8bitmime" not in self._extensions:
                    raise self._forbidden(
                        Category.CONTENT, "8bitmime-not-offered", "the message is 8-bit and the relay takes 7-bit only"
                    )
                options.append(b"BODY=8BITMIME")
            if not sender.isascii():
                if "smtputf8" not in self._extensions:
                    raise self._forbidden(Category.SENDER, "smtputf8-not-offered", "the sender's address is not ASCII")
                options.append(b"SMTPUTF8")
            self._expect(await self._command(b"MAIL", b"FROM:" + path, *options))

    async def rcpt(self, recipient: str) -> Reply:
        """Name the one recipient; return the relay's consent."""
        async with self._stage(Stage.RCPT):
            path = self._path(recipient)
            if not recipient.isascii() and "smtputf8" not in self._extensions:
                raise self._forbidden(Category.RECIPIENT, "smtputf8-not-offered", "the address is not ASCII")
            return self._expect(await self._command(b"RCPT", b"TO:" + path))

    async def data(self, content: bytes) -> Reply:
        """Hand over the message; return the reply by which the relay takes responsibility (RFC 5321 §6.1)."""
        async with self._stage(Stage.DATA):
            self._expect(await self._command(b"DATA"), _SEND_MESSAGE)
        async with self._stage(Stage.END_OF_DATA):
            lines = _LINE_END.sub(b"\r\n", content)
            ended = lines if lines.endswith(b"\r\n") else lines + b"\r\n"
            self._wire.write(_LEADING_DOT.sub(b"..", ended) + b".\r\n")
            return self._expect(await self._read())

    async def leave(self) -> None:
        """Say QUIT, wait a second at most for the answer, and close; failures mean nothing any more."""
        with suppress(OSError, SMTPException):
            async with asyncio.timeout(min(_QUIT_SECONDS, self._stage_timeout_seconds)):
                await self._wire.execute_command(b"QUIT")
        self.abort()

    async def reset(self) -> None:
        """Forget sender and recipient at the relay; failures mean nothing any more."""
        with suppress(OSError, SMTPException):
            async with asyncio.timeout(min(_QUIT_SECONDS, self._stage_timeout_seconds)):
                await self._wire.execute_command(b"RSET")

    def abort(self) -> None:
        """Close at once. May be called at any time, any number of times."""
        transport = self._protocol.transport if self._protocol else None
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()

    # ------------------------------------------------------------------ stages of `open`

    async def _connect(self) -> None:
        endpoint = self._endpoint
        loop = asyncio.get_running_loop()
        async with self._stage(Stage.DNS):
            addresses = await resolve(endpoint.host, endpoint.port)
        if endpoint.tls is TlsMode.NONE and not all(address.is_loopback for address in addresses):
            raise self._forbidden(
                Category.CONFIG, "plain-text-not-loopback", 'tls = "none" is for this machine only; use "starttls"'
            )
        async with self._stage(Stage.CONNECT):
            connection = await connect(addresses, clock=self._clock, limit_seconds=self._limit_seconds())
            if endpoint.tls is not TlsMode.IMPLICIT:
                _, self._protocol = await loop.create_connection(SMTPProtocol, sock=connection)
                return
        async with self._stage(Stage.TLS):
            try:
                _, self._protocol = await loop.create_connection(
                    SMTPProtocol,
                    sock=connection,
                    ssl=self._context(),
                    server_hostname=endpoint.server_name,
                    ssl_handshake_timeout=self._stage_timeout_seconds + 1,
                )
            except BaseException:
                connection.close()
                raise
            self.tls = describe_session(self._transport.get_extra_info("ssl_object"))

    async def _say_ehlo(self) -> None:
        async with self._stage(Stage.EHLO):
            reply = await self._raw_command(b"EHLO", self._own_name())
            self._expect(self._reply(*reply))
            self._extensions, self._mechanisms = parse_esmtp_extensions(reply[1])
            lines = reply[1].split("\n")[1 : _MAX_EHLO_LINES + 1]
            self.ehlo = tuple(made.text[:_MAX_EHLO_CHARACTERS] for line in lines if (made := make_reply(250, line)))

    async def _start_tls(self) -> None:
        async with self._stage(Stage.TLS):
            if "starttls" not in self._extensions:
                raise self._forbidden(
                    Category.TLS, "starttls-not-offered", "the relay does not offer STARTTLS; nothing was sent in clear"
                )
            context = self._context()
            try:
                await self._wire.start_tls(
                    context,
                    server_hostname=self._endpoint.server_name,
                    timeout=self._stage_timeout_seconds + 1,
                )
            except SMTPResponseException as error:
                raise RefusedError(self._reply(error.code, error.message)) from error
            self.tls = describe_session(self._transport.get_extra_info("ssl_object"))

    async def _log_in(self, username: str, password: str) -> None:
        async with self._stage(Stage.AUTH):
            if self.tls is None:
                raise self._forbidden(Category.CONFIG, "login-in-clear", "no password is sent without TLS")
            if "plain" in self._mechanisms:
                token = _base64(f"\0{username}\0{password}")
                reply = await self._command(b"AUTH", b"PLAIN", token)
            elif "login" in self._mechanisms:
                for line in ((b"AUTH", b"LOGIN"), (_base64(username),)):
                    self._expect(await self._command(*line), _GO_ON_LOGIN)
                reply = await self._command(_base64(password))
            else:
                raise self._forbidden(
                    Category.AUTH, "login-not-offered", "the relay offers neither AUTH PLAIN nor AUTH LOGIN"
                )
            self._expect(reply, _LOGGED_IN)

    # ------------------------------------------------------------------ parts

    @property
    def _wire(self) -> SMTPProtocol:
        if self._protocol is None:
            raise ConnectionResetError("not connected")
        return self._protocol

    @property
    def _transport(self) -> asyncio.BaseTransport:
        if self._wire.transport is None:
            raise ConnectionResetError("connection lost")
        return self._wire.transport

    def _limit_seconds(self) -> float:
        return max(0.0, min(self._stage_timeout_seconds, self._deadline - self._clock.monotonic()))

    @asynccontextmanager
    async def _stage(self, stage: Stage) -> AsyncIterator[None]:
        self.stage = stage
        begun = self._clock.monotonic()
        try:
            async with asyncio.timeout(self._limit_seconds()):
                yield
        finally:
            spent = self._clock.monotonic() - begun
            self.stage_seconds[stage] = self.stage_seconds.get(stage, 0.0) + spent

    async def _read(self) -> Reply:
        try:
            code, message = await self._wire.read_response()
        except SMTPResponseException as error:
            code, message = error.code, error.message
        return self._reply(code, message)

    async def _raw_command(self, *words: bytes) -> tuple[int, str]:
        try:
            code, message = await self._wire.execute_command(*words)
        except SMTPResponseException as error:
            return error.code, error.message
        return code, message

    async def _command(self, *words: bytes) -> Reply:
        return self._reply(*await self._raw_command(*words))

    def _reply(self, code: int, message: str) -> Reply:
        reply = make_reply(code, message)
        if reply is None:
            seen = make_reply(_GARBAGE_CODE, message[:_MAX_EHLO_CHARACTERS])
            text = f"the relay's answer is not SMTP: {seen.text if seen else ''}"
            raise ForbiddenError(
                Failure(category=Category.PROVIDER, stage=self.stage, temporary=True, rule="garbage"), text
            )
        return reply

    def _size_limit(self, max_bytes: int | None) -> int | None:
        offered = self._extensions.get("size", "").strip()
        limits = [int(offered)] if re.fullmatch(r"[0-9]{1,15}", offered) and int(offered) else []  # 0: no limit known
        return min([*limits, *([max_bytes] if max_bytes else [])], default=None)

    @staticmethod
    def _expect(reply: Reply, code: int | None = None) -> Reply:
        if reply.code != code if code else reply.reply_class is not ReplyClass.POSITIVE:
            raise RefusedError(reply)
        return reply

    def _forbidden(self, category: Category, rule: str, text: str) -> ForbiddenError:
        return ForbiddenError(Failure(category=category, stage=self.stage, temporary=False, rule=rule), text)

    def _context(self) -> ssl.SSLContext:
        try:
            return self._tls_context()
        except OSError as error:
            raise self._forbidden(
                Category.CONFIG,
                "ca-file",
                f"ca_file {self._endpoint.ca_file} cannot be used: {error.strerror or error}",
            ) from error

    def _path(self, address: str) -> bytes:
        if _NOT_IN_A_PATH.search(address):
            raise self._forbidden(Category.PROTOCOL, "address", "the address has a blank, a bracket or a control code")
        return f"<{address}>".encode()

    def _own_name(self) -> bytes:
        if self._helo_name:
            return self._helo_name.encode("ascii")
        address = ipaddress.ip_address(self._transport.get_extra_info("sockname")[0].partition("%")[0])
        literal = address.compressed if address.version == 4 else f"IPv6:{address.compressed}"  # noqa: PLR2004
        return f"[{literal}]".encode()


def _base64(text: str) -> bytes:
    return base64.b64encode(text.encode())
