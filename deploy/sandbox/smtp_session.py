"""One SMTP session on the relay's side: RFC 5321 with STARTTLS, AUTH and SIZE, misbehaving as the faults say."""

import asyncio
import base64
import binascii
import re
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Protocol

from deploy.sandbox.dialect import Dialect
from deploy.sandbox.fault import ActiveFaults, Fault, Scope

_PATH = re.compile(r"(FROM|TO):\s*<([^<>]*)>(.*)", re.IGNORECASE)
_ACCOUNT_FAULTS = ("auth535", "quota", "suspended", "sender_unverified", "tempfail", "partial", "ratelimit")


@dataclass(slots=True, kw_only=True)
class Envelope:
    """One mail transaction."""

    sender: str
    scope: Scope  # which faults with a share strike this message
    recipients: list[str] = field(default_factory=list)


class Relay(Protocol):
    """What a session needs of its relay."""

    dialect: Dialect
    password: str
    faults: ActiveFaults
    contexts: Mapping[str, ssl.SSLContext]  # "good", "expired"

    async def flowing(self) -> None:
        """Return when packets flow (at once, unless black-holed)."""
        ...

    def saw_login(self, *, username: str, password: str, accepted: bool, tls: bool) -> None:
        """Record one AUTH attempt."""
        ...

    def over_rate(self, per_minute: float) -> bool:
        """Count one message and return whether it is over the rate."""
        ...

    def new_id(self) -> str:
        """Return a queue id."""
        ...

    def accept(self, envelope: Envelope, content: bytes, queue_id: str, helo: str) -> None:
        """Take responsibility for a message."""
        ...


class _EndedError(Exception):
    """The session is over."""


