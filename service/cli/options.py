"""Options that every command takes, and how their values are read."""

from pathlib import Path
from typing import Annotated

import typer

from service.duration import parse_duration
from service.errors import UsageError

_MOST_DAYS = 366
_DAY_SECONDS = 86400
DEFAULT_CONFIG = Path("/etc/relaypilot/relaypilot.toml")

ConfigOption = Annotated[
    Path,
    typer.Option(
        "--config",
        envvar="RELAYPILOT_CONFIG",
        metavar="PATH",
        readable=False,  # whoever opens it says better than typer why it cannot be
        help="The configuration file.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, errors too (as problem documents, RFC 9457).")]
ReceiverOption = Annotated[
    str | None,
    typer.Option("--receiver", metavar="RECEIVER", help='Only mail to this receiver; needs routing = "transport".'),
]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stands in the journal.")]

# Kept beside the table in service.errors by a test.
EXIT_STATUSES = (
    (0, "done"),
    (1, "failed"),
    (2, "the command was not understood, or names what does not exist"),
    (3, "the configuration is wrong"),
    (4, "the daemon or the root helper does not answer"),
    (5, "this needs another user"),
    (6, "the store cannot be read or written"),
    (7, "a safety rule stands against it; nothing was changed"),
    (8, "Postfix could not be controlled; a failed move leaves its configuration as it was"),
    (130, "ended with Ctrl-C"),
)
EPILOG = "`relaypilot --help` lists the exit statuses."
TOP_EPILOG = "\b\nExit status:\n" + "\n".join(f"  {status:<3}  {meaning}" for status, meaning in EXIT_STATUSES)


def length_of(option: str, text: str, *, or_nothing: bool = False) -> float:
    """Return the seconds of how long something is to last, or reach back.

    Raises:
        UsageError: it is not a duration, lasts nothing (unless that has a meaning), or for ever.
    """
    seconds = seconds_of(option, text)
    if not (0 < seconds <= _MOST_DAYS * _DAY_SECONDS or (or_nothing and seconds == 0)):
        least = "" if or_nothing else "longer than 0 s and "
        raise UsageError(f"{option} must be {least}at most {_MOST_DAYS} d, not {text}.")
    return seconds


def seconds_of(option: str, text: str) -> float:
    """Return the seconds of a duration given on the command line.

    Raises:
        UsageError: it is not a duration.
    """
    try:
        seconds = float(parse_duration(text).total_seconds())
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{option}: {error}.") from error
    return seconds
