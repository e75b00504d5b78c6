"""One SMTP session with a relay, stage by stage: who answered what, and how long it took.

aiosmtplib's `SMTP` joins stages that must be told apart here (DNS, connect, TLS and banner; DATA and its
end), verifies the certificate against the name it connects to, and tries one login method after the other.
So this drives its wire protocol directly (`smtp_wire`).

Every method may raise `SessionError`, `OSError` or `aiosmtplib.SMTPException`; `smtp_channel` turns all
three into a `Submission`.
"""

import asyncio
import ipaddress
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from aiosmtplib.errors import SMTPException, SMTPResponseException
from aiosmtplib.esmtp import parse_esmtp_extensions
from aiosmtplib.response import SMTPResponse

from providers.base import Clock, RelayEndpoint, TlsMode, TlsSession
from providers.errors import CallError, ForbiddenError, RefusedError
from providers.failure import Category, Failure, Stage
from providers.reply import Reply, ReplyClass, make_reply
from providers.smtp_connect import SourceAddressError, connect, resolve
from providers.smtp_login import LoginMethod, LoginWire, SmtpLogin, log_in
from providers.smtp_mail import MessageNeed, mail_parameters
from providers.smtp_wire import SmtpWire
from providers.tls import ClientCertificateError, describe_session

_READY = 220
_LOGGED_IN = 235
_SEND_MESSAGE = 354
_GARBAGE_CODE = 599  # never leaves this module: makes garbage fit to be shown
_MAX_EHLO_LINES = 50
_MAX_EHLO_CHARACTERS = 200
_QUIT_SECONDS = 1.0
_LEADING_DOT = re.compile(rb"(?m)^\.")
_NOT_IN_A_PATH = re.compile(r"[\x00-\x20\x7f<>\ud800-\udfff]")


