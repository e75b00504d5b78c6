"""A real SIGKILL at every step of a move; the next call brings files, Postfix and journal to agreement."""

import os
import signal
import uuid

import pytest

from service.decision.route import simple_route
from service.postfix.apply import STEPS, apply, recover
from service.postfix.current import read_current
from service.postfix.journal import find_in_journal
from tests.postfix.moving import move
from tests.postfix.world import CLOCK

ROUTES = (("alfa", "bravo"), ("bravo", "carol"), ("carol", "alfa"))


def killed(world, act):
    """Run `act` in a process of its own, which dies by SIGKILL."""
    child = os.fork()
    if child == 0:
        try:
            act()
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL


def kill_at(step, when):
    def observer(seen, seen_when):
        if (seen, seen_when) == (step, when):
            os.kill(os.getpid(), signal.SIGKILL)

    return observer


def next_route(world):
    current = read_current(world.installation)
    active = current.route.active if current.route else "carol"
    return simple_route(*ROUTES[[route[0] for route in ROUTES].index(active) - 2]), current


def assert_agreement(world, request_id, old, new, generation):
    current = read_current(world.installation)
    line = find_in_journal(world.installation, request_id)
    assert (current.drift, current.interrupted) == ((), False)
    if line is not None and line.outcome == "applied":
        assert (current.route, current.generation, current.request_id) == (new, generation + 1, request_id)
    else:
        assert (current.route, current.generation) == (old, generation)
    assert not list(world.config_dir.rglob("*.relaypilot-*"))
    assert sorted(path.name for path in world.installation.helper_dir.iterdir()) == [
        "journal.jsonl",
        "lock",
        "original",
        "state.json",
    ]
    assert world.carrier_of(world.send()) == current.route.active


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_leaves_a_valid_route_and_is_finished_or_undone(world, step, when):
    if read_current(world.installation).route is None:
        move(world, *ROUTES[0])
    new, current = next_route(world)
    request_id = uuid.uuid4().hex
    killed(
        world,
        lambda: apply(
            world.installation,
            request_id=request_id,
            expected_generation=current.generation,
            route=new,
            clock=CLOCK,
            observer=kill_at(step, when),
        ),
    )
    relayhost = world.postconf("-h", "relayhost")
    ports = [[f"[127.0.0.1]:{world.peers[name].port}" for name in route.providers] for route in (current.route, new)]
    assert relayhost in [", ".join(nexthops) for nexthops in ports]
    assert world.carrier_of(world.send()) in (current.route.active, new.active)
    line = recover(world.installation, CLOCK)
    if STEPS.index(step) > STEPS.index("commit-settings"):
        assert read_current(world.installation).route == new
    elif line is not None and step != "commit-settings":
        assert line.outcome == "failed"
    assert_agreement(world, request_id, current.route, new, current.generation)


@pytest.mark.parametrize("step", ["reload", "canary", "record", "clean"])
def test_a_kill_during_the_recovery_is_recovered_as_well(world, step):
    if read_current(world.installation).route is None:
        move(world, *ROUTES[0])
    new, current = next_route(world)
    request_id = uuid.uuid4().hex
    killed(
        world,
        lambda: apply(
            world.installation,
            request_id=request_id,
            expected_generation=current.generation,
            route=new,
            clock=CLOCK,
            observer=kill_at("commit-settings", "after"),
        ),
    )
    killed(world, lambda: recover(world.installation, CLOCK, kill_at(step, "after")))
    recover(world.installation, CLOCK)
    assert read_current(world.installation).route == new
    assert_agreement(world, request_id, current.route, new, current.generation)


def test_the_same_request_after_a_crash_tells_what_became_of_it(world):
    if read_current(world.installation).route is None:
        move(world, *ROUTES[0])
    new, current = next_route(world)
    killed(
        world,
        lambda: apply(
            world.installation,
            request_id="again-after-crash",
            expected_generation=current.generation,
            route=new,
            clock=CLOCK,
            observer=kill_at("canary", "before"),
        ),
    )
    assert read_current(world.installation).interrupted
    applied = apply(
        world.installation,
        request_id="again-after-crash",
        expected_generation=current.generation,
        route=new,
        clock=CLOCK,
    )
    assert (applied.repeated, applied.generation) == (True, current.generation + 1)


def test_a_relay_that_breaks_during_the_crash_is_left_again_by_the_recovery(world):
    if read_current(world.installation).route is None:
        move(world, *ROUTES[0])
    new, current = next_route(world)
    killed(
        world,
        lambda: apply(
            world.installation,
            request_id="broken-meanwhile",
            expected_generation=current.generation,
            route=new,
            clock=CLOCK,
            observer=kill_at("reload", "before"),
        ),
    )
    world.peers[new.active].replies["MAIL"] = "550 5.7.1 Account suspended"
    line = recover(world.installation, CLOCK)
    assert line.outcome == "failed"
    assert_agreement(world, "broken-meanwhile", current.route, new, current.generation)
