"""Small fakes that meet the ports: a clock, providers that hand mail to a real mailbox."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from pydantic import BaseModel

from probes.message import build_probe
from probes.send import SentProbe
from probes.token import make_token, token_id
from providers.base import Capabilities, Message, RelayEndpoint, Submission, SubmissionStatus, TlsMode
from providers.failure import Category, Failure, Stage
from providers.text_rules import TextRule

SECRET = b"0123456789abcdef0123456789abcdef"
SENDER = "probe@sender.test"


class RealClock:
    """The machine's clock, which a test can set forward."""

    def __init__(self) -> None:
        self.wall_jump = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.wall_jump

    def monotonic(self) -> float:
        return time.monotonic()


class NoSettings(BaseModel):
    pass


class FakeProvider:
    """Accepts what it is given and hands it to `deliver`, or answers what `refusal` says."""

    kind: ClassVar[str] = "fake"
    settings_model: ClassVar[type[BaseModel]] = NoSettings
    capabilities: ClassVar[Capabilities] = Capabilities()
    reply_rules: ClassVar[tuple[TextRule, ...]] = ()

    def __init__(
        self,
        name: str,
        clock: RealClock,
        deliver: Callable[[Message], Any] = lambda message: None,
        refusal: Submission | None = None,
    ) -> None:
        self.name = name
        self.clock = clock
        self.deliver = deliver
        self.refusal = refusal
        self.messages: list[Message] = []

    def relay_endpoint(self) -> RelayEndpoint:
        return RelayEndpoint(host="127.0.0.1", port=25, tls=TlsMode.NONE, server_name="127.0.0.1")

    async def check_session(self, sender: str, recipient: str) -> Submission:
        return self.refusal or self._accepted(sent=False)

    async def submit(self, message: Message) -> Submission:
        self.messages.append(message)
        if self.refusal:
            return self.refusal
        self.deliver(message)
        return self._accepted(sent=True)

    async def aclose(self) -> None:
        pass

    def _accepted(self, *, sent: bool) -> Submission:
        return Submission(
            provider=self.name,
            channel="smtp",
            status=SubmissionStatus.ACCEPTED,
            started_at=self.clock.now(),
            duration_seconds=0.01,
            message_sent=sent,
            reply_code=250,
        )


def refusal(provider: str, clock: RealClock, text: str = "550 5.7.1 Account suspended") -> Submission:
    return Submission(
        provider=provider,
        channel="smtp",
        status=SubmissionStatus.REJECTED,
        started_at=clock.now(),
        duration_seconds=0.02,
        message_sent=False,
        reply_code=550,
        text=text,
        failure=Failure(category=Category.ACCOUNT, stage=Stage.MAIL, temporary=False, rule="account-suspended"),
    )


def sent_probe(
    clock: RealClock, seed: str, *, provider: str = "alpha", round_id: str = "r1", ago: float = 0.0
) -> SentProbe:
    accepted_at = clock.now() - timedelta(seconds=ago)
    return SentProbe(
        token=token_id(SECRET, round_id=round_id, provider=provider, seed=seed),
        provider=provider,
        seed=seed,
        round=round_id,
        confirmation=False,
        submitted_at=accepted_at,
        accepted_at=accepted_at,
    )


def probe_content(probe: SentProbe, above: bytes = b"") -> bytes:
    message = build_probe(
        sender=SENDER,
        recipient=f"{probe.seed}@seed.test",
        token=make_token(SECRET, probe.token),
        round_id=probe.round,
        now=probe.submitted_at,
    )
    return above + message.content
