"""Given mail on a provider that accepts it and then misplaces, loses or delays it."""

import time
from collections import Counter

from tests.scenarios.scene import nothing_bounced_or_lost


def moved_after(scene, victim, after, signal, seeds):
    """Return how many rounds, from the first bad one on, had been looked into whole when mail moved.

    Rounds overlap here, and the first look into one that follows says nothing yet of whether mail should move.
    """
    facts = scene.facts(after)
    move = next(i for i, f in enumerate(facts) if f.get("fact") == "switchover" and f["detail"]["outcome"] == "applied")
    bad = [f for f in facts[:move] if f.get("provider") == victim and f["signal"] == signal and f["outcome"] == "bad"]
    assert bad, scene.report()
    rounds = Counter(f["round"] for f in bad)
    return sum(count >= seeds for count in rounds.values())


def astray(scene, fault, *arguments, within, load=2.0):
    """Switch the fault on under live mail; return (recording number before it, time, fates of the live mail)."""
    after, begun = scene.last_seq(), time.time()
    with scene.world.load(load):
        scene.world.fault("mailgun", fault, *arguments)
        target = scene.leaves("mailgun", within=within)
        moved = time.time()
        assert scene.carrier(scene.world.send()) == target
    scene.world.heal()
    row = scene.last_move()
    assert (row["trigger"], row["to_route"][0]) == ("automatic", target)
    assert f"Mail moved to {target}: {row['reason']}" in scene.log()
    return after, moved, scene.settled(begun)


def test_mail_leaves_a_provider_that_lands_in_spam_within_three_rounds(scene):
    after, moved, fates = astray(scene, "spam", within=60)

    assert moved_after(scene, "mailgun", after, "placement", seeds=6) <= 3
    row = scene.last_move()
    assert row["rule"] == "misplacing"
    assert row["reason"].startswith("mailgun misplaces mail")
    assert "landed in spam while other providers' did not" in row["reason"]
    assert row["to_route"][-1] == "mailgun", "it still accepts, so it stays the last resort"
    nothing_bounced_or_lost(fates)
    assert all(f.place == "inbox" for f in fates if f.sent.at > moved + 1)


def test_mail_leaves_a_provider_that_lands_in_spam_at_one_receiver(scene):
    after, _, fates = astray(scene, "spam_at", "gmail", within=80)

    assert moved_after(scene, "mailgun", after, "placement", seeds=2) <= 10
    row = scene.last_move()
    assert row["rule"] == "misplacing"
    assert row["reason"].startswith("mailgun misplaces mail at gmail: ")
    nothing_bounced_or_lost(fates)


def test_mail_leaves_a_provider_that_accepts_and_drops_and_the_loss_is_counted(scene):
    after, moved, fates = astray(scene, "drop", within=80)

    row = scene.last_move()
    # overdue while the others have arrived is told as late, before the deadline makes it lost
    assert (row["rule"], row["reason"].split(" mail")[0]) in {("losing", "mailgun loses"), ("late", "mailgun delays")}
    signal = "latency" if row["rule"] == "late" else "arrival"
    assert moved_after(scene, "mailgun", after, signal, seeds=6) <= 3
    lost = [f for f in fates if f.place == "lost"]
    assert all(f.dropped_by == "mailgun" and f.sent.at < moved + 1 for f in lost), lost
    assert not any(f.bounced for f in fates)


def test_mail_leaves_a_provider_that_delivers_late(scene):
    after, _, fates = astray(scene, "late", 4, within=90)

    assert moved_after(scene, "mailgun", after, "latency", seeds=6) <= 6
    row = scene.last_move()
    assert row["rule"] == "late"
    assert row["reason"].startswith("mailgun delays mail")
    nothing_bounced_or_lost(fates)
