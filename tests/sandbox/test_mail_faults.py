"""Faults after acceptance, seen where it counts: in the mailbox."""

import secrets
import time

import pytest
from imapclient.exceptions import LoginError

from deploy.sandbox.maildir import Copy
from deploy.sandbox.people import SEEDS
from deploy.sandbox.world import World
from tests.sandbox.clients import eventually, imap, session, submit

JUNK = {"gmail": "[Gmail]/Correo no deseado", "microsoft": "Junk Email", "yahoo": "Bulk"}


def send(world: World, relay: str, recipient: str) -> str:
    mark = secrets.token_hex(6)
    with session(world, relay) as smtp:
        assert submit(smtp, recipient, headers=f"X-Test: {mark}\r\n")[0] == 250
    return mark


def copies(world: World, address: str, mark: str) -> list[Copy]:
    return [m for m in world.dovecot.messages(address) if mark in m.path.read_text()]


def fate(world: World, relay: str) -> str:
    return str(eventually(lambda: (r := world.accepted(relay)[-1]["fate"]) != "underway" and r))


@pytest.mark.parametrize("seed", SEEDS)
def test_spam_lands_in_the_folder_that_the_mailbox_provider_uses(world: World, seed: str) -> None:
    world.fault("mailgun", "spam")
    mark = send(world, "mailgun", SEEDS[seed].address)
    eventually(lambda: copies(world, SEEDS[seed].address, mark))
    with imap(world, seed) as client:
        client.select_folder(JUNK[SEEDS[seed].receiver], readonly=True)
        assert len(client.search(["HEADER", "X-Test", mark])) == 1
        client.select_folder("INBOX", readonly=True)
        assert client.search(["HEADER", "X-Test", mark]) == []


def test_only_gmail_marks_its_spam_folder(world: World) -> None:
    marked = {}
    for seed in ("gmail-1", "microsoft-1", "yahoo-1"):
        with imap(world, seed) as client:
            folders = client.list_folders()  # "[Gmail]" itself, when listed, cannot be opened
            marked[seed] = {name: b"\\Junk" in flags for flags, _, name in folders if b"\\Noselect" not in flags}
    assert marked == {
        "gmail-1": {"INBOX": False, "[Gmail]/Correo no deseado": True},
        "microsoft-1": {"INBOX": False, "Junk Email": False},
        "yahoo-1": {"INBOX": False, "Bulk": False},
    }


def test_spam_at_one_receiver_leaves_the_others_alone(world: World) -> None:
    world.fault("sendgrid", "spam_at", "gmail")
    folders = {}
    for seed in ("gmail-2", "yahoo-2"):
        mark = send(world, "sendgrid", SEEDS[seed].address)
        folders[seed] = eventually(lambda seed=seed, mark=mark: copies(world, SEEDS[seed].address, mark))[0].folder
    assert folders == {"gmail-2": JUNK["gmail"], "yahoo-2": None}


def test_drop_accepts_and_loses_and_says_so_in_its_records(world: World) -> None:
    world.fault("acme", "drop")
    mark = send(world, "acme", "user-1@gmail.test")
    assert fate(world, "acme") == "dropped"
    assert copies(world, "user-1@gmail.test", mark) == []


def test_late_mail_is_underway_and_then_arrives(world: World) -> None:
    world.fault("acme", "late", 0.7)
    mark = send(world, "acme", "user-1@gmail.test")
    accepted_at = world.accepted("acme")[-1]["at"]
    assert copies(world, "user-1@gmail.test", mark) == []
    assert world.accepted("acme")[-1]["fate"] == "underway"
    assert eventually(lambda: copies(world, "user-1@gmail.test", mark))[0].arrived_at - accepted_at >= 0.7


def test_auth_broken_fails_every_method(world: World) -> None:
    world.fault("acme", "auth_broken")
    for seed in ("gmail-1", "microsoft-1", "yahoo-1"):
        mark = send(world, "acme", SEEDS[seed].address)
        text = eventually(lambda seed=seed, mark=mark: copies(world, SEEDS[seed].address, mark))[0].path.read_text()
        header = next(line for line in text.splitlines() if line.startswith("Authentication-Results:"))
        assert all(f"{method}=fail" in header for method in ("spf", "dkim", "dmarc"))


def test_bounce_later_returns_the_message_to_its_sender(world: World) -> None:
    world.fault("acme", "bounce_later")
    mark = send(world, "acme", "user-1@gmail.test")
    text = eventually(lambda: copies(world, "probe@example.test", mark))[0].path.read_text()
    assert text.startswith("Return-Path: <>")
    assert "Action: failed" in text
    assert copies(world, "user-1@gmail.test", mark) == []


def test_acme_rewrites_message_ids_and_the_others_do_not(world: World) -> None:
    for relay, kept in (("acme", False), ("mailgun", True), ("sendgrid", True)):
        mark = secrets.token_hex(6)
        with session(world, relay) as smtp:
            submit(smtp, "user-2@gmail.test", headers=f"Message-ID: <{mark}@example.test>\r\nX-Test: {mark}\r\n")
        text = eventually(lambda mark=mark: copies(world, "user-2@gmail.test", mark))[0].path.read_text()
        assert (f"<{mark}@example.test>" in text) is kept
        assert text.count("Message-ID:") == 1


def test_seed_down_refuses_one_login_ends_its_session_and_nothing_else(world: World) -> None:
    with imap(world, "gmail-1") as open_before:
        world.fault("gmail-1", "seed_down")
        with pytest.raises(LoginError), imap(world, "gmail-1"):
            pass
        with imap(world, "gmail-2"):
            pass
        with pytest.raises(Exception, match=r"Disconnected|EOF|abort|closed|kicked|unexpected"):
            for _ in range(50):
                open_before.noop()
    world.heal("gmail-1")
    with imap(world, "gmail-1"):
        pass


def test_seed_slow_delays_mail_from_every_relay_to_that_mailbox(world: World) -> None:
    world.fault("yahoo-1", "seed_slow", 0.6)
    for relay in ("mailgun", "acme"):
        send(world, relay, SEEDS["yahoo-1"].address)
        assert world.accepted(relay)[-1]["fate"] == "underway"
    assert {fate(world, relay) for relay in ("mailgun", "acme")} == {"delivered"}


def test_seed_full_returns_mail_to_the_sender(world: World) -> None:
    world.fault("yahoo-2", "seed_full")
    mark = send(world, "sendgrid", SEEDS["yahoo-2"].address)
    text = eventually(lambda: copies(world, "probe@example.test", mark))[0].path.read_text()
    assert "Status: 5.2.2" in text
    assert fate(world, "sendgrid") == "returned"


def test_seed_suppressed_loses_mail_of_one_provider_only(world: World) -> None:
    world.fault("microsoft-1", "seed_suppressed", "mailgun")
    send(world, "mailgun", SEEDS["microsoft-1"].address)
    send(world, "acme", SEEDS["microsoft-1"].address)
    assert (fate(world, "mailgun"), fate(world, "acme")) == ("suppressed", "delivered")


def test_local_net_cuts_relays_and_imap_off_and_gives_them_back(world: World) -> None:
    world.fault("host", "local_net")
    with pytest.raises(ConnectionRefusedError), session(world, "acme"):
        pass
    with pytest.raises(ConnectionRefusedError), imap(world, "gmail-1"):
        pass
    world.heal("host")
    with session(world, "acme"):
        pass
    for tries_left in range(20, -1, -1):  # the server just started may reset the first connections
        try:
            with imap(world, "gmail-1"):
                return
        except ConnectionResetError:
            assert tries_left
            time.sleep(0.1)
