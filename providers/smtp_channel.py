"""The SMTP channel that adapters share: a session's outcome becomes a `Submission`."""

import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from aiosmtplib.errors import SMTPException

from providers.base import Channel, Clock, Message, RelayEndpoint, Submission, SubmissionStatus
from providers.classify import classify_reply, classify_transport
from providers.errors import ForbiddenError, RefusedError
from providers.failure import Failure
from providers.redact import redact
from providers.reply import Reply, ReplyClass, provider_message_id
from providers.smtp_session import SmtpSession
from providers.text_rules import TextRule
from providers.tls import make_context

_STATUS = {ReplyClass.TRANSIENT: SubmissionStatus.DEFERRED, ReplyClass.PERMANENT: SubmissionStatus.REJECTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """How a session ended."""

    reply: Reply | None = None
    failure: Failure | None = None
    text: str = ""


class SmtpChannel:
    """Hands messages to one relay by SMTP, each over a fresh connection, as Postfix would first do."""

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
        helo_name: str | None = None,
    ) -> None:
        self._provider = provider
        self._endpoint = endpoint
        self._clock = clock
        self._stage_timeout_seconds = stage_timeout_seconds
        self._total_timeout_seconds = total_timeout_seconds
        self._rules = tuple(rules)
        self._max_message_bytes = max_message_bytes
        self._helo_name = helo_name
        self._tls_context: ssl.SSLContext | None = None

    async def check_session(self, sender: str, recipient: str) -> Submission:
        """Do everything but DATA: whether a message would be taken now."""

        async def steps(session: SmtpSession) -> Reply:
            await session.open()
            await session.mail(sender)
            reply = await session.rcpt(recipient)
            await session.reset()
            return reply

        return await self._run(steps, message_sent=False)

    async def submit(self, message: Message, deadline: float | None = None) -> Submission:
        """Hand over one message, by this time of the monotonic clock or within the total time-out."""

        async def steps(session: SmtpSession) -> Reply:
            await session.open()
            await session.mail(
                message.sender,
                size_bytes=len(message.content),
                max_bytes=self._max_message_bytes,
                eight_bit=not message.content.isascii(),
            )
            await session.rcpt(message.recipient)
            return await session.data(message.content)

        return await self._run(steps, message_sent=True, deadline=deadline)

    async def _run(
        self, steps: Callable[[SmtpSession], Awaitable[Reply]], *, message_sent: bool, deadline: float | None = None
    ) -> Submission:
        started_at, begun = self._clock.now(), self._clock.monotonic()
        total_seconds = self._total_timeout_seconds
        if deadline is not None:
            total_seconds = max(0.0, min(total_seconds, deadline - begun))
        session = SmtpSession(
            self._endpoint,
            clock=self._clock,
            stage_timeout_seconds=self._stage_timeout_seconds,
            total_timeout_seconds=total_seconds,
            tls_context=self._context,
            helo_name=self._helo_name,
        )
        try:
            outcome = await self._outcome(steps, session)
            duration_seconds = self._clock.monotonic() - begun
            if outcome.reply is not None:  # the relay is in step and listening
                await session.leave()
        finally:
            session.abort()
        return self._submission(outcome, session, started_at, duration_seconds, message_sent=message_sent)

    async def _outcome(self, steps: Callable[[SmtpSession], Awaitable[Reply]], session: SmtpSession) -> _Outcome:
        try:
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
            text=redact(outcome.text, username=self._endpoint.username, password=self._endpoint.password),
            provider_message_id=provider_message_id(reply.text) if reply and message_sent and not failure else None,
            stage_seconds=dict(session.stage_seconds),
            tls=session.tls,
            ehlo=session.ehlo,
            failure=failure,
        )

    def _context(self) -> ssl.SSLContext:
        if self._tls_context is None:
            self._tls_context = make_context(self._endpoint.ca_file)
        return self._tls_context
