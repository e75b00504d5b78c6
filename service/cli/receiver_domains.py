"""The recipient domains of each receiver: those of a configuration, or the well-known ones."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from probes.well_known_receivers import WELL_KNOWN
from service.errors import ConfigError, Problem


def receiver_domains(config: Path | None) -> Mapping[str, Sequence[str]]:
    """Return [receivers] of this configuration; without one, or where it names none, the well-known receivers.

    Only that table is read, so that the rest of the configuration and its secrets need not be at hand.

    Raises:
        ConfigError: the file or the table cannot be read.
    """
    if config is None:
        return WELL_KNOWN
    try:
        found = tomllib.loads(config.read_text(encoding="utf-8")).get("receivers", {})
    except OSError as error:
        raise _unusable(
            config, "no-file", "", error.strerror or "unreadable", "name a file that this user can read"
        ) from (error)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _unusable(config, "not-toml", "", f"not TOML: {error}", "correct that line") from error
    if not isinstance(found, dict):
        raise _unusable(config, "wrong-type-table", "receivers", "no table", "write [receivers]")
    for name, domains in found.items():
        if not isinstance(domains, list) or not all(isinstance(domain, str) for domain in domains):
            remedy = f'write {name} = ["gmail.com", "googlemail.com"]'
            raise _unusable(config, "wrong-type", f"receivers.{name}", "no list of domains", remedy)
    return found or WELL_KNOWN


def _unusable(config: Path, rule: str, key: str, seen: str, remedy: str) -> ConfigError:
    return ConfigError([Problem(rule=rule, file=str(config), key=key, seen=seen, remedy=remedy)])
