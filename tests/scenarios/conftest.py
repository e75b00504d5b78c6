import contextlib

import pytest

from tests.scenarios.scenes import Scenes


@pytest.fixture(scope="package")
def scenes():
    with contextlib.closing(Scenes()) as scenes:
        yield scenes


@pytest.fixture
def scene(scenes):
    """Three providers that work, mail on the first, nobody's fault on."""
    scene = scenes.take()
    yield scene
    scenes.give_back(scene)
