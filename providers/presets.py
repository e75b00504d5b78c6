"""Hosts, ports and limits of well-known relays, read from `presets.toml`."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What is the same for every customer of one relay."""

    title: str
    host: str  # may hold "{region}"
    starttls: tuple[int, ...]  # ports; the first is the default
    implicit: tuple[int, ...]
    username: str | None = None
    max_message_bytes: int | None = None


@cache
def presets() -> dict[str, Preset]:
    """Return every preset by name."""
    table = tomllib.loads(files("providers").joinpath("presets.toml").read_text(encoding="utf-8"))
    return {
        name: Preset(
            title=row["title"],
            host=row["host"],
            starttls=tuple(row["starttls"]),
            implicit=tuple(row["implicit"]),
            username=row.get("username"),
            max_message_bytes=row.get("max_message"),
        )
        for name, row in table.items()
    }
