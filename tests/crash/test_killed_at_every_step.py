"""Daemon and helper die by SIGKILL before and after every step of a move, the steps taken from the code."""

import pytest

from service import agreement, switchover
from service.postfix import steps as transaction
from tests.crash.accident import PROVIDERS

WHEN = ("before", "after")


def points(steps, whens=WHEN):
    return [pytest.param(step, when, id=f"{when}-{step}") for step in steps for when in whens]


def other_routes(accident):
    """Return the present route, and the one that a move to another provider will bring."""
    before = accident.route()
    to = PROVIDERS[PROVIDERS.index(before[0]) - 1]
    return before, (to, *(name for name in PROVIDERS if name != to))


def ends_in(step, when, before, after):
    """Return the route that a move of the transaction cut short here ends in.

    From the moment main.cf has its new content a move is finished, before it is undone.
    """
    order = transaction.STEPS.index(step) - transaction.STEPS.index("commit-settings")
    return after if order > 0 or (order == 0 and when == "after") else before


def test_every_step_is_passed_in_order(accident):
    _, after = other_routes(accident)
    accident.helper.stop()
    accident.daemon.stop()
    accident.both_run()
    accident.failover(after[0])
    assert accident.steps("helper") == [(step, when) for step in transaction.STEPS for when in WHEN]
    told = [(step, when) for step, when in accident.steps("daemon") if step in switchover.STEPS]
    assert told == [(step, when) for step in switchover.STEPS for when in WHEN]


@pytest.mark.parametrize(("step", "when"), points(switchover.STEPS))
def test_the_daemon_dies_at_a_step_of_a_move(accident, step, when):
    before, after = other_routes(accident)
    accident.doom("daemon", step, when)
    assert accident.failover_cut_short(after[0]) is None
    accident.died("daemon")
    apply_begun = (step, when) == ("apply", "after") or step in switchover.STEPS[switchover.STEPS.index("record") :]
    accident.postfix_is_sound(after if apply_begun else before)
    accident.start_daemon()
    accident.agrees()
    assert accident.route() == (after if apply_begun else before)
    accident.still_moves()


@pytest.mark.parametrize(
    ("step", "when"), [*points(transaction.STEPS, WHEN[:1]), *points(transaction.STEPS[-1:], WHEN[1:])]
)
def test_the_helper_dies_at_a_step_of_a_move(accident, step, when):
    before, after = other_routes(accident)
    accident.doom("helper", step, when)
    assert accident.failover_cut_short(after[0]) == 503
    accident.died("helper")
    accident.postfix_is_sound(before, after)
    accident.start_helper()
    accident.agrees()
    assert accident.route() == ends_in(step, when, before, after)
    accident.still_moves()


@pytest.mark.parametrize("step", transaction.STEPS[1::4])
def test_both_die_at_once_at_a_step_of_a_move(accident, step):
    before, after = other_routes(accident)
    accident.doom("helper", step, "before", accident.daemon.pid)
    assert accident.failover_cut_short(after[0]) is None
    accident.died("helper")
    accident.died("daemon")
    accident.postfix_is_sound(before, after)
    accident.both_run()
    accident.agrees()
    assert accident.route() == ends_in(step, "before", before, after)
    accident.still_moves()


# A second death, during the start that follows the first.


@pytest.mark.parametrize(("step", "when"), points(transaction.STEPS[transaction.STEPS.index("reload") :], WHEN[:1]))
def test_the_helper_dies_again_while_it_finishes_the_move(accident, step, when):
    before, after = other_routes(accident)
    accident.doom("helper", "commit-settings", "after")
    accident.failover_cut_short(after[0])
    accident.died("helper")
    accident.start_dying("helper", step, when)
    accident.postfix_is_sound(before, after)  # main.cf names the new one, perhaps before Postfix has read it
    accident.start_helper()
    accident.agrees()
    assert accident.route() == after
    accident.still_moves()


@pytest.mark.parametrize(("step", "when"), points(transaction.UNDO_STEPS, WHEN[:1]))
def test_the_helper_dies_again_while_it_undoes_the_move(accident, step, when):
    before, after = other_routes(accident)
    accident.doom("helper", "commit-settings", "before")
    accident.failover_cut_short(after[0])
    accident.died("helper")
    accident.start_dying("helper", step, when)
    accident.postfix_is_sound(before)
    accident.start_helper()
    accident.agrees()
    assert accident.route() == before
    accident.still_moves()


@pytest.mark.parametrize("died_at", ["intend", "record"])
@pytest.mark.parametrize(("step", "when"), points(agreement.STEPS))
def test_the_daemon_dies_again_while_it_learns_what_became_of_the_move(accident, died_at, step, when):
    before, after = other_routes(accident)
    accident.doom("daemon", died_at, "after" if died_at == "intend" else "before")
    assert accident.failover_cut_short(after[0]) is None
    accident.died("daemon")
    accident.start_dying("daemon", step, when)
    accident.postfix_is_sound(after if died_at == "record" else before)
    accident.start_daemon()
    accident.agrees()
    accident.still_moves()
