import pytest

from tests.scenarios.scene import Scene


@pytest.fixture
def scene():
    """Three providers that work, mail on the first, nobody's fault on."""
    with Scene.temporary() as scene:
        yield scene
