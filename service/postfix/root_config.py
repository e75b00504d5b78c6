"""The configuration as the root part may trust it: nobody but root can have written it."""

import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from probes.errors import ProbeError
from providers.base import Clock
from providers.errors import ProviderError
from providers.registry import make_provider
from service.config_file import load_config, secrets_of
from service.errors import ConfigError
from service.postfix.errors import HelperError, InstallationError
from service.postfix.installation import Installation, installation_of

_log = logging.getLogger(__name__)


def load_installation(
    config_path: Path, clock: Clock, learn: Callable[[Iterable[str]], None] = lambda _secrets: None
) -> Installation:
    """Return the installation that a root-owned configuration file describes; `learn` is told its secrets first.

    Raises:
        HelperError: somebody else than root could change the file.
        ConfigError: the configuration is wrong.
        InstallationError: it cannot be written into Postfix, or an adapter does not take its settings.
    """
    check_root_owned(config_path)
    config = load_config(config_path, os.environ)
    learn(secrets_of(config))
    stage, total = config.probes.stage_timeout.total_seconds(), config.probes.total_timeout.total_seconds()
    try:
        providers = {
            settings.name: make_provider(
                settings, clock=clock, stage_timeout_seconds=stage, total_timeout_seconds=total
            )
            for settings in config.provider
        }
        return installation_of(config, providers)
    except (ProviderError, ProbeError) as error:
        raise InstallationError(f"Setting up the providers failed: {error}") from error


class LatestInstallation:
    """The installation of a configuration file that may change: read anew each time, the last right one kept."""

    def __init__(
        self, config_path: Path, clock: Clock, load: Callable[[Path, Clock], Installation] = load_installation
    ) -> None:
        """Take the file's path; nothing is read yet."""
        self._config_path, self._clock, self._load = config_path, clock, load
        self._installation: Installation | None = None
        self._problem: str | None = None

    def __call__(self) -> Installation:
        """Return the installation of the file as it is now; of the last right one if it has become wrong.

        Raises:
            HelperError: somebody else than root could change the file.
            ConfigError, InstallationError: it is wrong, and has never been right.
        """
        try:
            self._installation = self._load(self._config_path, self._clock)
        except (ConfigError, InstallationError) as error:
            if self._installation is None:
                raise
            if str(error) != self._problem:
                _log.warning("the changed configuration is not used; the old one is in force: %s", error)
            self._problem = str(error)
        else:
            self._problem = None
        return self._installation


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
