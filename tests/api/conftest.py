from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.world import World, served


@pytest.fixture(scope="session")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with served(tmp_path_factory.mktemp("served")) as world:
        yield world


@pytest.fixture
def world(shared_world: World) -> World:
    """A served API with a desk as new."""
    shared_world.desk.reset()
    return shared_world


@pytest.fixture
def own_world(tmp_path: Path) -> Iterator[World]:
    """A served API that the test may stop."""
    with served(tmp_path) as world:
        yield world
