"""Errors of Postfix control.

    PostfixError
    ├── CommandError                    a Postfix command could not be run
    │   ├── CommandMissingError
    │   ├── CommandTimedOutError
    │   └── CommandFailedError          it ended with an error; `stderr` is what it said
    ├── InstallationError               the configured providers cannot be written into Postfix
    ├── ApplyError                      the route was not changed
    │   ├── RouteRefusedError           unknown provider, none at all, wrapper mode mixed
    │   ├── StaleGenerationError        the route was changed since the caller read it
    │   ├── RequestReusedError          the request identifier was used for another route
    │   ├── BusyError                   another move is being applied
    │   ├── DriftFoundError             owned settings were changed by hand
    │   ├── NotRunningError             Postfix is stopped
    │   ├── BrokenConfigurationError    Postfix cannot read its configuration
    │   ├── CannotWriteError            a file could not be written
    │   ├── ReadBackFailedError         what is in force is not what was written
    │   ├── CanaryFailedError           a message did not take the new route
    │   ├── MoveFailedError             a move with this identifier failed earlier
    │   └── UndoFailedError             a failed move could not be undone completely
    └── HelperError                     the root helper gave no usable answer
        ├── HelperUnreachableError      nobody answers on its socket
        │   └── AnswerLostError         it took the request and went away, or is late
        └── RequestRefusedError         the request is malformed or not allowed

Every `code` is the name of an error on the helper's socket. After an error whose `outcome_known` is false a move
may have been carried out, or be carried out yet: only the root side's journal says.
"""

from typing import ClassVar

from service.errors import RelaypilotError


class PostfixError(RelaypilotError):
    """Postfix could not be controlled."""

    code: ClassVar[str] = "postfix"
    outcome_known: ClassVar[bool] = True  # raised by a move: Postfix is as it was, and stays so
    exit_status = 8


class CommandError(PostfixError):
    """A Postfix command could not be run."""

    code = "command"


class CommandMissingError(CommandError):
    """The command is not installed."""

    code = "command-missing"


class CommandTimedOutError(CommandError):
    """The command did not end in time and was killed."""

    code = "command-timed-out"


class CommandFailedError(CommandError):
    """The command ended with an error."""

    code = "command-failed"

    def __init__(self, message: str, stderr: str = "") -> None:
        super().__init__(message)
        self.stderr = stderr


class InstallationError(PostfixError):
    """The configured providers cannot be written into Postfix."""

    code = "installation"


class ApplyError(PostfixError):
    """The route was not changed; Postfix's configuration is as it was."""

    code = "apply"


class RouteRefusedError(ApplyError):
    """The route names an unknown provider, none at all, or providers that do not mix."""

    code = "route-refused"


class StaleGenerationError(ApplyError):
    """The route was changed since the caller read it."""

    code = "stale-generation"


class RequestReusedError(ApplyError):
    """The request identifier was used for another route."""

    code = "request-reused"


class BusyError(ApplyError):
    """Another process is applying a move."""

    code = "busy"


class DriftFoundError(ApplyError):
    """Settings, services or files that relaypilot owns were changed by hand."""

    code = "drift"


class NotRunningError(ApplyError):
    """Postfix is stopped."""

    code = "not-running"


class BrokenConfigurationError(ApplyError):
    """Postfix cannot read its configuration."""

    code = "broken-configuration"


class CannotWriteError(ApplyError):
    """A file or directory could not be written."""

    code = "cannot-write"


class ReadBackFailedError(ApplyError):
    """What is in force is not what was written."""

    code = "read-back"


class CanaryFailedError(ApplyError):
    """A message did not take the new route."""

    code = "canary"


class MoveFailedError(ApplyError):
    """A move with this request identifier was tried earlier and failed."""

    code = "move-failed"


class UndoFailedError(ApplyError):
    """A failed move could not be undone completely; a person has to look."""

    code = "undo-failed"
    outcome_known = False


class HelperError(PostfixError):
    """The root helper gave no usable answer."""

    code = "helper"
    outcome_known = False


class HelperUnreachableError(HelperError):
    """Nobody answers on the root helper's socket."""

    code = "helper-unreachable"
    outcome_known = True
    exit_status = 4


class AnswerLostError(HelperUnreachableError):
    """The root helper took the request, and its answer did not come."""

    code = "answer-lost"
    outcome_known = False


class RequestRefusedError(HelperError):
    """The helper takes no such request, or not from this user."""

    code = "request-refused"
    outcome_known = True


def errors_by_code() -> dict[str, type[PostfixError]]:
    """Return every error of this tree under its code."""
    found: dict[str, type[PostfixError]] = {}
    waiting: list[type[PostfixError]] = [PostfixError]
    while waiting:
        kind = waiting.pop()
        found[kind.code] = kind
        waiting.extend(kind.__subclasses__())
    return found
