"""Submit probes and session checks, and turn what the relay answered into observations."""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from probes.message import build_probe
from probes.observation import Observation, Outcome, Signal, Source
from probes.seeds import Seed
from probes.token import make_token, token_id
from providers.base import Clock, Provider, Submission, SubmissionStatus

TEXT_LIMIT = 300
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")


class Signer(Protocol):
    """Signs messages with the sending domain's own key."""

    def sign(self, content: bytes, at: datetime) -> bytes:
        """Return the message with its signature, dated `at`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SentProbe:
    """One probe that a relay took responsibility for: from now on it is looked for."""

    token: str  # the token's id, without its signature
    provider: str
    seed: str
    round: str
    confirmation: bool
    submitted_at: datetime
    accepted_at: datetime
    signed: bool = False


async def check_session(
    provider: Provider, *, sender: str, recipient: str, round_id: str, clock: Clock, confirmation: bool = False
) -> Observation:
    """Return whether the provider would take a message now; none is sent."""
    try:
        submission = await provider.check_session(sender, recipient)
    except Exception as error:  # noqa: BLE001 - an adapter may come from anyone: its bug must not end the sweep
        return _adapter_failed(provider, Signal.SESSION, error, clock, round_id, confirmation)
    return observe(submission, signal=Signal.SESSION, at=clock.now(), round_id=round_id, confirmation=confirmation)


async def submit_probe(
    provider: Provider,
    seed: Seed,
    *,
    sender: str,
    secret: bytes,
    round_id: str,
    round_started_at: datetime,
    clock: Clock,
    confirmation: bool = False,
    signer: Signer | None = None,
) -> tuple[Observation, SentProbe | None]:
    """Send this round's probe to the seed; return what was answered, and the probe to look for if accepted.

    With a signer it carries a DKIM signature, dated with the round's start, so the same through all providers.

    Raises:
        ProbeMessageError: the probe cannot be built from these addresses.
    """
    identity = token_id(secret, round_id=round_id, provider=provider.name, seed=seed.name)
    message = build_probe(
        sender=sender,
        recipient=seed.address,
        token=make_token(secret, identity),
        round_id=round_id,
        now=round_started_at,
    )
    signed = signer is not None
    if signer is not None:
        message = replace(message, content=signer.sign(message.content, round_started_at))
    try:
        submission = await provider.submit(message)
    except Exception as error:  # noqa: BLE001 - an adapter may come from anyone: its bug must not end the round
        return _adapter_failed(provider, Signal.ACCEPTANCE, error, clock, round_id, confirmation, seed), None
    observation = observe(
        submission,
        signal=Signal.ACCEPTANCE,
        at=clock.now(),
        round_id=round_id,
        confirmation=confirmation,
        seed=seed,
        signed=signed,
    )
    if submission.status is not SubmissionStatus.ACCEPTED:
        return observation, None
    return observation, SentProbe(
        token=identity,
        provider=provider.name,
        seed=seed.name,
        round=round_id,
        confirmation=confirmation,
        submitted_at=submission.started_at,
        accepted_at=submission.started_at + timedelta(seconds=submission.duration_seconds),
        signed=signed,
    )


def observe(
    submission: Submission,
    *,
    signal: Signal,
    at: datetime,
    round_id: str,
    confirmation: bool = False,
    seed: Seed | None = None,
    signed: bool | None = None,
) -> Observation:
    """Return the submission as a fact, the failure flattened; the value is its duration in seconds.

    Any refusal is bad here. Whose fault it was is decided later, from the category.
    """
    failure = submission.failure
    accepted = submission.status is SubmissionStatus.ACCEPTED
    return Observation(
        at=at,
        provider=submission.provider,
        signal=signal,
        source=Source.PROBE,
        outcome=Outcome.GOOD if accepted else Outcome.BAD,
        receiver=seed.receiver if seed else None,
        seed=seed.name if seed else None,
        round=round_id,
        confirmation=confirmation,
        value=submission.duration_seconds,
        category=failure.category.value if failure else None,
        stage=failure.stage.value if failure else None,
        temporary=failure.temporary if failure else None,
        rule=failure.rule if failure else None,
        text=None if accepted else short_text(_reply(submission)),
        signed=signed,
    )


def short_text(text: str) -> str | None:
    """Return the text on one line of printable characters, at most 300; none if nothing is left."""
    line = _UNPRINTABLE.sub(" ", text).strip()
    if len(line) > TEXT_LIMIT:
        line = line[: TEXT_LIMIT - 1] + "…"
    return line or None


def _reply(submission: Submission) -> str:
    """Return the reply with its code in front, unless the text already begins with it."""
    code = str(submission.reply_code) if submission.reply_code is not None else ""
    return submission.text if submission.text.startswith(code) else f"{code} {submission.text}"


def _adapter_failed(
    provider: Provider,
    signal: Signal,
    error: Exception,
    clock: Clock,
    round_id: str,
    confirmation: bool,
    seed: Seed | None = None,
) -> Observation:
    """Return the fact that an adapter broke its promise not to raise: nothing is known about the provider."""
    return Observation(
        at=clock.now(),
        provider=provider.name,
        signal=signal,
        source=Source.PROBE,
        outcome=Outcome.UNKNOWN,
        receiver=seed.receiver if seed else None,
        seed=seed.name if seed else None,
        round=round_id,
        confirmation=confirmation,
        category="protocol",
        rule="adapter-raised",
        # The type alone: the message of an unexpected error may hold a secret.
        text=f"the adapter {provider.kind} failed with {type(error).__name__}; this is a bug of the adapter",
    )
