"""Where the daemon listens, read from the configuration without loading its models (they take 0.1 s)."""

import tomllib
from pathlib import Path

from service.errors import ConfigError, Problem

_DEFAULT = Path("/run/relaypilot/api.sock")  # service.config.ApiTable.socket; a test compares them


def socket_path(config: Path) -> Path:
    """Return [api] socket of this configuration.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        api = tomllib.loads(config.read_text(encoding="utf-8")).get("api", {})
    except OSError as error:
        raise _unusable(
            config,
            "no-file",
            error.strerror or "unreadable",
            "name a file that this user can read with --config, or run this as root",
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _unusable(config, "not-toml", f"not TOML: {error}", "correct that line") from error
    found = api.get("socket", str(_DEFAULT)) if isinstance(api, dict) else None
    if not isinstance(found, str):
        raise _unusable(config, "wrong-type", "[api] socket is no text", 'write socket = "/run/relaypilot/api.sock"')
    return Path(found)


def _unusable(config: Path, rule: str, seen: str, remedy: str) -> ConfigError:
    return ConfigError([Problem(rule=rule, file=str(config), key="", seen=seen, remedy=remedy)])
