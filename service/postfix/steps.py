"""The steps of the transaction, in order, and who may watch them."""

import logging
from collections.abc import Callable
from typing import Literal

Step = Literal[
    "snapshot",
    "stage",
    "validate",
    "intent",
    "commit-files",
    "commit-services",
    "commit-settings",
    "reload",
    "read-back",
    "canary",
    "record",
    "clean",
    "undo",
    "record-undo",
]
STEPS: tuple[Step, ...] = (
    "snapshot",
    "stage",
    "validate",
    "intent",
    "commit-files",
    "commit-services",
    "commit-settings",
    "reload",
    "read-back",
    "canary",
    "record",
    "clean",
)
UNDO_STEPS: tuple[Step, ...] = ("undo", "record-undo")  # in place of the rest, when a move cannot be finished
When = Literal["before", "after"]
Observer = Callable[[Step, When], None]

_log = logging.getLogger(__name__)


def log_step(step: Step, when: When) -> None:
    """Log a step of the transaction: the observer of production."""
    _log.debug("route transaction: %s %s", when, step)
