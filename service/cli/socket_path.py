"""Where the daemon listens, read from the configuration without loading its models (they take 0.1 s)."""

import re
import sys
import tomllib
from pathlib import Path

from service.errors import ConfigError, PermissionNeededError, Problem

_DEFAULT = Path("/run/relaypilot/api.sock")  # service.config.ApiTable.socket; a test compares them


def socket_path(config: Path) -> Path:
    """Return [api] socket of this configuration.

    Raises:
        ConfigError: the file cannot be read, or names no socket.
        PermissionNeededError: this user may not read it.
    """
    try:
        api = tomllib.loads(config.read_text(encoding="utf-8")).get("api", {})
    except PermissionError as error:
        raise PermissionNeededError(f"This user may not read {config}: run this as root.") from error
    except OSError as error:
        raise _unusable(
            config,
            "no-file",
            error.strerror or "unreadable",
            f"name another with --config, or write one: relaypilot config describe > {config}",
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        # The daemon goes on with its last good configuration; a half-edited file must not lock people out.
        path = _guessed(config)
        print(f"{config} is not TOML ({error}): correct that line. Asking the daemon on {path}.", file=sys.stderr)
        return path
    found = api.get("socket", str(_DEFAULT)) if isinstance(api, dict) else None
    if not isinstance(found, str):
        raise _unusable(config, "wrong-type", "[api] socket is no text", 'write socket = "/run/relaypilot/api.sock"')
    return Path(found)


def _guessed(config: Path) -> Path:
    found = re.search(
        r'^\s*socket\s*=\s*"(/[^"\\]+)"', config.read_text(encoding="utf-8", errors="replace"), re.MULTILINE
    )
    return Path(found[1]) if found else _DEFAULT


def _unusable(config: Path, rule: str, seen: str, remedy: str) -> ConfigError:
    return ConfigError([Problem(rule=rule, file=str(config), key="", seen=seen, remedy=remedy)])
