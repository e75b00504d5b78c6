"""Given a daemon that is dead, was killed, or is there twice: Postfix goes on, and nothing is forgotten."""

import getpass
import socket


def test_failover_works_without_the_daemon_which_takes_the_move_over_at_its_next_start(scene):
    scene.on("mailgun")
    scene.daemon.stop()

    status = scene.world.command("status")
    assert status.returncode == 0, status.stderr
    assert "The daemon is not running" in status.stderr
    assert "mailgun" in status.stdout

    unknown = scene.world.command("failover", "--to", "nosuch")
    assert unknown.returncode == 2
    assert 'Moving to "nosuch": there is no such provider' in unknown.stderr
    done = scene.world.command("failover", "--to", "acme", "--for", "1h", "--reason", "the daemon is being upgraded")
    assert done.returncode == 0, done.stderr
    assert scene.world.postfix.postconf("relayhost").startswith(f"[127.0.0.1]:{scene.world.ports['acme']}, ")
    assert scene.carrier(scene.world.send()) == "acme"

    scene.start_daemon()
    scene.until(lambda: scene.active() == "acme", 30, "the daemon is back")
    row = scene.until(lambda: (scene.moves("imported") or [None])[-1], 15, "the daemon takes the move over")
    assert row["actor"] == f"{getpass.getuser()}@{socket.gethostname()}"
    assert (row["trigger"], row["reason"]) == ("manual", "the daemon is being upgraded")
    assert (row["from_route"][0], row["to_route"][0]) == ("mailgun", "acme")
    (pin,) = scene.status()["overrides"]
    assert (pin["verb"], pin["provider"], pin["reason"]) == ("pin", "acme", "the daemon is being upgraded")
    scene.world.fault("acme", "spam")  # what a pin holds back
    scene.stays(seconds=4)


def test_a_killed_daemon_leaves_postfix_at_work_and_resumes_without_a_needless_move(scene):
    scene.world.fault("acme", "suspended")
    scene.until(lambda: scene.route() == ("mailgun", "sendgrid"), 30, "acme leaves the route")
    before = {p["name"]: p["health"]["status"] for p in scene.status()["providers"]}
    seq, moves = scene.last_seq(), len(scene.moves())

    scene.daemon.kill()
    assert scene.carrier(scene.world.send()) == "mailgun"
    scene.world.fault("mailgun", "down")
    assert scene.carrier(scene.world.send()) == "sendgrid", "Postfix itself goes on to the next provider"
    scene.world.heal("mailgun")

    scene.start_daemon()
    scene.until(lambda: scene.route() == ("mailgun", "sendgrid"), 30, "the daemon is back")
    assert scene.health("acme")["status"] == before["acme"] == "degraded"
    assert scene.health("acme")["reason"].startswith("acme refuses mail: ")
    scene.until(lambda: scene.health("mailgun")["status"] == "healthy", 20, "mailgun is measured again")
    scene.stays(seconds=3)
    assert len(scene.moves()) == moves
    assert scene.facts(after=0)[: seq - 1], "what was recorded is still there"


def test_a_killed_helper_is_said_and_its_return_is_enough(scene):
    scene.helper.kill()
    scene.world.fault("mailgun", "down")
    why = "Nobody answers on the root helper's socket"

    def told():  # by the move that failed, or by a look at the route shortly before it
        return [r for r in (*scene.moves("failed"), *scene.moves("blocked")) if why in r["detail"]]

    row = scene.until(told, 40, "the journal has the move that could not be made")[0]
    assert row["to_route"][0] == "sendgrid"
    assert row["reason"].startswith("mailgun refuses mail: ")
    assert any(why in problem for problem in scene.status()["problems"]), scene.report()
    assert scene.carrier(scene.world.send()) == "sendgrid", "Postfix itself goes on to the next provider"

    scene.start_helper()
    scene.order("ack")  # ends the wait that a failed move imposes
    assert scene.leaves("mailgun", within=40) == "sendgrid"


def test_a_second_daemon_and_a_second_helper_are_refused_in_one_sentence(scene):
    for verb in ("run", "helper"):
        second = scene.world.command(verb, timeout_seconds=30)
        assert second.returncode != 0, second
        (sentence,) = [line for line in second.stderr.splitlines() if line]
        assert sentence.startswith("relaypilot: "), second.stderr
        assert "nother" in sentence or "already" in sentence, sentence
    assert scene.status()["daemon"] == "running"
    assert scene.move_to("acme")["route"][0] == "acme"
