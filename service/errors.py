"""Errors of the service, and the exit status that the command line gives for each.

    RelaypilotError              1  failed
    ├── UsageError               2  the command was not understood
    │   ├── NoSuchProviderError     no provider has that name
    │   └── NoSuchSeedError         no seed has that name
    ├── ConfigError              3  the configuration is wrong; `problems` lists every mistake
    ├── DaemonUnreachableError   4  the daemon does not answer on its socket
    │   └── DaemonNotRunningError   nobody listens there
    ├── PermissionNeededError    5  this needs another user, usually root
    ├── StoreError               6  the store cannot be read or written
    │   ├── StoreLockedError        another process holds it
    │   ├── StoreFullError          no space left
    │   ├── StoreReadOnlyError      file or file system cannot be written
    │   ├── StoreCorruptError       not a store, or a damaged one
    │   └── StoreTooNewError        written by a newer relaypilot
    ├── UnsafePlanError          7  a safety rule stands against it; nothing was changed
    └── PostfixError             8  Postfix could not be controlled; see service.postfix.errors

Exit status 0 means done. Every message says what was being done, what was seen and what to do.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class RelaypilotError(Exception):
    """Something that an administrator can read and act on; shown without a traceback."""

    exit_status: ClassVar[int] = 1


class UsageError(RelaypilotError):
    """The command line asks for something that does not exist."""

    exit_status = 2


class NoSuchProviderError(UsageError):
    """No provider of the configuration has that name."""


class NoSuchSeedError(UsageError):
    """No seed of the configuration has that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake in a configuration: where it is, what was seen, what to write instead."""

    rule: str  # service.config_rules.Rule value
    file: str
    key: str  # "provider[1].port"; tables of a list are counted from 1; "" for the whole file
    name: str | None = None  # the entry's own name: "mailgun"
    seen: str
    remedy: str

    def __str__(self) -> str:
        """Return the problem as one line."""
        where = f'{self.key} ("{self.name}")' if self.name and self.key else self.key
        return ": ".join(part for part in (self.file, where, f"{self.seen}; {self.remedy}") if part)


class ConfigError(RelaypilotError):
    """The configuration cannot be used; every mistake is in `problems`."""

    exit_status = 3

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=_place))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def _place(problem: Problem) -> tuple[str, bool, list[tuple[int, str]]]:
    """Return what sorts mistakes by file and key: keys outside of tables first, provider[2] before provider[10]."""
    parts = [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"[.\[\]]+", problem.key)]
    return problem.file, "." in problem.key or "[" in problem.key, parts


class DaemonUnreachableError(RelaypilotError):
    """The daemon does not answer on its socket."""

    exit_status = 4


class DaemonNotRunningError(DaemonUnreachableError):
    """Nobody listens on the daemon's socket, so nobody else is deciding about the route."""


class PermissionNeededError(RelaypilotError):
    """The operating system forbids it to this user."""

    exit_status = 5


class StoreError(RelaypilotError):
    """The store cannot be read or written."""

    exit_status = 6


class StoreLockedError(StoreError):
    """Another process held the store for longer than we wait."""


class StoreFullError(StoreError):
    """No space is left for the store."""


class StoreReadOnlyError(StoreError):
    """The store's file, directory or file system cannot be written."""


class StoreCorruptError(StoreError):
    """The file is no store of ours, or a damaged one."""


class StoreTooNewError(StoreError):
    """The store was written by a newer relaypilot."""


class UnsafePlanError(RelaypilotError):
    """A safety rule stands against the plan; nothing was changed."""

    exit_status = 7
