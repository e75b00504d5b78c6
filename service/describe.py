"""The annotated example configuration, made from the models so that it cannot fall behind them."""

from collections.abc import Iterator
from itertools import groupby

from service.config import Config
from service.described_key import DescribedKey, described_keys

_WIDTH = 110
_HEAD = """\
# relaypilot.toml with every key, as `relaypilot config describe` prints it.
# Keys that must be written stand open; the others are commented out and show their default, or an example
# where the key is absent by default.
#
# Durations: "500ms", "90s", "5m", "1h30m", "2d".
# Secrets never stand here: { file = "path" } names a file, relative to this one, that other users cannot
# read (chmod o=); { env = "NAME" } names a variable of the daemon's environment.
"""


def describe_config() -> str:
    """Return a configuration that holds every key, its type, default and meaning; it loads as it is.

    Raises:
        ProviderError: an installed adapter cannot be loaded.
    """
    parts = [_HEAD]
    for (table, _), keys in groupby(described_keys(), key=lambda key: (key.table, key.kind)):
        parts.append("\n".join((*_heading(table), *(line for key in keys for line in _lines(key)))))
    return "\n".join(parts).rstrip() + "\n"


def _heading(table: str) -> Iterator[str]:
    if not table:
        return
    description = Config.model_fields[table].description or ""
    brackets = f"[[{table}]]" if table in ("provider", "seed") else f"[{table}]"
    text = description.removeprefix(f"{brackets}: ")
    yield from _wrapped(text[:1].upper() + text[1:])
    yield f"{brackets}\n"


def _lines(key: DescribedKey) -> Iterator[str]:
    state = "required" if key.required else f"default {key.default}" if key.default else "absent by default"
    yield from _wrapped(key.description)
    yield f"# {key.type}; {state}"
    yield f"{'' if key.required else '#'}{key.key} = {key.example}\n"


def _wrapped(text: str) -> Iterator[str]:
    line = "#"
    for word in text.split():
        if len(line) + 1 + len(word) > _WIDTH:
            yield line
            line = "#"
        line += f" {word}"
    yield line
