"""The configuration as the root part may trust it: nobody but root can have written it."""

import os
from pathlib import Path

from providers.base import Clock
from providers.registry import make_provider
from service.config_file import load_config
from service.postfix.errors import HelperError
from service.postfix.installation import Installation, installation_of


def load_installation(config_path: Path, clock: Clock) -> Installation:
    """Return the installation that a root-owned configuration file describes.

    Raises:
        HelperError: somebody else than root could change the file.
        ConfigError: the configuration is wrong.
        InstallationError: it cannot be written into Postfix.
    """
    check_root_owned(config_path)
    config = load_config(config_path, os.environ)
    stage, total = config.probes.stage_timeout.total_seconds(), config.probes.total_timeout.total_seconds()
    providers = {
        settings.name: make_provider(settings, clock=clock, stage_timeout_seconds=stage, total_timeout_seconds=total)
        for settings in config.provider
    }
    return installation_of(config, providers)


def check_root_owned(path: Path) -> None:
    """Refuse a file that somebody else than root could change or replace.

    Raises:
        HelperError: with the file or directory and what to do.
    """
    try:
        resolved = path.resolve(strict=True)
        for part in (resolved, *resolved.parents):
            status = part.stat()
            sticky = part != resolved and status.st_mode & 0o1000
            if status.st_uid != 0 or (status.st_mode & 0o022 and not sticky):
                raise HelperError(
                    f"{part} can be changed by others than root, so the root helper does not trust {path}; "
                    f"set it right: chown root {part}; chmod go-w {part}"
                )
    except OSError as error:
        raise HelperError(f"Reading {path} failed: {error.strerror}; give the path of relaypilot.toml.") from error
