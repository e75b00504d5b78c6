"""The transaction on a real Postfix: what it brings into force, and what it leaves alone when it fails."""

import fcntl
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from providers.base import TlsMode
from service.decision.route import simple_route
from service.postfix.apply import STEPS, recover
from service.postfix.current import read_current
from service.postfix.errors import (
    ApplyError,
    BrokenConfigurationError,
    BusyError,
    CanaryFailedError,
    CommandMissingError,
    DriftFoundError,
    InstallationError,
    MoveFailedError,
    NotRunningError,
    ReadBackFailedError,
    RequestReusedError,
    RouteRefusedError,
    StaleGenerationError,
)
from service.postfix.journal import read_journal
from service.postfix.plan import plan_text
from tests.postfix.moving import assert_one_sentence, move
from tests.postfix.world import NAMES, build_world, wait_for


def test_a_move_is_in_force_verified_and_carries_the_next_message(routed):
    assert routed.carrier_of(routed.send()) == "alfa"
    applied = move(routed, "bravo", "alfa", "carol")
    assert applied.verified
    assert routed.carrier_of(routed.send()) == "bravo"
    current = read_current(routed.installation)
    assert current.route == simple_route("bravo", "alfa", "carol")
    assert (current.drift, current.running, current.interrupted) == ((), True, False)
    assert current.generation == applied.generation
    assert current.request_id == applied.request_id
    line = read_journal(routed.installation, applied.generation - 1)[-1]
    assert (line.outcome, line.before, line.after) == ("applied", simple_route(*NAMES), current.route)
    assert [step for step, _ in line.steps] == [step for step in STEPS if step not in ("record", "clean")]


def test_a_move_keeps_the_modes_and_all_that_is_not_its_own(routed):
    main = routed.installation.main_cf
    main.chmod(0o640)
    move(routed, "carol", "alfa")
    assert stat.S_IMODE(main.stat().st_mode) == 0o640  # postconf -e alone would have made it 0644
    assert main.read_text().startswith("# a comment that must survive\n")
    assert stat.S_IMODE((routed.installation.owned_dir / "sasl").stat().st_mode) == 0o600
    assert "alfa-secret" not in routed.postconf("-n") + routed.postconf("-M")
    assert not list(routed.config_dir.rglob("*.relaypilot-*"))
    original = routed.installation.helper_dir / "original" / "main.cf"
    assert "relayhost = [127.0.0.1]:9\n" in original.read_text()


def test_the_same_request_twice_moves_once(routed):
    first = move(routed, "bravo", request_id="same-request")
    before = routed.snapshot()
    second = move(routed, "bravo", request_id="same-request", expected_generation=0)
    assert (second.generation, second.repeated, first.repeated) == (first.generation, True, False)
    assert routed.snapshot() == before
    with pytest.raises(RequestReusedError):
        move(routed, "carol", request_id="same-request")


def test_a_caller_with_an_old_view_of_the_route_is_refused(routed):
    before = routed.snapshot()
    with pytest.raises(StaleGenerationError) as error:
        move(routed, "carol", expected_generation=0)
    assert_one_sentence(error)
    assert routed.snapshot() == before


@pytest.mark.parametrize("providers", [("nosuch",), (), ("alfa", "alfa")])
def test_a_route_that_cannot_be_is_refused(routed, providers):
    before = routed.snapshot()
    with pytest.raises(RouteRefusedError) as error:
        move(routed, *providers)
    assert_one_sentence(error)
    assert routed.snapshot() == before


def test_implicit_tls_does_not_mix_with_starttls_in_one_list(routed):
    implicit = replace(routed.installation.providers["alfa"], tls=TlsMode.IMPLICIT)
    installation = replace(routed.installation, providers={**routed.installation.providers, "alfa": implicit})
    with pytest.raises(RouteRefusedError, match="465"):
        move(routed, "alfa", "bravo", installation=installation)


def test_two_providers_at_the_same_host_and_port_are_refused(routed):
    twin = routed.installation.providers["alfa"]
    installation = replace(routed.installation, providers={**routed.installation.providers, "twin": twin})
    with pytest.raises(InstallationError, match="another port"):
        move(routed, "alfa", installation=installation)


