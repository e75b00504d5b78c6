"""Given a preferred provider that works again: it returns when it has earned that, and not before."""

import time

from tests.scenarios.scene import Scene, nothing_bounced_or_lost
from tests.scenarios.settings import quick


def earning(**policy):
    return Scene.temporary(settings=quick(policy={"failback": "earned", **policy}))


def test_the_preferred_provider_is_earned_back_once_it_works():
    with earning() as scene:
        scene.world.fault("mailgun", "down")
        assert scene.leaves("mailgun", within=30) == "sendgrid"
        scene.stays(seconds=2)
        scene.world.heal()
        scene.until(lambda: scene.active() == "mailgun", 40, "mailgun is back")
        tenth, half, row = scene.moves()[-3:]
        assert [(r["trigger"], r["rule"]) for r in (tenth, half, row)] == [
            ("failback", "canary"),
            ("failback", "canary"),
            ("failback", "failback"),
        ]
        assert tenth["reason"].startswith("mailgun is preferred and has earned its return: mailgun works: ")
        assert "It gets 10 % of the mail now" in tenth["reason"]
        assert "It gets 50 % of the mail now" in half["reason"]
        assert row["reason"].startswith("mailgun has carried 50 % of the mail well since ")
        assert scene.carrier(scene.world.send()) == "mailgun"
        scene.stays(seconds=3)


def test_after_an_account_fault_it_returns_only_once_a_person_has_acknowledged():
    with earning() as scene:
        scene.world.fault("mailgun", "auth535")
        assert scene.leaves("mailgun", within=30) == "sendgrid"
        scene.world.heal()
        why = "settle it with the provider, then `relaypilot ack mailgun`"
        waits = "Acknowledge with: relaypilot ack mailgun"
        scene.until(lambda: waits in scene.get("/v1/explain")["blocked_by"], 40, "it says what it waits for")
        assert why in scene.sentence()
        assert scene.active() == "sendgrid"
        time.sleep(3)
        assert scene.active() == "sendgrid", scene.report()

        scene.order("ack", "mailgun", reason="paid")
        scene.until(lambda: scene.active() == "mailgun", 30, "mailgun is back")
        assert scene.last_move()["trigger"] == "failback"


def test_a_provider_that_flaps_does_not_make_mail_flap():
    with earning(hold_down="6s", failback_rounds=3) as scene:
        begun = time.time()
        with scene.world.load(5):
            scene.world.fault("mailgun", "flap", "down", 2, 2)
            scene.until(lambda: scene.moves()[1:], 40, "mail leaves mailgun")
            time.sleep(12)  # three more times on and off
        moves = [row for row in scene.moves()[1:] if row["rule"] != "standby-order"]
        assert len(moves) <= 3, [(m["at"], m["rule"], m["to_route"]) for m in moves]
        scene.world.heal()
        nothing_bounced_or_lost(scene.settled(begun))
