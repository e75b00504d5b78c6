"""What an HTTP answer to a hand-over is as a `Submission`. Pure."""

from datetime import datetime

from providers.base import Channel, Submission, SubmissionStatus
from providers.failure import Failure, Stage
from providers.http_answer import HttpAnswer
from providers.redact import MAX_TEXT_CHARACTERS


def answered(
    provider: str,
    answer: HttpAnswer,
    failure: Failure | None,
    text: str,
    *,
    started_at: datetime,
    provider_message_id: str | None = None,
) -> Submission:
    """Return what became of a message that was answered; `text` is free of secrets. The reply code is the status.

    A success that cannot be used (2xx with a failure) is an error, not a refusal: nobody said no.
    """
    if failure is None:
        status = SubmissionStatus.ACCEPTED
    elif answer.ok or answer.status < 400:  # noqa: PLR2004
        status = SubmissionStatus.ERROR
    else:
        status = SubmissionStatus.DEFERRED if failure.temporary else SubmissionStatus.REJECTED
    return Submission(
        provider=provider,
        channel=Channel.API,
        status=status,
        started_at=started_at,
        duration_seconds=answer.duration_seconds,
        message_sent=True,
        reply_code=answer.status,
        text=text[:MAX_TEXT_CHARACTERS],
        provider_message_id=None if failure else provider_message_id,
        stage_seconds=answer.stage_seconds,
        tls=answer.tls,
        failure=failure,
    )


def oversized(provider: str, size_bytes: int, max_bytes: int, *, started_at: datetime, failure: Failure) -> Submission:
    """Return that a message was not even sent, for it is larger than the provider takes."""
    return Submission(
        provider=provider,
        channel=Channel.API,
        status=SubmissionStatus.ERROR,
        started_at=started_at,
        duration_seconds=0.0,
        message_sent=True,
        text=f"the message has {size_bytes} bytes, and the relay takes {max_bytes}",
        failure=failure,
    )


def unanswered(
    provider: str,
    text: str,
    failure: Failure,
    *,
    started_at: datetime,
    duration_seconds: float,
    stage_seconds: dict[Stage, float],
) -> Submission:
    """Return that no usable answer came."""
    return Submission(
        provider=provider,
        channel=Channel.API,
        status=SubmissionStatus.ERROR,
        started_at=started_at,
        duration_seconds=duration_seconds,
        message_sent=True,
        text=text[:MAX_TEXT_CHARACTERS],
        stage_seconds=stage_seconds,
        failure=failure,
    )