@pytest.mark.parametrize("what", ["setting", "service", "file", "mode"])
def test_a_hand_edit_is_shown_refused_and_overwritten_only_when_told(routed, what):
    if what == "setting":
        routed.edit("-e", "relayhost=[127.0.0.1]:7")
    elif what == "service":
        routed.edit("-P", "-e", "relay-alfa/unix/smtp_sender_dependent_authentication=yes")
    elif what == "file":
        with (routed.installation.owned_dir / "sasl").open("a") as file:
            file.write("127.0.0.1 me:secret\n")
    else:
        (routed.installation.owned_dir / "sasl").chmod(0o644)
    (drift,) = read_current(routed.installation).drift
    assert drift.diff
    assert "secret" not in drift.diff
    before = routed.snapshot()
    with pytest.raises(DriftFoundError, match=drift.name):
        move(routed, "carol")
    assert routed.snapshot() == before
    move(routed, "carol", override_drift=True)
    assert read_current(routed.installation).drift == ()
    assert routed.carrier_of(routed.send()) == "carol"


def test_the_plan_is_the_exact_difference_without_secrets(routed):
    current = read_current(routed.installation)
    text = plan_text(routed.installation, current, simple_route("bravo", "alfa", "carol"))
    ports = [routed.peers[name].port for name in ("bravo", "alfa", "carol")]
    assert f"+relayhost = {', '.join(f'[127.0.0.1]:{port}' for port in ports)}\n" in text
    assert "+default_transport = relay-bravo\n" in text
    assert "master.cf" not in text
    assert plan_text(routed.installation, current, simple_route(*NAMES)) == ""
    changed = replace(
        routed.installation,
        providers={
            **routed.installation.providers,
            "bravo": replace(routed.installation.providers["bravo"], username="other", password="new-secret"),
            "delta": replace(routed.installation.providers["bravo"], port=1, password="delta-secret"),
        },
    )
    text = plan_text(changed, current, simple_route(*NAMES))
    assert "+[127.0.0.1]:1 ********" in text
    assert "secret" not in text


def test_a_refused_canary_rolls_back_byte_for_byte(routed):
    routed.peers["bravo"].replies["MAIL"] = "550 5.7.1 Account suspended"
    before, generation = routed.snapshot(), read_current(routed.installation).generation
    with pytest.raises(CanaryFailedError) as error:
        move(routed, "bravo", "alfa", request_id="refused-canary")
    assert_one_sentence(error)
    assert routed.snapshot() == before
    assert read_current(routed.installation).generation == generation
    assert routed.carrier_of(routed.send()) == "alfa"
    with pytest.raises(MoveFailedError):
        move(routed, "bravo", "alfa", request_id="refused-canary")
    line = read_journal(routed.installation, generation)[-1]
    assert (line.outcome, line.request_id) == ("failed", "refused-canary")


def test_a_deferred_canary_rolls_back_and_leaves_the_queue(routed):
    routed.peers["bravo"].replies["MAIL"] = "451 4.3.0 Try later"
    before = routed.snapshot()
    with pytest.raises(CanaryFailedError):
        move(routed, "bravo")
    assert routed.snapshot() == before
    assert "relaypilot-canary" not in routed.command("postqueue", "-c", str(routed.config_dir), "-p").stdout


def test_a_map_that_overrules_relayhost_is_found_out(routed):
    nexthop = f"[127.0.0.1]:{routed.peers['carol'].port}"
    routed.edit("-e", f"transport_maps=inline:{{{{receiver.test=relay-carol:{nexthop}}}}}")
    try:
        assert "transport_maps" in read_current(routed.installation).overrides
        before = routed.snapshot()
        with pytest.raises(CanaryFailedError, match="transport_maps"):
            move(routed, "bravo")
        assert routed.snapshot() == before
    finally:
        routed.edit("-X", "transport_maps")


def test_an_unseen_canary_is_unverified_and_no_failure(routed):
    installation = replace(routed.installation, log_file=routed.root / "log" / "empty.log", canary_wait_seconds=0.3)
    installation.log_file.touch()
    applied = move(routed, "bravo", installation=installation)
    assert not applied.verified
    assert "not delivered within 0.3 s" in applied.sentence
    assert routed.carrier_of(routed.send()) == "bravo"


def test_a_stopped_postfix_is_left_alone(routed):
    routed.stop()
    before = routed.snapshot()
    try:
        with pytest.raises(NotRunningError) as error:
            move(routed, "bravo")
        assert_one_sentence(error)
        assert routed.snapshot() == before
    finally:
        routed.start()


