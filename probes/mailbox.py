"""Look into one seed mailbox without changing it.

Folders are opened by EXAMINE and headers read by BODY.PEEK, so nothing is ever marked, moved or opened:
a seed that reads its mail teaches the receiver's filter. The one write is `delete_old_probes`.

Everything here blocks and belongs to one thread, except `abort`.
"""

import imaplib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.errors import MessageError
from typing import Any

from probes.errors import SeedError
from probes.folders import Folder, FolderRole, choose_folders
from probes.headers import Authentication, Header, authentication, parse_headers, received_at
from probes.imap import IMAP_FAILURES, ImapConnection
from probes.seeds import Seed
from probes.token import find_tokens
from providers.base import Clock

_MOST_UIDS_LOOKED_AT = 2000  # newest messages of a folder whose past is not known
_UIDS_PER_FETCH = 200
_BODY_BYTES_READ = 32768
_CONNECTION_LIFETIME_SECONDS = 25 * 60.0  # servers may drop a session after 30 minutes (RFC 3501 §5.4)
_IDLE_LIMIT_SECONDS = 4 * 60.0  # address translators forget a silent connection after 5 minutes or more
_INTERNALDATE_MARGIN = timedelta(days=1)
_GMAIL = "X-GM-EXT-1"
_GMAIL_TABS = ("promotions", "social", "updates", "forums")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One message with a valid token of ours."""

    token: str  # its id
    folder: str
    placement: str
    uidvalidity: int
    uid: int
    received_at: datetime | None  # the receiver's topmost Received
    internal_at: datetime | None  # INTERNALDATE
    authentication: Authentication | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look found. With an error, what was found until then is still true."""

    sightings: tuple[Sighting, ...] = ()
    searched: tuple[str, ...] = ()
    renumbered: tuple[str, ...] = ()  # folders whose UIDVALIDITY changed: earlier sightings there are void
    error: str | None = None


