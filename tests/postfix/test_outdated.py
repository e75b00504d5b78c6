"""A changed configuration: what of it Postfix does not have yet is named, and brought in by the same route again."""

from dataclasses import replace

import pytest

from service.decision.route import simple_route
from service.postfix.current import read_current
from service.postfix.errors import CanaryFailedError
from service.postfix.protocol import current_from_json, current_json
from tests.postfix.moving import move
from tests.postfix.world import NAMES


def with_bravo(routed, **changes):
    providers = routed.installation.providers
    return replace(routed.installation, providers={**providers, "bravo": replace(providers["bravo"], **changes)})


def outdated(installation):
    return read_current(installation).outdated


def test_nothing_is_outdated_after_a_move_and_a_hand_edit_is_drift_alone(routed):
    assert outdated(routed.installation) == ()
    routed.edit("-e", "default_transport=relay-carol")
    current = read_current(routed.installation)
    assert (len(current.drift), current.outdated) == (1, ())


def test_a_changed_password_is_outdated_by_name_and_crosses_the_socket_without_it(routed):
    current = read_current(with_bravo(routed, password="rotated-secret"))
    assert current.outdated == (f"{routed.installation.owned_dir}/sasl",)
    assert current.drift == ()
    crossed = current_from_json(current_json(current))
    assert crossed == current
    assert "rotated-secret" not in repr(crossed)


def test_each_changed_provider_setting_is_named(routed):
    owned = routed.installation.owned_dir
    assert set(outdated(replace(routed.installation, connect_timeout_seconds=7.0))) == {
        f"relay-{name}/unix" for name in NAMES
    }
    assert set(outdated(with_bravo(routed, port=9))) == {"relayhost", f"{owned}/sasl", f"{owned}/tls_policy"}
    authorities = {**routed.installation.authorities, "bravo": routed.installation.authorities["alfa"]}
    assert outdated(replace(routed.installation, authorities=authorities)) == (f"{owned}/ca-bravo.pem",)
    fewer = {name: at for name, at in routed.installation.authorities.items() if name != "bravo"}
    assert f"{owned}/ca-bravo.pem" in outdated(replace(routed.installation, authorities=fewer))
    assert "relay-delta/unix" in outdated(
        replace(
            routed.installation,
            providers={**routed.installation.providers, "delta": routed.installation.providers["alfa"]},
        )
    )


def test_a_route_that_cannot_be_written_any_more_is_no_matter_of_outdated_settings(routed):
    providers = {name: at for name, at in routed.installation.providers.items() if name != "carol"}
    assert outdated(replace(routed.installation, providers=providers)) == ()


def test_the_same_route_again_brings_the_changed_configuration_into_force(routed):
    changed = replace(routed.installation, connect_timeout_seconds=7.0)
    generation = read_current(changed).generation
    assert outdated(changed)
    applied = move(routed, *NAMES, installation=changed)
    assert (applied.verified, applied.generation) == (True, generation + 1)
    current = read_current(changed)
    assert (current.route, current.outdated, current.drift) == (simple_route(*NAMES), (), ())
    assert "smtp_connect_timeout=7s" in routed.postconf("-M", "relay-alfa/unix")
    move(routed, *NAMES)
    assert outdated(routed.installation) == ()


def test_a_wrong_new_password_is_found_out_and_the_working_one_stays(routed):
    providers = routed.installation.providers
    wrong = replace(
        routed.installation, providers={**providers, "alfa": replace(providers["alfa"], password="mistyped")}
    )
    before = routed.snapshot()
    with pytest.raises(CanaryFailedError):
        move(routed, *NAMES, installation=wrong)
    assert routed.snapshot() == before
    assert routed.carrier_of(routed.send()) == "alfa"
