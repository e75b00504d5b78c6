"""Webhooks are signed and posted as the providers do it, and tried again until the receiver has them."""

import hashlib
import hmac
import json
from collections.abc import Iterator

import pytest
from sendgrid.helpers.eventwebhook import EventWebhook

from deploy.sandbox.errors import UnknownFaultError
from deploy.sandbox.world import World
from tests.sandbox.clients import eventually
from tests.sandbox.http_clients import SEED, Client
from tests.sandbox.webhook_receiver import Receiver, receiving


@pytest.fixture
def hooked(world: World) -> Iterator[Receiver]:
    with receiving() as receiver:
        for provider in ("mailgun", "sendgrid"):
            world.post_webhooks(provider, receiver.url)
        yield receiver
    for provider in ("mailgun", "sendgrid"):
        world.post_webhooks(provider, "")


def test_mailgun_posts_each_event_with_its_signature(world: World, hooked: Receiver, mailgun: Client) -> None:
    identity = mailgun.send(**{"v:probe": "7"}).json()["id"].strip("<>")
    eventually(lambda: len(hooked.posts) == 2)
    posts = [json.loads(body) for _, body in hooked.posts]
    assert sorted(p["event-data"]["event"] for p in posts) == ["accepted", "delivered"]
    key = world.keys("mailgun")["webhook_signing_key"].encode()
    for post in posts:
        signature = post["signature"]
        signed = (signature["timestamp"] + signature["token"]).encode()
        assert hmac.new(key, signed, hashlib.sha256).hexdigest() == signature["signature"]
        assert len(signature["token"]) == 50
        assert post["event-data"]["message"]["headers"]["message-id"] == identity
        assert post["event-data"]["user-variables"] == {"probe": "7"}
    assert len({p["signature"]["token"] for p in posts}) == 2
    urls = mailgun.get("/v3/domains/example.test/webhooks")["webhooks"]
    assert urls["permanent_fail"] == {"urls": [hooked.url]}


def test_sendgrid_posts_batches_that_its_own_library_verifies(world: World, hooked: Receiver, sendgrid: Client) -> None:
    people = [{"to": [{"email": f"user-{n}@gmail.test"}], "custom_args": {"probe_id": str(n)}} for n in range(1, 4)]
    sendgrid.send(personalizations=people, categories=["one"])
    events = eventually(lambda: len(e := [e for _, b in hooked.posts for e in json.loads(b)]) == 6 and e)
    assert {(e["email"], e["event"], e["probe_id"], e["category"]) for e in events} == {
        (f"user-{n}@gmail.test", event, str(n), "one") for n in range(1, 4) for event in ("processed", "delivered")
    }
    assert len(hooked.posts) < 6
    oracle = EventWebhook(world.keys("sendgrid")["webhook_public_key"])
    for headers, body in hooked.posts:
        assert body.endswith(b"]\r\n")
        signature, timestamp = (headers[f"X-Twilio-Email-Event-Webhook-{n}"] for n in ("Signature", "Timestamp"))
        assert oracle.verify_signature(body.decode(), signature, timestamp)
        assert not oracle.verify_signature(body.decode().strip(), signature, timestamp)
    settings = sendgrid.get("/v3/user/webhooks/event/settings/all")["webhooks"][0]
    assert (settings["url"], settings["public_key"]) == (hooked.url, world.keys("sendgrid")["webhook_public_key"])
    one = sendgrid.get(f"/v3/user/webhooks/event/settings/signed/{settings['id']}")
    assert one["public_key"] == settings["public_key"]


def test_a_failed_post_is_tried_again_and_406_is_not(world: World, hooked: Receiver, mailgun: Client) -> None:
    hooked.statuses[:] = [500, 406]
    before = len(world.webhooks_posted("mailgun"))
    mailgun.send("nosuch-one@gmail.test", **{"o:testmode": "yes"})  # one event only
    eventually(lambda: len(hooked.posts) == 2)
    statuses = eventually(lambda: len(s := world.webhooks_posted("mailgun")[before:]) == 2 and s)
    assert [s["status"] for s in statuses] == [500, 406]
    first, second = (json.loads(body) for _, body in hooked.posts)
    assert first["event-data"] == second["event-data"]
    assert first["signature"]["token"] != second["signature"]["token"]


def test_sendgrid_tries_again_until_2xx(world: World, hooked: Receiver, sendgrid: Client) -> None:
    hooked.statuses[:] = [503, 204]
    before = len(world.webhooks_posted("sendgrid"))
    sendgrid.send(SEED)
    statuses = eventually(lambda: len(s := world.webhooks_posted("sendgrid")[before:]) == 2 and s)
    assert [s["status"] for s in statuses] == [503, 204]
    assert hooked.posts[0][1] == hooked.posts[1][1]


def test_only_providers_with_webhooks_have_them(world: World) -> None:
    with pytest.raises(UnknownFaultError, match="no webhooks"):
        world.post_webhooks("acme", "http://127.0.0.1:1/")
