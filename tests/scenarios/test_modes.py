"""Given a mode, an order or a number of providers that changes what relaypilot may do."""

from tests.scenarios.postfix_files import snapshot
from tests.scenarios.scene import Scene


def test_observe_mode_changes_nothing_and_journals_what_it_would_have_done():
    with Scene.temporary(mode="observe", taken_over=False) as scene:
        scene.world.use_stock_route("mailgun", "sendgrid", "acme")
        scene.all_work()
        before = snapshot(scene)
        scene.world.fault("mailgun", "down")
        row = scene.until(lambda: (scene.moves("observed") or [None])[-1], 30, "the would-be move is in the journal")
        assert row["enforced"] is False
        assert (row["from_route"][0], row["to_route"][0]) == ("mailgun", "sendgrid")
        assert row["reason"].startswith("mailgun refuses mail: ")
        assert row["detail"].startswith("Observing only; would move mail to sendgrid: mailgun refuses mail: ")
        assert row["detail"] in scene.log()
        assert not scene.moves("applied")
        assert not scene.moves("intended")
        assert snapshot(scene) == before


def test_nothing_moves_while_paused_and_the_move_is_made_on_resume(scene):
    paused = scene.world.command("pause", "--for", "10m", "--reason", "maintenance at mailgun")
    assert paused.returncode == 0, paused.stderr
    scene.world.fault("mailgun", "down")
    scene.until(lambda: "Automation is paused until " in scene.sentence(), 30, "the sentence says that it is paused")
    assert "(maintenance at mailgun); relaypilot resume ends it." in scene.sentence()
    scene.stays(seconds=4)
    assert scene.carrier(scene.world.send()) == "sendgrid", "Postfix itself goes on to the next provider"

    assert scene.world.command("resume").returncode == 0
    assert scene.leaves("mailgun", within=10) == "sendgrid"


def test_with_one_provider_it_only_alerts():
    with Scene.temporary(providers=["mailgun"]) as scene:
        before = snapshot(scene)
        scene.world.fault("mailgun", "tempfail")
        sent = scene.world.send()
        scene.until(lambda: "there is no other provider" in scene.sentence(), 30, "it alerts")
        assert scene.sentence().startswith("mailgun refuses mail: ")
        assert scene.sentence() in scene.status()["problems"]
        scene.world.heal()
        assert scene.carrier(sent, within=40) == "mailgun"
        scene.all_work()
        assert snapshot(scene) == before
        assert len(scene.moves()) == 1


def test_with_two_providers_it_moves_to_the_other_and_stays_when_both_fail():
    with Scene.temporary(providers=["sendgrid", "acme"]) as scene:
        scene.world.fault("sendgrid", "tempfail")
        assert scene.leaves("sendgrid", within=30) == "acme"
        scene.world.fault("acme", "tempfail")
        scene.until(lambda: "sendgrid is no better (refusing)" in scene.sentence(), 30, "it says why it stays")
        scene.stays(seconds=3)
        sent = scene.world.send()
        scene.world.heal("acme")
        assert scene.carrier(sent, within=40) == "acme"


def test_a_wrong_configuration_is_not_taken_and_a_right_one_is(scene):
    good = scene.world.config_path.read_text()
    scene.change_config('hold_down = "2s"', 'hold_down = "2s"\ncolour = "blue"')
    scene.hang_up()

    def told():
        return [p for p in scene.status()["problems"] if "the old one is in force" in p]

    (problem,) = scene.until(told, 20, "status tells of the wrong configuration")
    assert "policy.colour" in problem
    assert "policy.colour" in scene.log()
    scene.world.fault("mailgun", "down")
    assert scene.leaves("mailgun", within=30) == "sendgrid", "the old configuration is at work"
    scene.world.heal()

    scene.world.config_path.write_text(good.replace('mode = "enforce"', 'mode = "observe"'))
    scene.hang_up()
    scene.until(lambda: scene.status()["mode"] == "observe", 20, "the right configuration is in force")
    scene.until(lambda: not told(), 10, "the problem is gone")
    assert "configuration reloaded" in scene.log()
    scene.world.fault("sendgrid", "down")
    scene.until(lambda: scene.moves("observed"), 30, "the new mode is at work")
    assert scene.active() == "sendgrid"
