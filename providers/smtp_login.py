"""Logging in to a relay: one method, chosen before anything is sent, and one attempt (RFC 4954)."""

import base64
import hmac
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from providers.errors import RefusedError
from providers.reply import Reply

GO_ON = 334


class LoginMethod(StrEnum):
    """How the login is proved."""

    PLAIN = "plain"  # RFC 4616
    LOGIN = "login"  # draft-murchison-sasl-login, older than PLAIN and still the only one of some relays
    CRAM_MD5 = "cram-md5"  # RFC 2195; never chosen unless asked for
    XOAUTH2 = "xoauth2"  # developers.google.com, "OAuth 2.0 Mechanism"


class TokenSource(Protocol):
    """Where access tokens come from."""

    async def token(self, deadline: float) -> str:
        """Return an access token that is valid for a while; `deadline` is a time of the clock's `monotonic`.

        Raises:
            CallError: none is to be had.
        """
        ...

    def forget(self, token: str) -> None:
        """Take back a token that the relay has refused."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpLogin:
    """Who logs in, and how."""

    username: str
    password: str | None = field(default=None, repr=False)
    method: LoginMethod | None = None  # None: PLAIN if offered, else LOGIN
    tokens: TokenSource | None = field(default=None, repr=False)  # for XOAUTH2

    def choose(self, offered: Sequence[str]) -> LoginMethod | None:
        """Return the method to use with a relay that offers these, in lower case; None: there is none."""
        wanted = [self.method] if self.method else [LoginMethod.PLAIN, LoginMethod.LOGIN]
        return next((method for method in wanted if method.value in offered), None)

    def wanted(self) -> str:
        """Return the acceptable methods in words."""
        return f"AUTH {self.method.upper()}" if self.method else "AUTH PLAIN or AUTH LOGIN"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginWire:
    """What logging in needs of a session."""

    command: Callable[..., Awaitable[Reply]]
    keep_secret: Callable[[str], None]  # told what must never be shown, before it is sent


async def log_in(wire: LoginWire, login: SmtpLogin, method: LoginMethod, token: str | None) -> Reply:
    """Return the relay's last word; `token` is the access token for XOAUTH2.

    Raises:
        RefusedError: it said no before that.
    """
    password = login.password or ""
    match method:
        case LoginMethod.PLAIN:
            return await wire.command(b"AUTH", b"PLAIN", _secret(wire, f"\0{login.username}\0{password}"))
        case LoginMethod.LOGIN:
            for words in ((b"AUTH", b"LOGIN"), (_base64(login.username.encode()),)):
                _go_on(await wire.command(*words))
            return await wire.command(_secret(wire, password))
        case LoginMethod.CRAM_MD5:
            challenge = _go_on(await wire.command(b"AUTH", b"CRAM-MD5"))
            return await wire.command(_secret(wire, _proof(login.username, password, challenge.text)))
        case LoginMethod.XOAUTH2:
            _secret(wire, token or "")
            text = f"user={login.username}\1auth=Bearer {token}\1\1"
            reply = await wire.command(b"AUTH", b"XOAUTH2", _secret(wire, text))
            if reply.code == GO_ON:  # the reason in base64; an empty answer brings the code (same document)
                reply = await wire.command(b"")
            return reply


def _go_on(reply: Reply) -> Reply:
    if reply.code != GO_ON:
        raise RefusedError(reply)
    return reply


def _proof(username: str, password: str, challenge: str) -> str:
    try:
        asked = base64.b64decode(challenge, validate=True)
    except ValueError:
        asked = b""  # garbage gets an answer that proves nothing, and the relay refuses it
    return f"{username} {hmac.new(password.encode(), asked, 'md5').hexdigest()}"


def _secret(wire: LoginWire, text: str) -> bytes:
    """Return the text as AUTH sends it, after both forms have been noted: a relay may tell back either."""
    encoded = _base64(text.encode())
    for form in (text, encoded.decode()):
        wire.keep_secret(form)
    return encoded


def _base64(content: bytes) -> bytes:
    return base64.b64encode(content)
