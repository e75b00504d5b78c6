"""Secrets come from files or the environment, never from the configuration's own text."""

import os
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from service.config_problem import Rule
from service.errors import PermissionNeededError

_KEY_BYTES = 32
_LONGEST_SECRET_BYTES = 16384
_WRITE_ONE = 'write { file = "path" } or { env = "NAME" }'


class SecretMistake(Exception):  # noqa: N818 - caught where it becomes a Problem, never shown itself
    """Why a secret could not be read: rule, what was seen, remedy."""

    def __init__(self, rule: Rule, seen: str, remedy: str) -> None:
        self.rule, self.seen, self.remedy = rule, seen, remedy
        super().__init__(f"{seen}; {remedy}")


def read_secret(source: Any, directory: Path, environ: Mapping[str, str], *, lines: bool = False) -> str:
    """Return the secret that `{ file = "…" }` or `{ env = "…" }` names; files are relative to `directory`.

    One newline at the end does not belong to the secret; with `lines` it may have others within.

    Raises:
        SecretMistake: there is none to be had; the message never holds the secret.
    """
    if not isinstance(source, dict):
        seen = "a secret stands in the file itself" if isinstance(source, str) else "not a place to read a secret from"
        raise SecretMistake(Rule.LITERAL_SECRET, seen, f"move it out: {_WRITE_ONE}")
    if len(source) != 1 or not source.keys() <= {"file", "env"} or not all(isinstance(v, str) for v in source.values()):
        raise SecretMistake(Rule.SECRET_SOURCE, "not one place to read a secret from", _WRITE_ONE)
    if "env" in source:
        name = source["env"]
        value = environ.get(name, "")
        where = f"environment variable {name}"
        if not value:
            raise SecretMistake(Rule.SECRET_VARIABLE, f"{where} is not set", "set it, or read the secret from a file")
    else:
        path = directory / source["file"]
        where = f"file {path}"
        value = _read_file(path)
    value = value.removesuffix("\n").removesuffix("\r")
    text = value.replace("\r", "").replace("\n", "") if lines else value
    if not text or any(ord(character) < ord(" ") or character == "\x7f" for character in text):
        seen = f"{where} is empty" if not value else f"{where} holds more than one line, or control characters"
        raise SecretMistake(Rule.SECRET_TEXT, seen, "let it hold the secret alone, in one line")
    return value


def _read_file(path: Path) -> str:
    """Return the text of a regular file that others cannot read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a FIFO must not hang us
    except OSError as error:
        remedy = "put the secret there, readable by this user and not by others"
        raise SecretMistake(Rule.SECRET_FILE, f"file {path}: {error.strerror}", remedy) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise SecretMistake(Rule.SECRET_FILE, f"{path} is not a regular file", "name a file")
        if status.st_mode & stat.S_IRWXO:
            mode = stat.S_IMODE(status.st_mode)
            seen = f"file {path} is open to every user (mode {mode:04o})"
            raise SecretMistake(Rule.SECRET_READABLE, seen, f"close it: chmod o= {path}")
        content = os.read(descriptor, _LONGEST_SECRET_BYTES + 1)
    finally:
        os.close(descriptor)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise SecretMistake(Rule.SECRET_TEXT, f"file {path} is not UTF-8 text", "write the secret as text") from None
    if len(content) > _LONGEST_SECRET_BYTES:
        raise SecretMistake(Rule.SECRET_TEXT, f"file {path} is too long for a secret", "name the file of the secret")
    return text


def probe_secret(state_dir: Path) -> bytes:
    """Return the key that signs probe tokens; drawn once and kept in `state_dir`, readable by its owner alone.

    Raises:
        PermissionNeededError: the file cannot be read or made.
    """
    path = state_dir / "probe.key"
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            return _whole_key(path)
        aside = path.with_name(f".probe.key.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(_KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):  # another process was faster: its key counts
                path.hardlink_to(aside)
        finally:
            aside.unlink()
        return _whole_key(path)
    except OSError as error:
        raise PermissionNeededError(
            f"reading the probe key {path}: {error.strerror}; run as the user that owns {state_dir}"
        ) from error


def _whole_key(path: Path) -> bytes:
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise PermissionNeededError(
            f"reading the probe key {path}: {len(key)} bytes where {_KEY_BYTES} belong; remove the file, "
            "and a new key is drawn at the next start"
        )
    return key
