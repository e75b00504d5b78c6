"""One connection to a seed's IMAP server: dial, TLS, log in, list folders. The one module that imports imapclient."""

import imaplib
import socket
import ssl
from contextlib import suppress
from typing import Any

from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from probes.errors import SeedError, SeedLoginError
from probes.seeds import Seed
from providers.base import TlsMode
from providers.tls import make_context

# imapclient and imaplib raise the last five for answers that break the protocol (seen with 4.1.0, 2026-11).
IMAP_FAILURES = (imaplib.IMAP4.error, OSError, ValueError, LookupError, TypeError, AttributeError, AssertionError)


class _NamedContext:
    """A TLS context that verifies one given name, whatever name was dialled; all that imapclient asks of one."""

    def __init__(self, context: ssl.SSLContext, server_name: str) -> None:
        self._context = context
        self._server_name = server_name

    def wrap_socket(self, sock: Any, *args: Any, **options: Any) -> ssl.SSLSocket:
        """Wrap the socket, expecting the given name."""
        return self._context.wrap_socket(sock, *args, **(options | {"server_hostname": self._server_name}))


class ImapConnection:
    """A session; every wait for the server is bounded."""

    def __init__(self, seed: Seed, *, timeout_seconds: float) -> None:
        """Take the longest wait for one answer; nothing is opened yet."""
        self._seed = seed
        self._timeout_seconds = timeout_seconds
        self.client: Any = None  # an imapclient.IMAPClient, which has no types

    def open(self) -> None:
        """Connect and log in.

        Raises:
            SeedLoginError: the server refuses the login.
            SeedError: it could not be reached, or its certificate does not verify.
        """
        seed = self._seed
        self._dial()
        try:
            self.client.login(seed.username, seed.password)
        except LoginError as refusal:
            self.drop()
            raise SeedLoginError(
                f"seed {seed.name}: {seed.host} refuses the login of {seed.username}: {self.safe(refusal)}; "
                "check username and password (many receivers want an app password)"
            ) from None
        except IMAP_FAILURES as error:
            self.drop()
            raise self.failed("logging in", error) from None

    def listing(self) -> list[tuple[tuple[str, ...], str | None, str]]:
        """Return (attributes, path delimiter, name) of every folder."""
        return [
            (tuple(_text(flag) for flag in flags), _text(delimiter) if delimiter else None, _text(name))
            for flags, delimiter, name in self.client.list_folders()
        ]

    def close(self) -> None:
        """Log out."""
        try:
            self.client.logout()
        except IMAP_FAILURES:
            self.drop()

    def drop(self) -> None:
        """Close without another word to the server, whose state is not known any more."""
        with suppress(*IMAP_FAILURES):
            self.client.shutdown()

    def abort(self) -> None:
        """Make a call that waits in another thread fail at once. Thread-safe."""
        with suppress(*IMAP_FAILURES):
            self.client.socket().shutdown(socket.SHUT_RDWR)

    def failed(self, doing: str, error: BaseException) -> SeedError:
        """Return the error that says what was being done, what was seen, and what to look at."""
        if isinstance(error, TimeoutError):
            seen = f"no answer within {self._timeout_seconds:g} s"
        else:
            seen = f"{type(error).__name__}: {self.safe(error)}"
        return SeedError(f"seed {self._seed.name}: {doing}: {seen}; see whether its IMAP server works")

    def safe(self, error: BaseException) -> str:
        """Return the error's text without the password, at most 200 characters."""
        text = str(error) or "connection closed"
        if text[:2] in ("b'", 'b"'):  # imaplib raises the server's bytes as they are (2026-11)
            text = text[2:-1]
        return (text.replace(self._seed.password, "(password)") if self._seed.password else text)[:200]

    def _dial(self) -> None:
        seed = self._seed
        try:
            context = None if seed.tls == TlsMode.NONE else self._tls_context()
            implicit = seed.tls == TlsMode.IMPLICIT
            self.client = IMAPClient(
                seed.host,
                seed.port,
                ssl=implicit,
                ssl_context=context if implicit else None,
                timeout=self._timeout_seconds,
            )
            self.client.normalise_times = False  # else INTERNALDATE comes back naive, in local time
            if context is not None and not implicit:
                self.client.starttls(context)
        except IMAP_FAILURES as error:
            self.drop()
            raise self.failed(f"connecting to {seed.host}:{seed.port}", error) from None

    def _tls_context(self) -> _NamedContext:
        return _NamedContext(make_context(self._seed.ca_file), self._seed.server_name or self._seed.host)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
