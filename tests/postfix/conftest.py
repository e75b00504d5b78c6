import os

import pytest

from service.decision.route import simple_route
from service.postfix.current import read_current
from tests.postfix.moving import move
from tests.postfix.world import NAMES, build_world

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


@pytest.fixture
def routed(world):
    """A world whose route is alfa, bravo, carol, without drift."""
    current = read_current(world.installation)
    if current.route != simple_route(*NAMES) or current.drift:
        move(world, *NAMES, override_drift=True)
    return world