class MailboxReader:
    """One seed's mailbox over one connection that is kept between looks."""

    def __init__(self, seed: Seed, *, timeout_seconds: float, secret: bytes, clock: Clock) -> None:
        """Take the longest wait for one answer of the server; nothing is opened yet."""
        self._seed = seed
        self._timeout_seconds = timeout_seconds
        self._secret = secret
        self._clock = clock
        self._connection: ImapConnection | None = None
        self._folders: tuple[Folder, ...] = ()
        self._connected_at = self._used_at = 0.0
        self._next_uid: dict[str, tuple[int, int]] = {}  # folder -> (UIDVALIDITY, first UID not yet seen)

    def check(self) -> None:
        """Log in, list the folders, and see that a spam folder is among them.

        Raises:
            SeedError: what is wrong and what to do about it.
        """
        self._open()
        if not any(folder.role is FolderRole.SPAM for folder in self._folders):
            names = ", ".join(folder.name for folder in self._folders)
            raise SeedError(
                f"seed {self._seed.name}: no folder is marked \\Junk or has a usual name of a spam folder; "
                f"set junk to one of: {names}"
            )

    def look(self, since: datetime) -> Look:
        """Return the probes of ours that are new since the last look, in every folder.

        A folder whose past is not known is searched back to a day before `since`.
        """
        reused = self._connection is not None
        look = self._look(since)
        if look.error is not None and not look.searched and reused:
            return self._look(since)  # the server had dropped the kept connection
        return look

    def delete_old_probes(self, before: datetime) -> int:
        """Delete probes of ours that arrived before that time; return how many.

        Needs UIDPLUS (RFC 4315), because a plain EXPUNGE would also remove other people's deleted mail.
        Gmail would only archive what is expunged, so there they move to the bin, which empties itself.

        Raises:
            SeedError: the mailbox could not be opened or written.
        """
        connection = self._open()
        try:
            if not (connection.client.has_capability("UIDPLUS") or connection.client.has_capability(_GMAIL)):
                return 0
            return sum(self._delete_from(connection, folder, before) for folder in self._folders)
        except IMAP_FAILURES as error:
            self._drop()
            raise connection.failed("deleting old probes", error) from None

    def close(self) -> None:
        """Log out."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def abort(self) -> None:
        """Break the connection, so that a call that hangs in another thread fails at once. Thread-safe."""
        connection = self._connection
        if connection is not None:
            connection.abort()

    def _open(self) -> ImapConnection:
        """Return a session whose folders are listed: the kept one, or a new one when that is old or long silent."""
        now = self._clock.monotonic()
        if now - self._connected_at > _CONNECTION_LIFETIME_SECONDS or now - self._used_at > _IDLE_LIMIT_SECONDS:
            self.close()
        if self._connection is None:
            self._connection = connection = ImapConnection(self._seed, timeout_seconds=self._timeout_seconds)
            try:
                connection.open()
                self._folders = self._choose_folders(connection)
            except SeedError:
                self._drop()
                raise
            self._connected_at = now
        self._used_at = now
        return self._connection

    def _choose_folders(self, connection: ImapConnection) -> tuple[Folder, ...]:
        try:
            return choose_folders(connection.listing(), junk=self._seed.junk)
        except SeedError as error:
            raise SeedError(f"seed {self._seed.name}: {error}") from None
        except IMAP_FAILURES as error:
            raise connection.failed("listing the folders", error) from None

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.drop()

    def _look(self, since: datetime) -> Look:
        sightings: list[Sighting] = []
        searched: list[str] = []
        renumbered: list[str] = []
        try:
            connection = self._open()
        except SeedError as error:
            return Look(error=str(error))
        error_text: str | None = None
        try:
            for folder in self._folders:
                status = self._examine(connection, folder)
                if status is None:
                    continue
                if self._is_renumbered(folder, status):
                    renumbered.append(folder.name)
                sightings += self._new_sightings(connection, folder, status, since)
                searched.append(folder.name)
        except SeedError as error:
            error_text = str(error)
        except IMAP_FAILURES as error:
            self._drop()
            error_text = str(connection.failed("searching the folders", error))
        return Look(
            sightings=tuple(sightings), searched=tuple(searched), renumbered=tuple(renumbered), error=error_text
        )

    def _examine(self, connection: ImapConnection, folder: Folder) -> Mapping[bytes, Any] | None:
        """Open the folder read-only; return none if it is an unimportant one that may not be opened."""
        try:
            status: Mapping[bytes, Any] = connection.client.select_folder(folder.name, readonly=True)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as refusal:
            if folder.role is FolderRole.OTHER:
                return None
            raise SeedError(
                f"seed {self._seed.name}: the server does not open {folder.name}: {connection.safe(refusal)}; "
                "see that the folder exists and may be read"
            ) from None
        return status

    def _is_renumbered(self, folder: Folder, status: Mapping[bytes, Any]) -> bool:
        """Forget what was seen of a folder whose UIDs mean other messages now (RFC 3501 §2.3.1.1)."""
        known = self._next_uid.get(folder.name)
        if known is None or known[0] == int(status.get(b"UIDVALIDITY", 0)):
            return False
        del self._next_uid[folder.name]
        return True

    def _new_sightings(
        self, connection: ImapConnection, folder: Folder, status: Mapping[bytes, Any], since: datetime
    ) -> list[Sighting]:
        uidvalidity = int(status.get(b"UIDVALIDITY", 0))
        known = self._next_uid.get(folder.name)
        first = known[1] if known else 1
        not_before = None if known else since - _INTERNALDATE_MARGIN
        new: list[Sighting] = []
        uids = _uids_from(connection, first, status)
        for uid, internal_at, raw in _fetch_headers(connection, uids, not_before):
            new += self._sightings(connection, folder, uidvalidity, uid, internal_at, raw)
            first = max(first, uid + 1)
        if known is None and uids:
            first = max(first, uids[-1] + 1)
        if folder.role is FolderRole.INBOX and new and connection.client.has_capability(_GMAIL):
            new = _with_tabs(connection, new)
        self._next_uid[folder.name] = (uidvalidity, first)
        return new

    def _sightings(
        self,
        connection: ImapConnection,
        folder: Folder,
        uidvalidity: int,
        uid: int,
        internal_at: datetime | None,
        raw: bytes,
    ) -> list[Sighting]:
        headers = parse_headers(raw)
        tokens = self._tokens(headers) or self._body_tokens(connection, uid, raw)
        if not tokens:
            return []
        return [
            Sighting(
                token=token,
                folder=folder.name,
                placement=folder.placement,
                uidvalidity=uidvalidity,
                uid=uid,
                received_at=received_at(headers),
                internal_at=internal_at,
                authentication=authentication(headers, self._seed.authserv_ids),
            )
            for token in sorted(tokens)
        ]

    def _tokens(self, headers: Sequence[Header]) -> frozenset[str]:
        return find_tokens(self._secret, "\n".join(value for _, value in headers))

    def _body_tokens(self, connection: ImapConnection, uid: int, raw_headers: bytes) -> frozenset[str]:
        """Return the tokens in the text of a message whose header carries none any more."""
        row = connection.client.fetch([uid], [f"BODY.PEEK[TEXT]<0.{_BODY_BYTES_READ}>"]).get(uid, {})
        message = message_from_bytes(raw_headers + (row.get(b"BODY[TEXT]<0>") or b""), policy=policy.default)
        texts: list[str] = []
        for part in message.walk():
            if part.get_content_maintype() == "text":
                with suppress(LookupError, ValueError, TypeError, AttributeError, MessageError):
                    texts.append(str(part.get_content()))
        return find_tokens(self._secret, "\n".join(texts))

    def _delete_from(self, connection: ImapConnection, folder: Folder, before: datetime) -> int:
        status = self._examine(connection, folder)
        if status is None:
            return 0
        client = connection.client
        uids = _uids_from(connection, 1, status)
        old: list[int] = []
        for uid, internal_at, raw in _fetch_headers(connection, uids, None):
            if _is_before(internal_at, before) and self._tokens(parse_headers(raw)):
                old.append(uid)
        if not old:
            return 0
        opened = client.select_folder(folder.name)
        if opened.get(b"UIDVALIDITY") != status.get(b"UIDVALIDITY"):
            return 0  # renumbered in between: these UIDs may name other messages now
        if client.has_capability(_GMAIL):
            bins = [name for flags, _, name in connection.listing() if "\\trash" in {flag.lower() for flag in flags}]
            if folder.role is not FolderRole.INBOX or not bins:
                return 0
            client.move(old, bins[0])
        else:
            client.delete_messages(old, silent=True)
            client.uid_expunge(old)
        return len(old)


def _uids_from(connection: ImapConnection, first: int, status: Mapping[bytes, Any]) -> Sequence[int]:
    """Return the UIDs to ask for. UIDNEXT needs no search index, which some servers update late."""
    uidnext = status.get(b"UIDNEXT")
    if uidnext is None:
        found = (int(uid) for uid in connection.client.search(["UID", f"{first}:*"]))
        return sorted(uid for uid in found if uid >= first)[-_MOST_UIDS_LOOKED_AT:]
    return range(max(first, int(uidnext) - _MOST_UIDS_LOOKED_AT), int(uidnext))


def _fetch_headers(
    connection: ImapConnection, uids: Sequence[int], not_before: datetime | None
) -> Iterator[tuple[int, datetime | None, bytes]]:
    """Yield (uid, INTERNALDATE, headers) in order of uid."""
    client = connection.client
    for start in range(0, len(uids), _UIDS_PER_FETCH):
        wanted = list(uids[start : start + _UIDS_PER_FETCH])
        if not_before is not None:
            dates = client.fetch(wanted, ["INTERNALDATE"])
            wanted = [uid for uid in sorted(dates) if not _is_before(_internal_at(dates[uid]), not_before)]
        rows = client.fetch(wanted, ["INTERNALDATE", "BODY.PEEK[HEADER]"])
        for uid in sorted(rows):
            if b"BODY[HEADER]" in rows[uid]:
                yield uid, _internal_at(rows[uid]), rows[uid][b"BODY[HEADER]"] or b""


def _with_tabs(connection: ImapConnection, sightings: list[Sighting]) -> list[Sighting]:
    """Return the sightings with Gmail's tab as placement; tabs are neither folders nor labels there."""
    uids = ",".join(str(sighting.uid) for sighting in sightings)
    tab_of: dict[int, str] = {}
    for tab in _GMAIL_TABS:
        for uid in connection.client.search(["UID", uids, "X-GM-RAW", f"category:{tab}"]):
            tab_of.setdefault(int(uid), tab)
    return [
        replace(sighting, placement=f"tab:{tab_of[sighting.uid]}") if sighting.uid in tab_of else sighting
        for sighting in sightings
    ]


def _internal_at(row: Mapping[bytes, Any]) -> datetime | None:
    at = row.get(b"INTERNALDATE")
    return at.astimezone(UTC) if isinstance(at, datetime) and at.tzinfo is not None else None


def _is_before(at: datetime | None, limit: datetime) -> bool:
    return at is not None and at < limit