def test_a_postfix_that_stops_during_the_move_gets_its_files_back(routed):
    before = routed.snapshot()

    def stop(step, when):
        if (step, when) == ("reload", "before"):
            routed.stop()

    try:
        with pytest.raises(NotRunningError):
            move(routed, "bravo", observer=stop)
        assert routed.snapshot() == before
    finally:
        routed.start()


@pytest.mark.parametrize("name", ["main.cf", "master.cf"])
def test_a_broken_configuration_is_left_alone(routed, name):
    path = routed.config_dir / name
    good = path.read_bytes()
    path.write_bytes(good + (b"{nonsense\n" if name == "main.cf" else b"relay-x unix nonsense\n"))
    before = routed.snapshot()
    try:
        with pytest.raises(BrokenConfigurationError) as error:
            move(routed, "bravo")
        assert_one_sentence(error)
        assert routed.snapshot() == before
    finally:
        path.write_bytes(good)


def test_a_missing_command_is_named(routed, tmp_path):
    for name in ("postconf", "postfix", "sendmail", "postsuper", "postqueue"):
        (tmp_path / name).symlink_to(shutil.which(name))
    installation = replace(routed.installation, search_path=str(tmp_path))
    before = routed.snapshot()
    with pytest.raises(CommandMissingError, match="postmap") as error:
        move(routed, "bravo", installation=installation)
    assert_one_sentence(error)
    assert routed.snapshot() == before


def test_a_missing_configuration_is_said_so(routed):
    installation = replace(routed.installation, config_dir=Path("/nonexistent/postfix"))
    with pytest.raises(ApplyError) as error:
        move(routed, "bravo", installation=installation, expected_generation=0)
    assert_one_sentence(error)


def test_a_foreign_edit_during_the_move_survives_the_roll_back(routed):
    def edit(step, when):
        if (step, when) == ("read-back", "before"):
            routed.edit("-e", "relayhost=[127.0.0.1]:7", "message_size_limit=12345678")

            routed.installation.main_cf.chmod(0o600)

    relayhost = routed.postconf("-h", "relayhost")
    with pytest.raises(ReadBackFailedError):
        move(routed, "bravo", observer=edit)
    assert stat.S_IMODE(routed.installation.main_cf.stat().st_mode) == 0o600
    assert routed.postconf("-h", "relayhost") == relayhost
    assert routed.postconf("-h", "message_size_limit") == "12345678"
    assert read_current(routed.installation).drift == ()
    routed.edit("-X", "message_size_limit")


def test_a_second_move_at_the_same_time_is_told_so(routed):
    with (routed.installation.helper_dir / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(BusyError) as error:
            move(routed, "bravo")
        assert_one_sentence(error)


def test_a_reload_after_the_move_needs_no_waiting_for_fresh_files(routed):
    move(routed, "bravo")
    now = routed.installation.main_cf.stat().st_mtime
    assert all(path.stat().st_mtime <= now + 5 for path in (routed.installation.main_cf, routed.installation.master_cf))
    line = read_journal(routed.installation)[-1]
    assert line.at.timestamp() - now >= 5
    assert dict(line.steps)["reload"] < 1.0


def test_nothing_is_recovered_when_nothing_was_cut_short(routed):
    from tests.postfix.world import CLOCK

    before = routed.snapshot()
    assert recover(routed.installation, CLOCK) is None
    assert routed.snapshot() == before


def test_a_first_move_that_fails_leaves_no_trace():
    world = build_world()
    try:
        assert read_current(world.installation).generation == 0
        world.peers["alfa"].replies["MAIL"] = "550 5.7.1 Account suspended"
        before = world.snapshot()
        with pytest.raises(CanaryFailedError):
            move(world, "alfa", "bravo")
        assert world.snapshot() == before
        current = read_current(world.installation)
        assert (current.generation, current.route, current.drift) == (0, None, ())
        world.heal()
        assert move(world, "alfa", "bravo").generation == 1
        removed = {name: at for name, at in world.installation.providers.items() if name != "carol"}
        installation = replace(world.installation, providers=removed)
        move(world, "bravo", "alfa", installation=installation)
        assert "relay-carol" not in world.postconf("-M") + world.postconf("-n")
        assert not (installation.owned_dir / "ca-carol.pem").exists()
        wait_for(lambda: world.carrier_of(world.send()) == "bravo")
    finally:
        world.tear_down()