class Session:
    """Speaks with one client until it leaves."""

    def __init__(self, relay: Relay, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._relay = relay
        self._dialect = relay.dialect
        self._reader = reader
        self._writer = writer
        self._strikes = Scope(relay.faults)  # for faults whose share is drawn per session
        self._born = Fault(name="born").serial
        self._tls = False
        self._helo: str | None = None
        self._user: str | None = None
        self._envelope: Envelope | None = None
        self._verbs: Mapping[str, Callable[[str], Awaitable[None]]] = {
            "EHLO": self._ehlo,
            "HELO": self._ehlo,
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "RSET": self._rset,
            "NOOP": self._noop,
            "QUIT": self._quit,
        }

    async def run(self) -> None:
        """Greet and answer commands until QUIT, a fault or the client ends the session."""
        try:
            if self._strikes("down"):  # only a share of connections: the others must get through
                self._writer.transport.abort()
                return
            while self._strikes("blackhole"):
                await asyncio.sleep(0.1)
            if self._strikes("greet421"):
                await self._say(self._words("greet421"))
                return
            await self._say(self._dialect.banner)
            while True:
                await self._command()
        except _EndedError:
            return

    async def _command(self) -> None:
        try:
            line = await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            await self._say("500 5.5.2 Line too long")
            raise _EndedError from None
        except asyncio.IncompleteReadError:
            raise _EndedError from None
        await self._relay.flowing()
        while self._strikes("blackhole"):
            await asyncio.sleep(0.1)
        text = line.decode("utf-8", "replace").strip()
        verb, _, rest = text.partition(" ")
        verb = verb.upper()
        if verb != "QUIT":
            await self._end_if_newly_broken()
        action = self._verbs.get(verb)
        if action is None:
            await self._say("502 5.5.2 Command not recognized")
        else:
            await action(rest.strip())

    async def _end_if_newly_broken(self) -> None:
        """End a kept session when the relay has turned away new ones since it began."""
        for name in ("greet421", "tls_expired", "tls_stripped"):
            fault = self._strikes(name)
            if fault and (name == "greet421" or fault.serial > self._born):
                await self._say(self._words("greet421"))
        if self._user is not None and any(
            self._dialect.refusals[n][0] == "auth" and self._strikes(n) for n in _ACCOUNT_FAULTS if n != "partial"
        ):
            await self._say(self._words("greet421"))  # the next session is refused at AUTH

    async def _ehlo(self, rest: str) -> None:
        self._helo, self._envelope = rest or "unknown", None
        dialect = self._dialect
        lines = [dialect.ehlo_name, *dialect.keywords]
        if not self._tls and not self._strikes("tls_stripped"):
            lines.append("STARTTLS")
        if self._tls or not dialect.auth_needs_tls:
            lines.extend(dialect.auth_keywords)
        await self._say("\r\n".join(f"250{' ' if n == len(lines) - 1 else '-'}{line}" for n, line in enumerate(lines)))

    async def _starttls(self, _rest: str) -> None:
        if self._tls or self._strikes("tls_stripped"):
            await self._say("502 5.5.1 STARTTLS not available")
            return
        context = self._relay.contexts["expired" if self._strikes("tls_expired") else "good"]
        await self._say(self._dialect.ok["starttls"])
        self._reader._buffer.clear()  # type: ignore[attr-defined]  # RFC 3207 §6: nothing sent before TLS counts
        await self._writer.start_tls(context, ssl_handshake_timeout=20)
        self._tls, self._helo, self._user, self._envelope = True, None, None, None

    async def _auth(self, rest: str) -> None:
        if self._dialect.auth_needs_tls and not self._tls:
            await self._say("530 5.7.0 Must issue a STARTTLS command first")
            return
        mechanism, _, initial = rest.partition(" ")
        try:
            if mechanism.upper() == "PLAIN":
                _, user, password = _decoded(initial or await self._ask("")).split("\0")
            elif mechanism.upper() == "LOGIN":
                user = _decoded(initial or await self._ask("VXNlcm5hbWU6"))
                password = _decoded(await self._ask("UGFzc3dvcmQ6"))
            else:
                await self._say("504 5.5.4 Unrecognized authentication type")
                return
        except (ValueError, binascii.Error):
            await self._say("501 5.5.2 Cannot decode the response")
            return
        right = (user, password) == (self._dialect.username, self._relay.password)
        refusal = self._words("auth535") if self._strikes("auth535") or not right else self._refusal("auth")
        self._relay.saw_login(username=user, password=password, accepted=refusal is None, tls=self._tls)
        if refusal is None:
            self._user = user
        await self._say(refusal or self._dialect.ok["auth"])

    async def _mail(self, rest: str) -> None:
        match = _PATH.fullmatch(rest)
        if self._helo is None or match is None or match[1].upper() != "FROM":
            await self._say("503 5.5.1 EHLO first" if self._helo is None else "501 5.5.4 Syntax: MAIL FROM:<address>")
            return
        if await self._unauthenticated("mail"):
            return
        self._envelope = Envelope(sender=match[2], scope=Scope(self._relay.faults))
        size = re.search(r"\bSIZE=(\d+)", match[3], re.IGNORECASE)
        if size and int(size[1]) > self._dialect.max_bytes:
            await self._refuse(self._words("too_big"))
            return
        refusal = self._refusal("mail")
        if refusal:
            await self._refuse(refusal)
        else:
            await self._say(self._dialect.ok["mail"])

    async def _rcpt(self, rest: str) -> None:
        match = _PATH.fullmatch(rest)
        if self._envelope is None or match is None or match[1].upper() != "TO":
            reply = "503 5.5.1 MAIL first" if self._envelope is None else "501 5.5.4 Syntax: RCPT TO:<address>"
            await self._say(reply)
            return
        if await self._unauthenticated("rcpt"):
            return
        if match[2].lower().startswith("nosuch"):
            await self._say(self._words("bad_recipient", recipient=match[2]))
            return
        refusal = self._refusal("rcpt")
        if refusal:
            await self._say(refusal)
            return
        self._envelope.recipients.append(match[2])
        await self._say(self._dialect.ok["rcpt"])

    async def _data(self, _rest: str) -> None:
        envelope = self._envelope
        if envelope is None or not envelope.recipients:
            await self._say("503 5.5.1 RCPT first")
            return
        await self._say(self._dialect.ok["data"])
        content = await self._content()
        await self._relay.flowing()
        await self._hang(envelope)
        refusal = self._refusal("end")
        if re.search(rb"^X-Sandbox-Content:\s*bad\b", content.partition(b"\r\n\r\n")[0], re.IGNORECASE | re.MULTILINE):
            refusal = self._words("bad_content")
        if len(content) > self._dialect.max_bytes:
            refusal = self._words("too_big")
        self._envelope = None
        if refusal:
            await self._say(refusal)
            return
        queue_id = self._relay.new_id()
        self._relay.accept(envelope, content, queue_id, self._helo or "unknown")
        await self._say(self._dialect.ok["end"].format(id=queue_id))

    async def _content(self) -> bytes:
        lines: list[bytes] = []
        while True:
            try:
                line = await self._reader.readuntil(b"\n")
            except (asyncio.LimitOverrunError, asyncio.IncompleteReadError):
                raise _EndedError from None
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line[1:] if line.startswith(b".") else line)

    async def _hang(self, envelope: Envelope) -> None:
        """Keep the client waiting after the final dot; without a time, a client that leaves takes its message along."""
        begun = time.monotonic()
        while fault := envelope.scope("hang_data"):
            if fault.value is not None and time.monotonic() - begun >= float(fault.value):
                return
            await asyncio.sleep(0.02)
            if fault.value is None and self._reader.at_eof():
                raise _EndedError

    async def _rset(self, _rest: str) -> None:
        self._envelope = None
        await self._say("250 2.0.0 Ok")

    async def _noop(self, _rest: str) -> None:
        await self._say("250 2.0.0 Ok")

    async def _quit(self, _rest: str) -> None:
        await self._say(self._dialect.ok["quit"])
        raise _EndedError

    async def _ask(self, challenge: str) -> str:
        await self._say(f"334 {challenge}")
        try:
            line = await self._reader.readuntil(b"\n")
        except (asyncio.LimitOverrunError, asyncio.IncompleteReadError):
            raise _EndedError from None
        return line.decode("ascii", "replace").strip()

    async def _unauthenticated(self, stage: str) -> bool:
        at, reply = self._dialect.refusals["unauthenticated"]
        if self._user is None and at == stage:
            await self._say(reply)
            return True
        return False

    def _refusal(self, stage: str) -> str | None:
        """Return the reply of the first fault that strikes at this stage, in the relay's own words."""
        scope = self._envelope.scope if self._envelope else self._strikes
        for name in _ACCOUNT_FAULTS:
            at, _ = self._dialect.refusals["tempfail" if name == "partial" else name]
            fault = scope(name) if at == stage else None
            if fault is None:
                continue
            if name == "ratelimit" and not self._relay.over_rate(float(fault.value or 0)):
                continue
            if name == "sender_unverified" and not self._unverified(fault):
                continue
            return self._words("tempfail" if name == "partial" else name)
        return None

    def _unverified(self, fault: Fault) -> bool:
        sender = self._envelope.sender if self._envelope else ""
        return fault.value is None or sender.lower().endswith(str(fault.value).lower())

    def _words(self, name: str, recipient: str = "") -> str:
        sender = self._envelope.sender if self._envelope else ""
        return self._dialect.refusals[name][1].format(
            sender=sender,
            recipient=recipient,
            domain=self._dialect.username.rpartition("@")[2],
            retry_date=format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True),
        )

    async def _refuse(self, reply: str) -> None:
        self._envelope = None
        await self._say(reply)

    async def _say(self, reply: str) -> None:
        """Send a reply; 421 ends the session (RFC 5321 §3.8).

        Raises:
            _EndedError: after a 421.
        """
        tarpit = self._strikes("tarpit")
        if tarpit:
            await asyncio.sleep(float(tarpit.value or 0))
        await self._relay.flowing()
        self._writer.write(reply.encode() + b"\r\n")
        await self._writer.drain()
        if reply.startswith("421"):
            raise _EndedError


def _decoded(text: str) -> str:
    return base64.b64decode(text, validate=True).decode("utf-8", "replace")