class SmtpSession:
    """A session that remembers its stages. Use `open`, `envelope` and `data` in this order, then `leave` or `renew`."""

    def __init__(
        self,
        endpoint: RelayEndpoint,
        *,
        clock: Clock,
        stage_timeout_seconds: float,
        deadline: float,
        tls_context: Callable[[], ssl.SSLContext],
        login: SmtpLogin | None = None,
        helo_name: str | None = None,
        source_address: str | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._login = login
        self._source_address = source_address
        self._clock = clock
        self._stage_timeout_seconds = stage_timeout_seconds
        self._deadline = deadline  # of the clock's `monotonic`
        self._tls_context = tls_context
        self._helo_name = helo_name
        self._protocol: SmtpWire | None = None
        self._extensions: dict[str, str] = {}
        self._mechanisms: list[str] = []
        self.stage = Stage.DNS
        self.stage_seconds: dict[Stage, float] = {}
        self.tls: TlsSession | None = None
        self.ehlo: tuple[str, ...] = ()
        self.secrets: list[str] = []  # what was sent to log in, to be struck out of every text
        self.messages = 0  # accepted over this connection

    async def open(self) -> None:
        """Connect, read the banner, say EHLO, encrypt and log in as the endpoint says."""
        await self._connect()
        async with self._stage(Stage.BANNER):
            self._expect(await self._read(), _READY)
        await self._say_ehlo()
        if self._endpoint.tls is TlsMode.STARTTLS:
            await self._start_tls()
            await self._say_ehlo()  # what was offered in clear no longer counts (RFC 3207 §4.2)
        if self._login is not None:
            await self._log_in(self._login)

    async def envelope(self, sender: str, recipient: str, need: MessageNeed | None = None) -> Reply:
        """Name envelope sender and recipient, in one go where the relay offers it; return its consent.

        `need` is of the message to be sent; None for a session check.
        """
        if "pipelining" not in self._extensions or self._is_unfit(recipient):
            await self.mail(sender, need, to_utf8=not recipient.isascii())
            return await self.rcpt(recipient)
        async with self._stage(Stage.MAIL):
            words = self._mail_words(sender, need, to_utf8=not recipient.isascii())
            self._wire.write_together(b" ".join(words), b"RCPT TO:" + self._path(recipient))
            self._expect(await self._read(self._wire.read_expected))
        async with self._stage(Stage.RCPT):
            return self._expect(await self._read(self._wire.read_expected))

    async def mail(self, sender: str, need: MessageNeed | None = None, *, to_utf8: bool = False) -> Reply:
        """Name the envelope sender; return the relay's consent."""
        async with self._stage(Stage.MAIL):
            return self._expect(await self._command(*self._mail_words(sender, need, to_utf8=to_utf8)))

    async def rcpt(self, recipient: str) -> Reply:
        """Name the one recipient; return the relay's consent."""
        async with self._stage(Stage.RCPT):
            path = self._path(recipient)
            if not recipient.isascii() and "smtputf8" not in self._extensions:
                raise self._forbidden(
                    Category.RECIPIENT, "smtputf8-not-offered", "the address is not ASCII, the relay takes no other"
                )
            return self._expect(await self._command(b"RCPT", b"TO:" + path))

    async def data(self, content: bytes) -> Reply:
        """Hand over the message, lines ended by CRLF; return the reply that takes responsibility (RFC 5321 §6.1)."""
        async with self._stage(Stage.DATA):
            self._expect(await self._command(b"DATA"), _SEND_MESSAGE)
        async with self._stage(Stage.END_OF_DATA):
            self._wire.write(_LEADING_DOT.sub(b"..", content) + b".\r\n")
            reply = self._expect(await self._read())
            self.messages += 1
            return reply

    async def renew(self, deadline: float) -> None:
        """Make an open session ready for another message, to be sent by `deadline`: RSET, stages counted anew.

        Raises:
            SessionError, OSError, SMTPException: the session is dead. Nothing of the next message was sent.
        """
        self._deadline = deadline
        self.stage_seconds = {}
        self.stage = Stage.MAIL
        async with asyncio.timeout(self._limit_seconds()):
            self._expect(await self._command(b"RSET"))

    async def leave(self) -> None:
        """Say QUIT, wait a second at most for the answer, and close; failures mean nothing any more."""
        with suppress(OSError, SMTPException):
            async with asyncio.timeout(min(_QUIT_SECONDS, self._stage_timeout_seconds)):
                while self._wire.expected:
                    await self._wire.read_expected()
                await self._wire.execute_command(b"QUIT")
        self.abort()

    async def reset(self) -> None:
        """Forget sender and recipient at the relay; failures mean nothing any more."""
        with suppress(OSError, SMTPException):
            async with asyncio.timeout(min(_QUIT_SECONDS, self._limit_seconds())):
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
            try:
                connection = await connect(
                    addresses,
                    clock=self._clock,
                    limit_seconds=self._limit_seconds(),
                    source_address=self._source_address,
                )
            except SourceAddressError as error:
                raise self._forbidden(Category.CONFIG, "source-address", str(error)) from error
            if endpoint.tls is not TlsMode.IMPLICIT:
                _, self._protocol = await loop.create_connection(SmtpWire, sock=connection)
                return
        async with self._stage(Stage.TLS):
            try:
                _, self._protocol = await loop.create_connection(
                    SmtpWire,
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

    async def _log_in(self, login: SmtpLogin) -> None:
        async with self._stage(Stage.AUTH):
            if self.tls is None:
                raise self._forbidden(Category.CONFIG, "login-in-clear", "no password is sent without TLS")
            method = login.choose(self._mechanisms)
            if method is None:
                raise self._forbidden(Category.AUTH, "login-not-offered", f"the relay does not offer {login.wanted()}")
            token = await self._token(login) if method is LoginMethod.XOAUTH2 else None
            reply = await log_in(
                LoginWire(command=self._command, keep_secret=self.secrets.append), login, method, token
            )
            if reply.code != _LOGGED_IN and token is not None and login.tokens is not None:
                login.tokens.forget(token)
            self._expect(reply, _LOGGED_IN)

    async def _token(self, login: SmtpLogin) -> str:
        if login.tokens is None:
            raise self._forbidden(Category.CONFIG, "oauth-missing", "no source of access tokens is configured")
        try:
            return await login.tokens.token(self._clock.monotonic() + self._limit_seconds())
        except CallError as error:
            failure = Failure(
                category=error.failure.category,
                stage=Stage.AUTH,
                temporary=error.failure.temporary,
                rule=error.failure.rule,
                retry_after_seconds=error.failure.retry_after_seconds,
            )
            raise ForbiddenError(failure, str(error)) from None

    # ------------------------------------------------------------------ parts

    @property
    def _wire(self) -> SmtpWire:
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

    async def _read(self, read: Callable[[], Awaitable[SMTPResponse]] | None = None) -> Reply:
        try:
            code, message = await (read or self._wire.read_response)()
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
        except ClientCertificateError as error:
            raise self._forbidden(Category.CONFIG, "client-certificate", str(error)) from error
        except OSError as error:
            raise self._forbidden(
                Category.CONFIG,
                "ca-file",
                f"ca_file {self._endpoint.ca_file} cannot be used: {error.strerror or error}",
            ) from error

    def _mail_words(self, sender: str, need: MessageNeed | None, *, to_utf8: bool) -> list[bytes]:
        path = self._path(sender)
        options = mail_parameters(self._extensions, utf8_sender=not sender.isascii(), to_utf8=to_utf8, need=need)
        return [b"MAIL", b"FROM:" + path, *options]

    def _is_unfit(self, recipient: str) -> bool:
        """Return whether this recipient must fail before it is sent, at its own stage."""
        return bool(_NOT_IN_A_PATH.search(recipient)) or (
            not recipient.isascii() and "smtputf8" not in self._extensions
        )

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
