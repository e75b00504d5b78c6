"""`relaypilot failover`, also installed as `failover`: move mail now."""

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.actor import actor
from service.cli.client import Client, client_of
from service.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, ReasonOption, ReceiverOption, length_of
from service.cli.page import say, show_json
from service.cli.progress import Progress
from service.cli.words import stamp
from service.errors import DaemonNotRunningError


def failover(
    to: Annotated[str, typer.Option("--to", metavar="PROVIDER", help="The provider to move to.")],
    receiver: ReceiverOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    pin: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="DURATION",
            help='Keep mail there for so long, such as "2h"; "0s": no pin. Absent: [policy] manual_pin.',
        ),
    ] = None,
    reason: ReasonOption = "",
    force: Annotated[
        bool, typer.Option("--force", help="Move although a safety rule stands against it; the journal says so.")
    ] = False,
    direct: Annotated[
        bool,
        typer.Option("--direct", help="Do not ask the daemon, which may hang: act as root by the same transaction."),
    ] = False,
) -> None:
    """Move mail to a provider now and pin it there; with --receiver only the mail to that receiver.

    The others stay behind it in the route. Without a daemon the same transaction is carried out directly.
    """
    asked = {
        "to": to,
        **({} if receiver is None else {"receiver": receiver}),
        "for_seconds": None if pin is None else length_of("--for", pin, or_nothing=True),
        "reason": reason,
        "force": force,
        "actor": actor(),
    }
    move = _move(config, asked, direct=direct)
    if as_json:
        show_json(move)
        return
    for line in _told(move):
        say(line)


def _move(config: Path, asked: dict[str, Any], *, direct: bool) -> dict[str, Any]:
    what = f"Moving to {asked['to']}"
    if not direct:
        client = client_of(config)
        try:
            with Progress(what, lambda: _steps(client, asked["to"], asked.get("receiver"))):
                found: dict[str, Any] = client.post("/v1/failover", asked)
                return found
        except DaemonNotRunningError:
            print("The daemon is not running: acting directly.", file=sys.stderr)
    from service.direct import direct_failover
    from service.views import FailoverRequest

    with Progress(what) as progress:
        return direct_failover(config, FailoverRequest(**asked), progress.step).model_dump(mode="json")


def _steps(client: Client, to: str, receiver: str | None) -> Iterator[str]:
    """Yield what the daemon does; how it ends is the command's own to say."""
    mail = "mail" if receiver is None else f"mail to {receiver}"
    ends = (f"Moving {mail} to {to} failed", f"M{mail[1:]} moved to {to}")
    for line in client.lines("GET", "/v1/stream"):
        if line.startswith("data: "):
            sentence = json.loads(line.removeprefix("data: "))["sentence"]
            if not sentence.startswith(ends):
                yield sentence


def _told(move: dict[str, Any]) -> Iterator[str]:
    mail = "Mail" if move.get("receiver") is None else f"Mail to {move['receiver']}"
    first = f"{mail} goes through {move['route'][0]} now."
    yield first
    if move["sentence"] != first:
        yield move["sentence"]
    yield f"Route: {', '.join(move['route'])} (generation {move['generation']})."
    if not move["verified"] and move["outcome"] == "applied":
        yield "Unverified: no message has been seen going out through it yet."
    if move["pinned_until"] is not None:
        yield f"Pinned until {stamp(datetime.fromisoformat(move['pinned_until']))}."
    else:
        yield 'Not pinned: with mode = "enforce" it may be moved again at once.'
    if move["flushed"]:
        yield f"Deferred messages tried again: {move['flushed']}."
    yield f"It took {move['duration_seconds']:.1f} s."
