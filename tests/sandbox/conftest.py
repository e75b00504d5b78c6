from collections.abc import Iterator

import pytest

from deploy.sandbox.world import World
from tests.sandbox.http_clients import Client


@pytest.fixture(scope="session")
def shared_world() -> Iterator[World]:
    with World.temporary() as world:
        yield world


@pytest.fixture
def world(shared_world: World) -> Iterator[World]:
    yield shared_world
    shared_world.heal()


@pytest.fixture
def mailgun(world: World) -> Iterator[Client]:
    client = Client(world, "mailgun")
    yield client
    client.http.close()


@pytest.fixture
def sendgrid(world: World) -> Iterator[Client]:
    client = Client(world, "sendgrid")
    yield client
    client.http.close()
