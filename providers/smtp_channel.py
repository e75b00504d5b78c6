"""The SMTP channel that adapters share: a session's outcome becomes a `Submission`."""

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from aiosmtplib.errors import SMTPException

from providers.base import Channel, Clock, Message, RelayEndpoint, Submission, SubmissionStatus
from providers.classify import classify_reply, classify_transport
from providers.errors import ForbiddenError, RefusedError, SessionError
from providers.failure import Failure
from providers.redact import redact
from providers.reply import Reply, ReplyClass, provider_message_id
from providers.smtp_login import SmtpLogin
from providers.smtp_mail import MessageNeed
from providers.smtp_reuse import IdleSessions, Reuse
from providers.smtp_session import SmtpSession
from providers.text_rules import TextRule
from providers.tls import make_context

_LINE_END = re.compile(rb"\r\n|\r|\n")
_STATUS = {ReplyClass.TRANSIENT: SubmissionStatus.DEFERRED, ReplyClass.PERMANENT: SubmissionStatus.REJECTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """How a session ended."""

    reply: Reply | None = None
    failure: Failure | None = None
    text: str = ""


class SmtpChannel:
    """Hands messages to one relay by SMTP, each over a fresh connection, as Postfix would first do.

    With `reuse`, for handing over many messages, a session carries several.
    """

    def __init__(
        self,
        provider: str,
        endpoint: RelayEndpoint,
        *,
        clock: Clock,
        stage_timeout_seconds: float,
        total_timeout_seconds: float,
        rules: Sequence[TextRule] = (),
        max_message_bytes: int | None = None,
        login: SmtpLogin | None = None,
        helo_name: str | None = None,
        source_address: str | None = None,
        reuse: Reuse | None = None,
    ) -> None:
        self._provider = provider
        self._endpoint = endpoint
        self._clock = clock
        self._stage_timeout_seconds = stage_timeout_seconds
        self._total_timeout_seconds = total_timeout_seconds
        self._rules = tuple(rules)
        self._max_message_bytes = max_message_bytes
        self._login = login
        self._helo_name = helo_name
        self._source_address = source_address
        self._idle = IdleSessions(reuse, clock) if reuse else None
        self._tls_context: ssl.SSLContext | None = None

    async def check_session(self, sender: str, recipient: str) -> Submission:
        """Do everything but DATA: whether a message would be taken now."""

        async def steps(session: SmtpSession) -> Reply:
            reply = await session.envelope(sender, recipient)
            await session.reset()
            return reply

        return await self._run(steps, message_sent=False)

    async def check_sender(self, sender: str) -> Submission:
        """Log in and name the sender, no recipient: what the session says of the account."""

        async def steps(session: SmtpSession) -> Reply:
            reply = await session.mail(sender)
            await session.reset()
            return reply

        return await self._run(steps, message_sent=False)

    async def submit(self, message: Message, deadline: float | None = None) -> Submission:
        """Hand over one message, by this time of the monotonic clock or within the total time-out."""
        content = _LINE_END.sub(b"\r\n", message.content)
        content = content if content.endswith(b"\r\n") else content + b"\r\n"
        need = MessageNeed(
            size_bytes=len(content),
            max_bytes=self._max_message_bytes,
            eight_bit=not content.isascii(),
            utf8_header=not content.partition(b"\r\n\r\n")[0].isascii(),
        )

        async def steps(session: SmtpSession) -> Reply:
            await session.envelope(message.sender, message.recipient, need)
            return await session.data(content)

        return await self._run(steps, message_sent=True, deadline=deadline)

    async def aclose(self) -> None:
        """Leave the sessions that are kept open."""
        if self._idle:
            await self._idle.close()

    async def _run(
        self, steps: Callable[[SmtpSession], Awaitable[Reply]], *, message_sent: bool, deadline: float | None = None
    ) -> Submission:
        started_at, begun = self._clock.now(), self._clock.monotonic()
        latest = begun + self._total_timeout_seconds
        deadline = latest if deadline is None else min(latest, deadline)
        idle = self._idle if message_sent else None
        session = await self._take_open(idle, deadline) if idle else None
        is_open = session is not None
        session = session or self._new_session(deadline)
        kept = False
        try:
            outcome = await self._outcome(steps, session, is_open=is_open)
            duration_seconds = self._clock.monotonic() - begun
            submission = self._submission(outcome, session, started_at, duration_seconds, message_sent=message_sent)
            if outcome.reply is not None:  # the relay is in step and listening
                kept = idle is not None and outcome.failure is None and idle.keep(session)
                if not kept:
                    await self._leave(session, deadline)
        finally:
            if not kept:
                session.abort()
        return submission

    async def _leave(self, session: SmtpSession, deadline: float) -> None:
        """Say QUIT and wait for its answer, but not beyond the deadline: what was asked for is done."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, deadline - self._clock.monotonic())):
                await session.leave()

    async def _take_open(self, idle: IdleSessions, deadline: float) -> SmtpSession | None:
        """Return a waiting session that still answers, or None when there is none or the one tried is dead."""
        session = idle.take()
        if session is None:
            return None
        try:
            await session.renew(deadline)
        except (SessionError, OSError, SMTPException):
            session.abort()
            return None
        except BaseException:
            session.abort()
            raise
        return session

    def _new_session(self, deadline: float) -> SmtpSession:
        return SmtpSession(
            self._endpoint,
            clock=self._clock,
            stage_timeout_seconds=self._stage_timeout_seconds,
            deadline=deadline,
            tls_context=self._context,
            login=self._login,
            helo_name=self._helo_name,
            source_address=self._source_address,
        )

    async def _outcome(
        self, steps: Callable[[SmtpSession], Awaitable[Reply]], session: SmtpSession, *, is_open: bool
    ) -> _Outcome:
        try:
            if not is_open:
                await session.open()
            reply = await steps(session)
        except RefusedError as refused:
            failure = classify_reply(refused.reply, session.stage, now=self._clock.now(), rules=self._rules)
            return _Outcome(reply=refused.reply, failure=failure, text=refused.reply.text)
        except ForbiddenError as forbidden:
            return _Outcome(failure=forbidden.failure, text=str(forbidden))
        except (OSError, SMTPException, UnicodeError) as error:
            failure = classify_transport(error, session.stage)
            return _Outcome(failure=failure, text=self._describe(error, failure))
        return _Outcome(reply=reply, text=reply.text)

    def _describe(self, error: Exception, failure: Failure) -> str:
        where, rule = f"{self._endpoint.host}:{self._endpoint.port}", failure.rule.replace("-", " ")
        if failure.rule == "time-out":
            return f"no answer from {where} in time"
        if isinstance(error, OSError) and error.errno is not None and not isinstance(error, ssl.SSLError):
            return f"{rule}: {where}"  # the system's own words would only say it again
        return f"{rule}: {where} ({error or type(error).__name__})"

    def _submission(
        self,
        outcome: _Outcome,
        session: SmtpSession,
        started_at: datetime,
        duration_seconds: float,
        *,
        message_sent: bool,
    ) -> Submission:
        reply, failure = outcome.reply, outcome.failure
        if failure is None:
            status = SubmissionStatus.ACCEPTED
        else:
            status = _STATUS.get(reply.reply_class, SubmissionStatus.ERROR) if reply else SubmissionStatus.ERROR
        return Submission(
            provider=self._provider,
            channel=Channel.SMTP,
            status=status,
            started_at=started_at,
            duration_seconds=duration_seconds,
            message_sent=message_sent,
            reply_code=reply.code if reply else None,
            enhanced_code=reply.enhanced if reply else None,
            text=redact(
                outcome.text,
                username=self._endpoint.username,
                password=self._endpoint.password,
                also=session.secrets,
            ),
            provider_message_id=provider_message_id(reply.text) if reply and message_sent and not failure else None,
            stage_seconds=dict(session.stage_seconds),
            tls=session.tls,
            ehlo=session.ehlo,
            failure=failure,
        )

    def _context(self) -> ssl.SSLContext:
        if self._tls_context is None:
            self._tls_context = make_context(
                self._endpoint.ca_file,
                client_certificate_file=self._endpoint.client_certificate_file,
                client_key_file=self._endpoint.client_key_file,
            )
        return self._tls_context
