import os

import pytest

from tests.postfix.world import build_world

if os.geteuid() != 0:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="module")
def world():
    """A private Postfix instance and three peers, shared by the tests of a module."""
    built = build_world()
    yield built
    built.tear_down()


@pytest.fixture(autouse=True)
def healed(request):
    """Every test of a world starts with peers that work."""
    if "world" in request.fixturenames:
        request.getfixturevalue("world").heal()
