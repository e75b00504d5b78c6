from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.world import World, served
from tests.cli.shell import Shell


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with served(tmp_path_factory.mktemp("daemon")) as world:
        yield world


@pytest.fixture
def shell(daemon: World, tmp_path: Path) -> Shell:
    """The command line, configured for a running (fake) daemon."""
    daemon.desk.reset()
    return Shell.at(tmp_path, daemon.socket)


@pytest.fixture
def lonely_shell(tmp_path: Path) -> Shell:
    """The command line, configured for a daemon that is not running."""
    return Shell.at(tmp_path, tmp_path / "nobody.sock")
