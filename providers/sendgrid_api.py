"""SendGrid's HTTP API: one message handed over, or one question asked (docs.sendgrid.com, "v3 API Reference")."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from providers.base import Clock, Message, Submission
from providers.errors import CallError, ForbiddenError
from providers.failure import Category, Failure, Stage
from providers.http import HttpApi, HttpTransportError
from providers.http_answer import HttpAnswer, classify_http
from providers.http_submission import answered, oversized, unanswered
from providers.sendgrid_answers import ANSWERS
from providers.sendgrid_mail import mail_send

_TAKEN, _CHECKED, _NOT_FOUND = 202, 200, 404
_LONGEST_ID = 200
_ACCEPT = {"accept": "application/json"}  # some calls answer 406 without it


class SendgridApi:
    """One account, by one key."""

    def __init__(
        self,
        provider: str,
        base_url: str,
        key: str,
        *,
        clock: Clock,
        stage_timeout_seconds: float,
        total_timeout_seconds: float,
        ca_file: str | None = None,
        secrets: Sequence[str] = (),
    ) -> None:
        self.provider = provider
        self.clock = clock
        self.total_timeout_seconds = total_timeout_seconds
        self._http = HttpApi(
            provider,
            base_url,
            {"authorization": f"Bearer {key}"},
            clock=clock,
            stage_timeout_seconds=stage_timeout_seconds,
            total_timeout_seconds=total_timeout_seconds,
            ca_file=ca_file,
            secrets=secrets,
        )

    async def ask(
        self,
        what: str,
        method: str,
        path: str,
        *,
        params: Sequence[tuple[str, str]] | None = None,
        json: Any = None,
        deadline: float | None = None,
        absent: bool = False,
    ) -> Any:
        """Return the JSON that answers this call; with `absent`, None when it is answered that there is none (404).

        `what` says in an error's words what was being done: "reading the credits left".

        Raises:
            CallError: the provider or the network failed it.
        """
        answer = await self._http.call(method, path, params=params, json=json, headers=_ACCEPT, deadline=deadline)
        if absent and answer.status == _NOT_FOUND:
            return None
        found = answer.json() if answer.ok else None
        if found is None:
            raise self._refused(what, answer)
        return found

    def not_understood(self, what: str, answer: object) -> CallError:
        """Return the error for an answer that is JSON of another shape than documented."""
        failure = Failure(
            category=Category.PROVIDER, stage=Stage.END_OF_DATA, temporary=True, rule="answer-not-understood"
        )
        seen = self._http.redact(str(answer))[:200]
        return CallError(
            f'{what} at provider "{self.provider}": the answer has another form than documented: {seen}', failure
        )

    async def submit(
        self, message: Message, *, sandbox: bool, max_message_bytes: int | None, deadline: float | None
    ) -> Submission:
        """Hand over one message; with `sandbox` it is only checked by SendGrid, and not sent."""
        started_at, begun = self.clock.now(), self.clock.monotonic()
        if max_message_bytes is not None and len(message.content) > max_message_bytes:
            failure = Failure(category=Category.SIZE, stage=Stage.DATA, temporary=False, rule="size-limit")
            return oversized(
                self.provider, len(message.content), max_message_bytes, started_at=started_at, failure=failure
            )
        try:
            body = mail_send(message, sandbox=sandbox)
            answer = await self._http.call("POST", "/v3/mail/send", json=body, headers=_ACCEPT, deadline=deadline)
        except (ForbiddenError, HttpTransportError) as error:
            return unanswered(
                self.provider,
                self._http.redact(str(error)),
                error.failure,
                started_at=started_at,
                duration_seconds=self.clock.monotonic() - begun,
                stage_seconds=dict(error.stage_seconds) if isinstance(error, HttpTransportError) else {},
            )
        taken = answer.status == (_CHECKED if sandbox else _TAKEN)
        submission = answered(
            self.provider,
            answer,
            None if taken else classify_http(answer, ANSWERS, self.clock.now()),
            self._http.redact(words(answer)),
            started_at=started_at,
            provider_message_id=None if sandbox else _message_id(answer),
        )
        return replace(submission, message_sent=not sandbox)

    def _refused(self, what: str, answer: HttpAnswer) -> CallError:
        failure = classify_http(answer, ANSWERS, self.clock.now())
        said = self._http.redact(words(answer)) or "nothing"
        return CallError(f'{what} at provider "{self.provider}": answered {answer.status}, {said}', failure)


def words(answer: HttpAnswer) -> str:
    """Return what the answer says in plain words: the messages of its errors, or its text."""
    found = answer.json()
    errors = found.get("errors") if isinstance(found, dict) else None
    if isinstance(errors, list):
        said = [
            error["message"] for error in errors if isinstance(error, dict) and isinstance(error.get("message"), str)
        ]
        if said:
            return "; ".join(said)
    return answer.text()


def _message_id(answer: HttpAnswer) -> str | None:
    """Return the id; the official description does not promise the header."""
    return answer.headers.get("x-message-id", "").strip().strip("<>")[:_LONGEST_ID] or None
