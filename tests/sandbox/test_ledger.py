"""The ledger's arithmetic: everything injected is somewhere, and what is nowhere is lost."""

import dataclasses
import secrets
from collections.abc import Iterator

import pytest

from deploy.sandbox.maildir import write_message
from deploy.sandbox.people import SEEDS
from deploy.sandbox.world import World
from tests.sandbox.clients import eventually


@pytest.fixture
def fresh() -> Iterator[World]:
    with World.temporary() as world:
        yield world


def test_counts_reconcile_with_queue_mailboxes_and_relays(fresh: World) -> None:
    world = fresh
    world.use_stock_route("mailgun", "sendgrid")
    users = [f"user-{n}@{r}.test" for n in range(1, 6) for r in ("gmail", "yahoo")]

    def send(count: int) -> None:
        for recipient in users[:count]:
            world.send(recipient=recipient)
        eventually(lambda: not world.postfix.queue())

    send(5)
    world.fault("mailgun", "spam")
    send(4)
    world.heal()
    world.fault("mailgun", "drop")
    send(3)
    world.heal()
    world.fault("mailgun", "bounce_later")
    send(2)
    world.heal()
    world.fault("mailgun", "late", 3)
    send(1)
    assert world.ledger.counts().underway == 1
    eventually(lambda: world.ledger.counts().underway == 0)
    world.heal()
    refused = world.send(recipient="nosuch@gmail.test")
    eventually(lambda: world.ledger.fate(refused).place == "bounced" and not world.postfix.queue())
    world.postfix.set(relayhost="")
    queued = world.send(recipient="user-1@gmail.test")
    world.postfix.stop()
    assert dataclasses.asdict(world.ledger.counts(late_seconds=2.5)) == {
        "sent": 17,
        "inbox": 6,
        "spam": 4,
        "late": 1,
        "bounced": 3,
        "lost": 3,
        "twice": 0,
        "queued": 1,
        "underway": 0,
        "dropped": 3,
    }
    # A copy that appears twice, and one that vanishes from a mailbox without any relay saying so.
    fates = [f for f in world.ledger.fates() if f.place == "inbox"]
    copy = fates[0].copies[0]
    write_message(world.layout.mail, copy.address, None, copy.path.read_bytes())
    fates[1].copies[0].path.unlink()
    counts = world.ledger.counts()
    assert (counts.twice, counts.inbox, counts.lost, counts.dropped) == (1, 5, 4, 3)
    places = counts.inbox + counts.spam + counts.bounced + counts.queued + counts.underway + counts.lost
    assert places == counts.sent == 17
    assert world.ledger.fate(queued).place == "queued"


def test_a_retry_after_a_lost_answer_is_counted_as_twice(world: World) -> None:
    world.use_stock_route("acme", "sendgrid")
    world.postfix.set(smtp_data_done_timeout="1s")
    world.fault("acme", "hang_data", 2)
    sent = world.send(recipient="user-7@gmail.test")
    eventually(lambda: len(world.ledger.fate(sent).copies) == 2, 20)
    world.postfix.set(smtp_data_done_timeout="600s")


def test_mail_moved_by_a_client_is_still_found(world: World) -> None:
    world.use_stock_route("mailgun")
    sent = world.send(recipient=SEEDS["gmail-1"].address)
    path = eventually(lambda: world.ledger.fate(sent).copies)[0].path
    path.rename(path.parent.parent / "cur" / f"{path.name}:2,S")
    assert world.ledger.fate(sent).place == "inbox"


def test_somebody_elses_copy_does_not_count(world: World) -> None:
    world.use_stock_route("mailgun")
    world.fault("mailgun", "drop")
    sent = world.send(recipient="user-6@gmail.test")
    eventually(lambda: world.ledger.fate(sent).place == "lost")
    world.dovecot.deliver("user-6@yahoo.test", f"X-Sandbox-Id: {sent.id}\r\n\r\n{secrets.token_hex()}".encode())
    assert world.ledger.fate(sent).place == "lost"
    assert world.ledger.fate(sent).dropped_by == "mailgun"


def test_the_load_generator_sends_at_its_rate_to_all_receivers_and_nothing_gets_lost(world: World) -> None:
    world.use_stock_route("sendgrid")
    before = world.ledger.counts()
    with world.load(40) as load:
        eventually(lambda: load.sent >= 60, 20)
    eventually(lambda: world.ledger.counts().inbox >= before.inbox + load.sent, 20)
    after = world.ledger.counts()
    assert load.refused == 0
    assert after.sent - before.sent == load.sent
    assert after.lost == before.lost
    recent = [f.sent.recipient for f in world.ledger.fates()[-60:]]
    assert {r.rpartition("@")[2] for r in recent} == {"gmail.test", "microsoft.test", "yahoo.test"}
    assert len(set(recent)) == 30
