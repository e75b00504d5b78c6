"""Problem documents (RFC 9457): what an error is to a client of the API, and to `--json` on the command line."""

from http import HTTPStatus
from typing import Any

from service import errors
from service.postfix.errors import (
    BusyError,
    DriftFoundError,
    HelperUnreachableError,
    PostfixError,
    RouteRefusedError,
    StaleGenerationError,
)

MEDIA_TYPE = "application/problem+json"
_TYPE_PREFIX = "urn:relaypilot:problem:"

# The one place where an error gets its HTTP status. The nearest class wins.
HTTP_STATUS: dict[type[Exception], HTTPStatus] = {
    errors.RelaypilotError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.UsageError: HTTPStatus.BAD_REQUEST,
    errors.NoSuchProviderError: HTTPStatus.NOT_FOUND,
    errors.NoSuchSeedError: HTTPStatus.NOT_FOUND,
    errors.ConfigError: HTTPStatus.CONFLICT,
    errors.DaemonUnreachableError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.PermissionNeededError: HTTPStatus.FORBIDDEN,
    errors.StoreError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.StoreFullError: HTTPStatus.INSUFFICIENT_STORAGE,
    errors.UnsafePlanError: HTTPStatus.CONFLICT,
    PostfixError: HTTPStatus.BAD_GATEWAY,
    RouteRefusedError: HTTPStatus.CONFLICT,
    StaleGenerationError: HTTPStatus.CONFLICT,
    BusyError: HTTPStatus.CONFLICT,
    DriftFoundError: HTTPStatus.CONFLICT,
    HelperUnreachableError: HTTPStatus.SERVICE_UNAVAILABLE,
}


_TITLES: dict[type[Exception], str] = {  # where the class's name alone would say little
    errors.RelaypilotError: "Failed",
    errors.UsageError: "Not understood",
    errors.ConfigError: "Wrong configuration",
    errors.StoreError: "Store failed",
    PostfixError: "Postfix could not be controlled",
}


def problem(
    name: str, status: HTTPStatus, detail: str, *, title: str | None = None, exit_status: int = 1, **fields: Any
) -> dict[str, Any]:
    """Return a problem document. `name` identifies the kind for good and is its title unless one is given."""
    return {
        "type": _TYPE_PREFIX + name,
        "title": title or name.replace("-", " ").capitalize(),
        "status": int(status),
        "detail": detail,
        "exit_status": exit_status,
        **fields,
    }


def problem_of(error: errors.RelaypilotError) -> dict[str, Any]:
    """Return the problem document of one of our errors; its kind is named after the class."""
    status = next(HTTP_STATUS[kind] for kind in type(error).__mro__ if kind in HTTP_STATUS)
    title = _TITLES.get(type(error))
    fields: dict[str, Any] = {}
    if isinstance(error, errors.ConfigError):
        fields["errors"] = [{"field": one.key, "rule": one.rule, "detail": str(one)} for one in error.problems]
    return problem(_name(type(error)), status, str(error), title=title, exit_status=error.exit_status, **fields)


def _name(kind: type[Exception]) -> str:
    words = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in kind.__name__)
    return words.removeprefix("-").removesuffix("-error")
