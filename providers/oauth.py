"""Access tokens for logging in by XOAUTH2: fetched from a token endpoint, kept until shortly before they expire."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from providers.base import Clock
from providers.errors import CallError
from providers.failure import Category, Failure, Stage
from providers.http import HttpApi, HttpTransportError
from providers.http_answer import HttpAnswer, retry_after
from providers.oauth_grant import OAuthGrant

_UNTOLD_SECONDS = 300.0  # life of a token whose answer has no `expires_in`
_MARGIN_SECONDS = 60.0
_LONGEST_TOKEN = 8192
_TOKEN = re.compile(r"[\x21-\x7e]+")
_ERROR_WORD = re.compile(r"[a-z_]{1,40}")
_BUSY = 429
_SERVER_ERROR = 500


class OAuthTokens:
    """A source of access tokens: one request at a time, whoever waits."""

    def __init__(
        self,
        provider: str,
        grant: OAuthGrant,
        *,
        clock: Clock,
        stage_timeout_seconds: float,
        total_timeout_seconds: float,
        ca_file: str | None = None,
    ) -> None:
        self._grant = grant
        self._clock = clock
        self._refresh_token = grant.refresh_token
        self._token: str | None = None
        self._good_until = 0.0  # of the clock's `monotonic`
        self._asking = asyncio.Lock()
        parts = urlsplit(grant.token_url)
        self._path = parts.path
        self._api = HttpApi(
            provider,
            f"{parts.scheme}://{parts.netloc}",
            {},
            clock=clock,
            stage_timeout_seconds=stage_timeout_seconds,
            total_timeout_seconds=total_timeout_seconds,
            ca_file=ca_file,
            secrets=[secret for secret in (grant.client_secret, grant.refresh_token) if secret],
        )

    async def token(self, deadline: float) -> str:
        """Return a token that is good for a while, by `deadline` of the clock's `monotonic`.

        Raises:
            CallError: category `auth`; the failure says whether to try again.
        """
        async with self._asking:
            if self._token is None or self._clock.monotonic() >= self._good_until:
                await self._ask(deadline)
            return self._token or ""

    def forget(self, token: str) -> None:
        """Take back a token that was refused; the next login asks for another."""
        if token == self._token:
            self._token = None

    async def _ask(self, deadline: float) -> None:
        self._token = None
        begun = self._clock.monotonic()
        try:
            answer = await self._api.call(
                "POST", self._path, form=self._form(), headers={"accept": "application/json"}, deadline=deadline
            )
        except HttpTransportError as error:
            raise CallError(str(error), _failure("oauth-unreachable", temporary=True)) from None
        told = answer.json()
        if not answer.ok or not isinstance(told, dict):
            raise self._refused(answer, told)
        token, kind = told.get("access_token"), told.get("token_type", "bearer")
        if (
            not isinstance(token, str)
            or not _TOKEN.fullmatch(token)
            or len(token) > _LONGEST_TOKEN
            or str(kind).lower() != "bearer"
        ):
            raise CallError(
                f"{self._where()}: the answer holds no bearer token; check oauth_token_url",
                _failure("oauth-answer", temporary=False),
            )
        life = _seconds(told.get("expires_in"))
        self._token, self._good_until = token, begun + life - min(_MARGIN_SECONDS, life / 2)
        if isinstance(newer := told.get("refresh_token"), str) and newer:  # the old one may be void (RFC 6749 §6)
            self._refresh_token = newer

    def _form(self) -> Sequence[tuple[str, str]]:
        grant = self._grant
        form = [("client_id", grant.client_id)]
        if self._refresh_token is None:
            form.insert(0, ("grant_type", "client_credentials"))
        else:
            form[:0] = [("grant_type", "refresh_token"), ("refresh_token", self._refresh_token)]
        if grant.client_secret is not None:
            form.append(("client_secret", grant.client_secret))
        return [*form, ("scope", grant.scope)] if grant.scope else form

    def _refused(self, answer: HttpAnswer, told: Any) -> CallError:
        word = str(told.get("error", "")) if isinstance(told, dict) else ""
        word = word if _ERROR_WORD.fullmatch(word) else "no reason that OAuth knows"
        temporary = answer.status == _BUSY or answer.status >= _SERVER_ERROR
        remedy = (
            "it is asked again at the next login" if temporary else _REMEDIES.get(word, "check the oauth_ settings")
        )
        failure = _failure(
            "oauth-unavailable" if temporary else "oauth-refused",
            temporary=temporary,
            retry_after_seconds=retry_after(answer, self._clock.now()),
        )
        return CallError(f"{self._where()}: answered {answer.status}, {word}; {remedy}", failure)

    def _where(self) -> str:
        return f"asking {urlsplit(self._grant.token_url).netloc} for an access token"


_REMEDIES = {  # RFC 6749 §5.2
    "invalid_grant": "the refresh token is void or belongs to another client: make a new one",
    "invalid_client": "check oauth_client_id and oauth_client_secret",
    "unauthorized_client": "allow this grant type to the client, at the provider",
    "invalid_scope": "correct oauth_scope",
}


def _failure(rule: str, *, temporary: bool, retry_after_seconds: float | None = None) -> Failure:
    return Failure(
        category=Category.AUTH,
        stage=Stage.AUTH,
        temporary=temporary,
        rule=rule,
        retry_after_seconds=retry_after_seconds,
    )


def _seconds(value: Any) -> float:
    """Return a token's life; some servers write the number as a text."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return _UNTOLD_SECONDS
    return seconds if 0 < seconds < float("inf") else _UNTOLD_SECONDS
