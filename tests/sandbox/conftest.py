from collections.abc import Iterator

import pytest

from deploy.sandbox.world import World


@pytest.fixture(scope="session")
def shared_world() -> Iterator[World]:
    with World.temporary() as world:
        yield world


@pytest.fixture
def world(shared_world: World) -> Iterator[World]:
    yield shared_world
    shared_world.heal()
