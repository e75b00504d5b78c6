"""`relaypilot pause` and `relaypilot resume`: automation off and on; measuring goes on."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.actor import actor
from service.cli.client import client_of
from service.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, ReasonOption, seconds_of
from service.cli.page import show_json
from service.cli.words import stamp


def pause(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    length: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help='For so long, such as "2h". Absent: until resumed.')
    ] = None,
    reason: ReasonOption = "",
) -> None:
    """Stop moving mail automatically; measuring goes on and `failover` still works."""
    seconds = None if length is None else seconds_of("--for", length)
    _ask(config, as_json, {"verb": "pause", "for_seconds": seconds, "reason": reason})


def resume(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False, reason: ReasonOption = "") -> None:
    """Move mail automatically again."""
    _ask(config, as_json, {"verb": "resume", "reason": reason})


def _ask(config: Path, as_json: bool, request: dict[str, Any]) -> None:
    found = client_of(config).post("/v1/overrides", {**request, "actor": actor()})
    if as_json:
        show_json(found)
        return
    if not found:
        print("No override is in force: mail moves automatically when the mode allows it.")
    for override in found:
        until = override["until"]
        end = "until resumed" if until is None else f"until {stamp(datetime.fromisoformat(until))}"
        what = f"{override['verb']} {override['provider'] or ''}".strip()
        reason = f": {override['reason']}" if override["reason"] else ""
        print(f"In force: {what} {end}, by {override['actor']}{reason}.")
