"""Given any order of providers of which the first two fail: each relay is shown its own credentials only."""

import re
from itertools import permutations

from deploy.sandbox.dialect import DIALECTS
from tests.scenarios.scene import ALL

TROUBLES = (("down", "down"), ("auth535", "tempfail"))  # not reached; logged in and refused


def put_in_order(scene, order):
    """Rewrite the configuration with the providers in this order of preference, and have it read."""
    head, *tables = re.split(r"(?=^\[\[)", scene.world.config_path.read_text(), flags=re.MULTILINE)
    named = {
        table.split('name = "')[1].partition('"')[0]: table for table in tables if table.startswith("[[provider]]")
    }
    seeds = [table for table in tables if table.startswith("[[seed]]")]
    scene.world.config_path.write_text("".join([head, *(named[name] for name in order), *seeds]))
    scene.hang_up()
    scene.until(lambda: tuple(scene.names()) == order, 15, f"the order of preference is {order}")


def test_no_credential_reaches_another_provider_in_any_order_of_fallback(scene):
    scene.order("pause")  # Postfix alone falls from one provider to the next
    for order in permutations(ALL):
        put_in_order(scene, order)
        scene.move_to(order[0], force=True)
        assert scene.route() == order
        first, second, last = order
        for troubles in TROUBLES:
            for provider, trouble in zip((first, second), troubles, strict=True):
                scene.world.fault(provider, trouble)
            assert scene.carrier(scene.world.send()) == last, (order, troubles)
            scene.world.heal()
    assert scene.world.command("probe").returncode == 0

    for name in ALL:
        logins = scene.world.auth_seen(name)
        seen = {(login["username"], login["password"], login["tls"]) for login in logins}
        assert seen == {(DIALECTS[name].username, scene.world.password(name), True)}, name
        assert any(not login["accepted"] for login in logins), "a refused login was among them"
