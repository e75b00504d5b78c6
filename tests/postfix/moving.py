"""Moves a world's route as its administrator would."""

import uuid

from service.decision.route import simple_route
from service.postfix.apply import apply
from service.postfix.current import read_current
from tests.postfix.world import CLOCK


def move(world, *providers, **overrides):
    """Apply a route of these providers; any argument of `apply` can be given."""
    values = {
        "request_id": uuid.uuid4().hex,
        "expected_generation": read_current(overrides.get("installation", world.installation)).generation
        if "expected_generation" not in overrides
        else 0,
        "route": simple_route(*providers),
        "clock": CLOCK,
    } | overrides
    return apply(values.pop("installation", world.installation), **values)


def assert_one_sentence(error):
    text = str(error.value)
    assert text[0].isupper()
    assert text.rstrip(".").count("\n") == 0
    assert "Traceback" not in text
