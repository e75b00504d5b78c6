"""Maildirs as Dovecot reads them (Maildir++): delivering a file, listing what is there."""

import os
import pwd
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

MAIL_USER = "nobody"  # Dovecot refuses to open mail as root
_sequence = count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One message file in a mailbox."""

    path: Path
    address: str  # whose mailbox
    folder: str | None  # None is the inbox
    arrived_at: float  # seconds since the epoch

    @property
    def key(self) -> str:
        """Return what stays the same when a client sets flags: the name before the colon."""
        return f"{self.address}/{self.folder or ''}/{self.path.name.partition(':')[0]}"


def folder_directory(root: Path, address: str, folder: str | None) -> Path:
    """Return where a folder lives; Maildir++ spells a/b as .a.b."""
    return root / address / ("." + folder.replace("/", ".")) if folder else root / address


def write_message(root: Path, address: str, folder: str | None, content: bytes) -> Path:
    """Deliver a message into a folder (None: the inbox), making the Maildir when there is none; return its file."""
    owner = pwd.getpwnam(MAIL_USER)
    maildir = folder_directory(root, address, folder)
    for directory in (root / address, maildir, *(maildir / part for part in ("tmp", "new", "cur"))):
        if not directory.is_dir():
            directory.mkdir(mode=0o700, exist_ok=True)
            os.chown(directory, owner.pw_uid, owner.pw_gid)
    now_ns = time.time_ns()
    name = f"{now_ns // 10**9}.M{now_ns // 1000 % 10**6}P{os.getpid()}Q{next(_sequence)}.sandbox"
    temporary, final = maildir / "tmp" / name, maildir / "new" / name
    temporary.write_bytes(content)
    os.chown(temporary, owner.pw_uid, owner.pw_gid)
    temporary.rename(final)
    return final


def list_messages(root: Path, address: str | None = None) -> Iterator[Copy]:
    """Yield every message of one mailbox, or of all."""
    mailboxes = (root / address,) if address else tuple(root.iterdir())
    for mailbox in mailboxes:
        if not mailbox.is_dir():
            continue
        folders: list[tuple[str | None, Path]] = [(None, mailbox)]
        folders += [(p.name[1:].replace(".", "/"), p) for p in mailbox.glob(".*") if p.is_dir()]
        for folder, directory in folders:
            for part in ("new", "cur"):
                try:
                    files = list((directory / part).iterdir())
                except FileNotFoundError:
                    continue
                for path in files:
                    yield Copy(path=path, address=mailbox.name, folder=folder, arrived_at=_arrival(path))


def _arrival(path: Path) -> float:
    seconds, _, rest = path.name.partition(".M")
    micros = rest.partition("P")[0]
    if seconds.isdigit() and micros.isdigit():
        return int(seconds) + int(micros) / 1e6
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # a client moved it from new to cur
        return time.time()
