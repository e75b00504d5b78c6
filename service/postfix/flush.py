"""Has deferred mail tried again after a move; else it would wait up to maximal_backoff_time for its next try."""

import json

from service.postfix.command import run
from service.postfix.installation import Installation

AT_ONCE = 500  # messages; a longer queue is not thrown whole at a relay that has just taken over


def flush(installation: Installation, at_once: int = AT_ONCE) -> int:
    """Have up to `at_once` deferred messages tried now, oldest first; return how many are deferred.

    Call again later for the rest of a longer queue.

    Raises:
        CommandError: Postfix's queue cannot be read (postqueue(1)).
    """
    deferred = deferred_messages(installation)
    if len(deferred) <= at_once:
        if deferred:
            _queue(installation, ["-f"])
    else:
        for queue_id in deferred[:at_once]:
            _queue(installation, ["-i", queue_id])
    return len(deferred)


def deferred_messages(installation: Installation) -> tuple[str, ...]:
    """Return the queue identifiers of deferred messages, oldest first.

    Raises:
        CommandError: Postfix's queue cannot be read.
    """
    entries = [json.loads(line) for line in _queue(installation, ["-j"]).splitlines() if line.strip()]
    waiting = [entry for entry in entries if entry["queue_name"] == "deferred"]
    return tuple(entry["queue_id"] for entry in sorted(waiting, key=lambda entry: entry["arrival_time"]))


def _queue(installation: Installation, arguments: list[str]) -> str:
    return run("postqueue", arguments, config_dir=installation.config_dir, search_path=installation.search_path)
