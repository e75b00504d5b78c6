"""Given routing = "transport": what is wrong for one receiver's mail moves that mail alone, and so does a person."""

from deploy.sandbox.people import RECEIVERS
from tests.scenarios.scene import Scene
from tests.scenarios.settings import quick


def first_of(scene):
    """Return which provider is tried first for each receiver that has a way of its own."""
    lanes = scene.get("/v1/status")["route"]["lanes"]
    return {lane["receiver"]: lane["providers"][0] for lane in lanes if lane["receiver"] != "*"}


def to(receiver):
    return f"user-1@{RECEIVERS[receiver].domain}"


def test_spam_at_one_receiver_moves_its_mail_alone():
    with Scene.temporary(settings=quick(top={"routing": "transport"})) as scene:
        scene.world.fault("mailgun", "spam_at", "gmail")
        scene.until(lambda: first_of(scene) == {"gmail": "sendgrid"}, 60, "mail to gmail goes through sendgrid")
        assert scene.active() == "mailgun"
        row = scene.last_move()
        assert (row["rule"], row["from_route"][0], row["to_route"][0]) == ("misplacing", "mailgun", "sendgrid")
        assert "Only mail to gmail is concerned." in row["reason"]
        assert scene.carrier(scene.world.send(recipient=to("gmail"))) == "sendgrid"
        assert scene.carrier(scene.world.send(recipient=to("yahoo"))) == "mailgun"

        done = scene.world.command("failover", "--to", "acme", "--receiver", "yahoo", "--reason", "a test")
        assert done.returncode == 0, done.stderr
        assert "Mail to yahoo goes through acme now." in done.stdout
        assert first_of(scene) == {"gmail": "sendgrid", "yahoo": "acme"}
        assert scene.carrier(scene.world.send(recipient=to("yahoo"))) == "acme"
        pinned = scene.get("/v1/status")["overrides"]
        assert [(o["verb"], o["provider"], o["receiver"]) for o in pinned] == [("pin", "acme", "yahoo")]
