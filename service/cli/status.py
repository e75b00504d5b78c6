"""`relaypilot status`: the present state, once or until Ctrl-C."""

import json
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.client import client_of
from service.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from service.cli.page import Cell, Page, Screen, plain, screen, show, show_json, styled
from service.cli.status_page import status_page, watch_page
from service.errors import DaemonNotRunningError, RelaypilotError

if TYPE_CHECKING:
    from service.views import StatusView

_EVERY_SECONDS = 2.0


def status(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Refresh in place until Ctrl-C.")] = False,
) -> None:
    """Show route, health per provider and receiver (k of n), overrides, problems and last events.

    On a narrow terminal a receiver has a row only where it differs from its provider; a pipe gets every row.
    Without a daemon it reads Postfix and the store directly and says so.
    """
    if watch:
        _watch(config, as_json)
        return
    found = _read(config)
    if as_json:
        show_json(found)
    else:
        show(status_page(_view(found), screen()))


def _read(config: Path) -> dict[str, Any]:
    """Return the daemon's status; without a daemon, what can be seen directly."""
    try:
        found: dict[str, Any] = client_of(config).get("/v1/status")
    except DaemonNotRunningError:
        from service.direct import direct_status

        print("The daemon is not running: showing what Postfix and the store say.", file=sys.stderr)
        found = direct_status(config).model_dump(mode="json")
    return found


def _view(found: dict[str, Any]) -> "StatusView":
    from service.views import StatusView

    return StatusView.model_validate(found)


def _watch(config: Path, as_json: bool) -> None:
    never = threading.Event()
    if as_json or not sys.stdout.isatty():
        while True:
            found = _read(config)
            print(json.dumps(found) if as_json else _text(found), flush=True)
            never.wait(_EVERY_SECONDS)
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(highlight=False), screen=True, auto_refresh=False) as live:
        while True:
            size = Screen(live.console.width, live.console.height)
            live.update(styled(_page_or_error(config, size)), refresh=True)
            never.wait(_EVERY_SECONDS)


def _text(found: dict[str, Any]) -> str:
    return plain(status_page(_view(found))) + "\n"


def _page_or_error(config: Path, size: Screen) -> Page:
    """Return the page; a daemon that is away for a moment does not end the watching."""
    try:
        return watch_page(_view(_read(config)), size)
    except RelaypilotError as error:
        return [Cell(str(error), "red")]
