from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.world import World, served


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with served(tmp_path) as world:
        yield world
