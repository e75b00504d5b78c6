"""Mailgun's HTTP API: the calls, and what its answers mean (documentation.mailgun.com, "API reference").

The only module of the adapter that brings the HTTP library; it is imported when a key is configured and used.
"""

from collections.abc import Sequence
from typing import Any

from providers.base import Clock, Message, Submission
from providers.errors import CallError, NotSupportedError
from providers.failure import Category, Failure, Stage
from providers.http import HttpApi, HttpTransportError
from providers.http_answer import HttpAnswer, classify_http
from providers.http_submission import answered, oversized, unanswered
from providers.http_url import segment
from providers.mailgun_events import PROBE_VARIABLE
from providers.mailgun_replies import HTTP_RULES
from providers.untrusted import as_mapping, as_text

PROBE_TAG = "relaypilot-probe"
_REMEDIES = {
    Category.AUTH: "check api_key, which a domain sending key cannot stand in for",
    Category.CONFIG: "check domain, region and api_url",
    Category.ACCOUNT: "log in to Mailgun's control panel to see why",
    Category.QUOTA: "raise the limit or wait",
    Category.RATE: "ask less often",
}


class MailgunApi:
    """One domain of one account. `reading` may call everything, `sending` hands over messages."""

    def __init__(
        self,
        provider: str,
        domain: str,
        *,
        reading: HttpApi | None,
        sending: HttpApi | None,
        clock: Clock,
        max_message_bytes: int,
        test_mode: bool = False,
    ) -> None:
        self.provider = provider
        self.domain = domain
        self.clock = clock
        self._reading = reading
        self._sending = sending
        self._max_message_bytes = max_message_bytes
        self._test_mode = test_mode

    @property
    def may_read(self) -> bool:
        """Return whether there is a key for more than sending."""
        return self._reading is not None

    @property
    def may_send(self) -> bool:
        """Return whether there is a key for handing over messages."""
        return self._sending is not None

    async def submit(self, message: Message, deadline: float | None = None) -> Submission:
        """Hand over one message as it is, headers and all; Mailgun chooses the envelope sender."""
        sending = self._sender()
        started_at, begun = self.clock.now(), self.clock.monotonic()
        if len(message.content) > self._max_message_bytes:
            failure = Failure(category=Category.SIZE, stage=Stage.DATA, temporary=False, rule="size-limit")
            return oversized(
                self.provider, len(message.content), self._max_message_bytes, started_at=started_at, failure=failure
            )
        try:
            answer = await sending.call(
                "POST",
                f"/v3/{segment(self.domain)}/messages.mime",
                form=self._options(message),
                files=[("message", ("message.eml", message.content, "message/rfc822"))],
                deadline=deadline,
            )
        except HttpTransportError as error:
            return unanswered(
                self.provider,
                str(error),
                error.failure,
                started_at=started_at,
                duration_seconds=self.clock.monotonic() - begun,
                stage_seconds=dict(error.stage_seconds),
            )
        told = as_mapping(answer.json())
        identity = as_text(told.get("id")).strip("<> ")
        taken = answer.status == 200 and identity and as_text(told.get("message")).lower().startswith("queued")  # noqa: PLR2004
        return answered(
            self.provider,
            answer,
            None if taken else classify_http(answer, HTTP_RULES, self.clock.now()),
            sending.redact(words(answer)),
            started_at=started_at,
            provider_message_id=identity or None,
        )

    async def submit_nothing(self, *, by_reading_key: bool = False) -> HttpAnswer:
        """Return the answer to a hand-over without recipient and message: 400 when the key may send, 401 when not.

        Raises:
            CallError: no answer came.
        """
        key = self._reader() if by_reading_key else self._sender()
        return await key.call(
            "POST", f"/v3/{segment(self.domain)}/messages.mime", form=[("o:testmode", "yes")], files=[]
        )

    async def ask(
        self,
        method: str,
        path: str,
        what: str,
        *,
        params: Sequence[tuple[str, str]] | None = None,
        json: Any = None,
    ) -> Any:
        """Return the JSON that Mailgun answered.

        Raises:
            CallError: no answer, a refusal, or an answer that is no JSON object.
        """
        reading = self._reader()
        return self._checked(reading, await reading.call(method, path, params=params, json=json), what)

    async def find(self, path: str, what: str, *, absent: str) -> Any | None:
        """Return the JSON that Mailgun answered, or None when it says with 404 and these words that there is none.

        Raises:
            CallError: as `ask`.
        """
        reading = self._reader()
        answer = await reading.call("GET", path)
        if answer.status == 404 and absent in words(answer).lower():  # noqa: PLR2004
            return None
        return self._checked(reading, answer, what)

    def _sender(self) -> HttpApi:
        if self._sending is None:
            raise NotSupportedError(
                f'provider "{self.provider}" has no key for the API; give it api_key or sending_key'
            )
        return self._sending

    def _reader(self) -> HttpApi:
        if self._reading is None:
            raise NotSupportedError(f'provider "{self.provider}" has no api_key; give it one to ask Mailgun anything')
        return self._reading

    def _checked(self, reading: HttpApi, answer: HttpAnswer, what: str) -> Any:
        content = answer.json()
        if answer.ok and isinstance(content, dict) and "magnificent" not in as_text(content.get("message")).lower():
            return content
        failure = classify_http(answer, HTTP_RULES, self.clock.now())
        if answer.ok and failure.rule == "mailgun-no-id":
            failure = Failure(
                category=Category.PROVIDER, stage=Stage.END_OF_DATA, temporary=True, rule="answer-not-understood"
            )
        seen = words(answer)[:300] or "without words"
        text = f'asking provider "{self.provider}" for {what}: Mailgun answered {answer.status} ({seen})'
        if remedy := _REMEDIES.get(failure.category):
            text = f"{text}; {remedy}"
        raise CallError(reading.redact(text), failure)

    def _options(self, message: Message) -> list[tuple[str, str]]:
        # tracking would rewrite links, and the probe would differ from its siblings
        options = [("to", message.recipient), ("o:tracking", "no")]
        if message.probe_id is not None:
            options += [("o:tag", PROBE_TAG), (f"v:{PROBE_VARIABLE}", message.probe_id)]
        if self._test_mode:
            options.append(("o:testmode", "yes"))
        return options


def words(answer: HttpAnswer) -> str:
    """Return what Mailgun says in an answer: its `message`, or the bare text that it sometimes gives instead."""
    content = answer.json()
    if isinstance(content, str):
        return as_text(content)
    told = as_mapping(content)
    return as_text(told.get("message")) or as_text(told.get("Error")) or as_text(told.get("error")) or answer.text()
