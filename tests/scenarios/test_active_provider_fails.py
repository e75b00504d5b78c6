"""Given mail on a provider that then takes no mail, in each of the ways relays do that."""

import time

import pytest

from tests.scenarios.scene import nothing_bounced_or_lost

# fault, its arguments, victim, what the reason must say, whether it is an account fault
FAULTS = [
    ("down", (), "mailgun", "CONNECT", "network fault"),
    ("suspended", (), "mailgun", "your account is suspended", "account fault"),
    ("suspended", (), "sendgrid", "account disabled", "account fault"),
    ("suspended", (), "acme", "Account suspended", "account fault"),
    ("auth535", (), "acme", "authentication credentials invalid", "account fault"),
    ("quota", (), "sendgrid", "Maximum credits exceeded", "account fault"),
    ("greet421", (), "mailgun", "421 Service not available", "provider-temp fault"),
    ("tempfail", (), "acme", "451 Temporary service failure", "provider-temp fault"),
    ("tls_stripped", (), "sendgrid", "STARTTLS", "tls fault"),
    ("tls_expired", (), "mailgun", "certificate expired", "tls fault"),
    ("blackhole", (), "sendgrid", "CONNECT", "network fault"),
    ("hang_data", (), "acme", "END-OF-DATA", "network fault"),
    ("tarpit", (3,), "sendgrid", "", "network fault"),
]


@pytest.mark.parametrize(("fault", "arguments", "victim", "words", "kind"), FAULTS, ids=lambda v: str(v)[:12])
def test_next_message_goes_elsewhere_and_the_route_follows_within_15_seconds(
    scene, fault, arguments, victim, words, kind
):
    scene.on(victim)
    after, begun = scene.last_seq(), time.time()
    with scene.world.load(5) as load:
        scene.until(lambda: load.sent >= 3, 20, "live mail flows")
        scene.world.fault(victim, fault, *arguments)
        next_message = scene.world.send()
        target = scene.leaves(victim, within=40)
        for_the_route = load.sent
        scene.until(lambda: load.sent >= for_the_route + 5, 20, "live mail flows on")
    if fault not in ("hang_data", "tarpit", "blackhole"):  # these hold a message up to a time-out
        assert scene.carrier(next_message) != victim

    facts = scene.facts(after)
    first_bad = min(f["at"] for f in facts if f.get("provider") == victim and f["outcome"] == "bad")
    applied = next(f for f in facts if f.get("fact") == "switchover" and f["detail"]["outcome"] == "applied")
    assert applied["at"] - first_bad < 15, scene.report()
    row = scene.last_move()
    assert (row["trigger"], row["actor"], row["rule"]) == ("automatic", "relaypilot", "refusing")
    assert row["to_route"][0] == target
    assert row["reason"].startswith(f"{victim} refuses mail: "), row["reason"]
    assert words in row["reason"]
    assert kind in row["reason"]
    assert (victim in row["to_route"]) == (kind != "account fault")

    assert f"Mail moved to {target}: {row['reason']}" in scene.log()

    scene.world.heal()
    nothing_bounced_or_lost(scene.settled(begun))
