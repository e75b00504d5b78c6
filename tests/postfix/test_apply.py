import uuid

from service.decision.route import simple_route
from service.postfix.apply import apply
from service.postfix.current import read_current
from tests.postfix.world import CLOCK


def move(world, *providers, **overrides):
    current = read_current(world.installation)
    values = {
        "request_id": uuid.uuid4().hex,
        "expected_generation": current.generation,
        "route": simple_route(*providers),
        "clock": CLOCK,
    }
    return apply(world.installation, **{**values, **overrides})


def test_a_move_is_in_force_verified_and_carries_the_next_message(world):
    applied = move(world, "alfa", "bravo", "carol")
    print(applied)
    assert applied.verified, applied.sentence
    assert world.carrier_of(world.send()) == "alfa"
    applied = move(world, "bravo", "alfa", "carol")
    print(applied)
    assert world.carrier_of(world.send()) == "bravo"
    current = read_current(world.installation)
    assert current.route == simple_route("bravo", "alfa", "carol")
    assert current.drift == ()
