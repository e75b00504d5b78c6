"""Puts Postfix back to what it held before a move."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from service.postfix.change import Change
from service.postfix.command import run
from service.postfix.current import is_running
from service.postfix.errors import CommandError, UndoFailedError
from service.postfix.installation import Installation
from service.postfix.intent import Intent


def undo(installation: Installation, intent: Intent) -> None:
    """Restore every file of a move, newest first, and have a running Postfix read it.

    A file that somebody else changed since the commit keeps that change: only what relaypilot owns in it is
    taken back.

    Raises:
        UndoFailedError: a file could not be restored.
    """
    try:
        for change in reversed(intent.changes):  # main.cf before the tables: it must never name what is not there
            if not change.undo():
                _take_back(installation, intent, change)
        if not intent.owned_dir_existed:
            _remove_owned_dir(installation, intent)
        if is_running(installation):
            run("postfix", ["reload"], config_dir=installation.config_dir, search_path=installation.search_path)
    except (OSError, CommandError) as error:
        raise UndoFailedError(
            f"Putting Postfix's former route back failed ({error}); the former files lie beside the present ones in "
            f"{installation.config_dir} and their originals in {installation.helper_dir}/original; the next call of "
            "relaypilot tries again."
        ) from error


def _take_back(installation: Installation, intent: Intent, change: Change) -> None:
    """Take back owned settings or services from a file that was edited since, or an owned file whole."""
    if change.path == installation.main_cf:
        _edit(installation, change.path, [], intent.settings_before)
    elif change.path == installation.master_cf:
        _edit(installation, change.path, ["-M"], intent.services_before)
    elif change.before is None:
        change.path.unlink(missing_ok=True)
    elif change.old.exists():
        change.old.replace(change.path)


def _edit(installation: Installation, path: Path, mode: list[str], values: Mapping[str, str | None]) -> None:
    former = [f"{name}={value}" for name, value in values.items() if value is not None]
    absent = [name for name, value in values.items() if value is None]
    status = path.stat()
    for edit, arguments in (("-e", former), ("-X", absent)):
        if arguments:
            run(
                "postconf",
                [*mode, edit, *arguments],
                config_dir=installation.config_dir,
                search_path=installation.search_path,
            )
    os.chown(path, status.st_uid, status.st_gid)  # postconf leaves root's file of mode 0644 (3.7.11, 2026-11)
    path.chmod(stat.S_IMODE(status.st_mode))


def _remove_owned_dir(installation: Installation, intent: Intent) -> None:
    for change in intent.changes:
        change.clean()
    if installation.owned_dir.is_dir() and not any(installation.owned_dir.iterdir()):
        installation.owned_dir.rmdir()
