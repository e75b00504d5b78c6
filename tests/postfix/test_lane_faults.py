"""Death and hand edits in the middle of a move between shares and lanes, on a real Postfix."""

import json
import os
import re
import time

import pytest

from service.decision.route import Route
from service.postfix.apply import apply, recover
from service.postfix.current import read_current
from service.postfix.errors import CannotWriteError, UndoFailedError
from tests.postfix.moving import move
from tests.postfix.test_crash import kill_at, killed
from tests.postfix.test_lanes import by_hand as by_hand_of_lanes
from tests.postfix.test_lanes import by_receiver, lanes
from tests.postfix.world import CLOCK, NAMES

by_hand = by_hand_of_lanes


def test_an_undo_that_gets_stuck_leaves_every_table_that_main_cf_names(by_hand, world):
    place = world.root / "stuck"
    place.mkdir()
    postconf = place / "postconf"
    stuck = f'[ -e {place}/now ] && {{ [ "$3" = -e ] || [ "$3" = -X ]; }} && exit 1'
    postconf.write_text(f'#!/bin/sh\n{stuck}\nexec /usr/sbin/postconf "$@"\n')
    postconf.chmod(0o755)
    at = by_receiver(world, search_path=f"{place}:{os.environ['PATH']}")
    before = read_current(at)

    def edit(step, when):
        if (step, when) == ("read-back", "before"):
            world.edit("-e", "default_transport=smtp", "message_size_limit=12345678")
            (place / "now").touch()

    with pytest.raises(UndoFailedError):
        move(world, installation=at, route=lanes(), observer=edit)
    assert_named_tables_are_there(world, at)
    (place / "now").unlink()
    recover(at, CLOCK)
    current = read_current(at)
    assert (current.route, current.drift, current.interrupted) == (before.route, (), False)
    assert world.postconf("-h", "message_size_limit") == "12345678"
    assert not list(at.owned_dir.glob("*-*[0-9a-f]"))
    world.edit("-X", "message_size_limit")


def test_a_kill_in_a_move_from_shares_and_lanes_to_others_leaves_no_table_missing_or_over(by_hand, world):
    at = by_receiver(world)
    own = "inline:{special.test=smtp:[127.0.0.1]:1}"
    world.edit("-e", f"transport_maps={own}")
    move(world, installation=at, route=lanes())
    routes = (lanes(), lanes("bravo", 1))
    for step in ("commit-files", "commit-settings", "record"):
        before = read_current(at)
        new = next(route for route in routes if route != before.route)
        request = {"request_id": f"kill-{time.monotonic_ns()}", "expected_generation": before.generation}
        killed(world, lambda: apply(at, route=new, clock=CLOCK, observer=kill_at(step, "after"), **request))  # noqa: B023
        assert_named_tables_are_there(world, at)
        recover(at, CLOCK)
        current = read_current(at)
        assert (current.drift, current.outdated, current.interrupted) == ((), (), False), step
        assert current.route == (before.route if step == "commit-files" else new)
        files = json.loads((at.helper_dir / "state.json").read_text())["files"]
        indexed = {f"{path}.lmdb" for path, file in files.items() if "index" in file}
        assert {str(path) for path in at.owned_dir.iterdir()} == {*files, *indexed}, step
    move(world, *NAMES, installation=at)
    assert world.postconf("-h", "transport_maps") == own


def test_what_the_administrator_adds_behind_our_maps_is_kept_when_they_are_written_over(by_hand, world):
    at = by_receiver(world)
    move(world, installation=at, route=lanes())
    by_hand(f"transport_maps={world.postconf('-h', 'transport_maps')}, {{own}}", own=["special.test relay:[x]"])
    move(world, installation=at, route=lanes(), override_drift=True)
    theirs, _, ours = world.postconf("-h", "transport_maps").partition(", ")
    assert theirs == f"texthash:{world.config_dir}/own_own"
    assert ours.count("pipemap") == 2
    assert read_current(at).drift == ()


def test_a_domain_whose_entry_routes_nothing_is_known_to_keep_its_way(by_hand, world):
    by_hand("transport_maps={own}, inline:{{gmail.test = smtp:}}", own=["gmail.test :", ".google.test :"])
    assert read_current(by_receiver(world)).surroundings.left_out == {
        "gmail.test": "transport_maps has an entry for it"
    }


def test_an_edit_by_hand_after_the_maps_were_read_is_not_written_over(by_hand, world):
    def edit(step, when):
        if (step, when) == ("snapshot", "before"):
            world.edit("-e", "transport_maps=inline:{special.test=smtp:[127.0.0.1]:1}")

    with pytest.raises(CannotWriteError, match="changed by somebody else"):
        move(world, installation=by_receiver(world), route=lanes(), observer=edit)
    assert world.postconf("-h", "transport_maps").startswith("inline:{special.test")
    assert not list(world.config_dir.rglob("*.relaypilot-*"))


@pytest.mark.parametrize("routing", ["relayhost", "transport"])
def test_a_route_whose_record_is_lost_is_not_taken_for_the_administrators(by_hand, world, routing):
    record = world.installation.helper_dir / "state.json"
    at, former = by_receiver(world, routing=routing), read_current(world.installation).surroundings.own
    move(world, installation=at, route=lanes() if routing == "transport" else Route(lanes=lanes().lanes[:1]))
    text = record.read_text()
    record.unlink()
    try:
        assert read_current(at).surroundings.own == former
    finally:
        record.write_text(text)


def assert_named_tables_are_there(world, at):
    maps = world.postconf("-n", "transport_maps", "sender_dependent_default_transport_maps")
    named = re.findall(rf":({at.owned_dir}/[^,}}]+)", maps)
    assert len(named) > 1
    assert [path for path in named if not list(at.owned_dir.glob(f"{path.rpartition('/')[2]}*"))] == []
