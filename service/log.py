"""How events are written: one line each on stderr, key=value or JSON, secrets struck out."""

import logging
import os
import sys
from collections.abc import Mapping
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from providers.base import Clock
from service.redaction import Redaction

# sd-daemon(3): the journal reads a leading <N> as the priority of the line.
_PRIORITY = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}
_QUIET = dict.fromkeys(
    # httpx2 writes each address it calls, and those of suppressions hold a recipient's
    ("apscheduler", "asyncio", "uvicorn.access", "httpx2", "httpcore2"),
    logging.WARNING,
)


def configure_logging(
    clock: Clock,
    redaction: Redaction,
    environ: Mapping[str, str],
    *,
    stream: TextIO | None = None,
    level: str = "info",
    form: Literal["plain", "json"] = "plain",
) -> None:
    """Send structlog's events and the standard library's records to `stream`, stderr by default.

    Under the journal, which stamps lines itself, plain lines carry a priority instead of the time.

    Raises:
        ValueError: there is no such level.
    """
    stream = stream or sys.stderr
    journal = form == "plain" and goes_to_journal(stream, environ)
    shared: list[Processor] = [structlog.contextvars.merge_contextvars, structlog.stdlib.add_log_level]
    if not journal:
        shared.append(_Stamp(clock))
    shared += [structlog.stdlib.ExtraAdder(), structlog.processors.format_exc_info]
    render: Processor = structlog.processors.JSONRenderer(ensure_ascii=False) if form == "json" else _line
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _Finish(render, redaction, journal=journal),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(least, root.level))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # a module's logger must follow a later configuration
    )


def goes_to_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Return whether a stream ends in the journal: JOURNAL_STREAM is its device and inode (systemd.exec(5))."""
    wanted = environ.get("JOURNAL_STREAM")
    if not wanted:
        return False
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return wanted == f"{status.st_dev}:{status.st_ino}"


class _Stamp:
    """Adds the time of the event."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __call__(self, _logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
        event["at"] = self._clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return event


class _Finish:
    """Strikes out secrets and renders the event."""

    def __init__(self, render: Processor, redaction: Redaction, *, journal: bool) -> None:
        self._render, self._redaction, self._journal = render, redaction, journal

    def __call__(self, logger: WrappedLogger, name: str, event: EventDict) -> str:
        priority = _PRIORITY.get(str(event.get("level")), 6)
        # Before rendering, where no quoting hides a secret, and after it, where none can be left.
        clean = {key: self._redaction.clean(value) for key, value in event.items()}
        line = self._redaction.strike(str(self._render(logger, name, clean)))
        if not self._journal:
            return line
        return "\n".join(f"<{priority}>{part}" for part in line.splitlines())


def _line(_logger: WrappedLogger, _name: str, event: EventDict) -> str:
    """Return "time level event key=value …", the traceback below it."""
    traceback = event.pop("exception", None)
    first = [str(event.pop("at", "")), str(event.pop("level", "")), _one_line(event.pop("event", ""))]
    pairs = [f"{key}={_quoted(value)}" for key, value in event.items()]
    line = " ".join(part for part in (*first, *pairs) if part)
    return f"{line}\n{traceback}" if traceback else line


def _quoted(value: Any) -> str:
    text = _one_line(value)
    if text and not any(character in text for character in ' "='):
        return text
    return '"' + text.replace('"', "'") + '"'


def _one_line(value: Any) -> str:
    """Return the value as text in which no reply of a relay can forge a second line."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in str(value)
    )
