"""Hosts, ports and limits of well-known relays, read from `presets.toml`."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What is the same for every customer of one relay."""

    title: str
    host: str  # may hold "{region}"
    starttls: tuple[int, ...]  # ports; the first is the default
    implicit: tuple[int, ...]
    username: str | None = None
    max_message_bytes: int | None = None
    auth: str | None = None  # the login method, where no password is given
    limits: tuple[str, ...] = ()  # what else is documented, in words


@cache
def presets() -> dict[str, Preset]:
    """Return every preset by name."""
    table = tomllib.loads(files("providers").joinpath("presets.toml").read_text(encoding="utf-8"))
    return {name: _preset(row) for name, row in table.items()}


def _preset(row: dict[str, Any]) -> Preset:
    rest = {name: row[name] for name in row.keys() - {"starttls", "implicit", "max_message", "limits"}}
    return Preset(
        **rest,
        starttls=tuple(row["starttls"]),
        implicit=tuple(row["implicit"]),
        max_message_bytes=row.get("max_message"),
        limits=tuple(row.get("limits", ())),
    )
