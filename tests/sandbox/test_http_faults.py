"""Every fault of a relay holds for its HTTP API too, in the provider's own words."""

import time

import httpx2
import pytest

from deploy.sandbox.errors import UnknownFaultError
from deploy.sandbox.world import World
from tests.sandbox.clients import eventually, login_reply
from tests.sandbox.http_clients import DOMAIN, SEED, Client


@pytest.fixture(params=["mailgun", "sendgrid"])
def client(request: pytest.FixtureRequest) -> Client:
    return request.getfixturevalue(request.param)


REFUSALS = [
    ("mailgun", "auth535", (), 401, "Forbidden"),
    ("mailgun", "key_limited", (), 401, "Forbidden"),
    ("mailgun", "quota", (), 420, "is not allowed to send: recipient limit exceeded, try again after "),
    ("mailgun", "suspended", (), 403, "is not allowed to send: your account is suspended"),
    ("mailgun", "sender_unverified", (), 403, "the domain is unverified and requires DNS configuration"),
    ("mailgun", "sender_unverified", ("@example.test",), 403, "unverified"),
    ("mailgun", "tempfail", (), 500, "Internal Server Error"),
    ("mailgun", "ratelimit", (0,), 429, "account-requests-per-sec limit exceeded, try again after 120 seconds"),
    ("mailgun", "wrong_region", (), 404, "Domain not found"),
    ("sendgrid", "auth535", (), 401, "The provided authorization grant is invalid, expired, or revoked"),
    ("sendgrid", "key_limited", (), 403, "access forbidden"),
    ("sendgrid", "quota", (), 401, "Maximum credits exceeded"),
    ("sendgrid", "suspended", (), 401, "account disabled"),
    ("sendgrid", "sender_unverified", (), 403, "The from address does not match a verified Sender Identity"),
    ("sendgrid", "tempfail", (), 500, "Internal server error"),
    ("sendgrid", "ratelimit", (0,), 429, "too many requests"),
    ("sendgrid", "wrong_region", (), 451, "region"),
    ("mailgun", "greet421", (), 503, "upstream"),
    ("sendgrid", "api_down", (), 503, "upstream"),
]


@pytest.mark.parametrize(("provider", "fault", "args", "status", "words"), REFUSALS)
def test_a_send_is_refused_in_the_providers_words(
    world: World, provider: str, fault: str, args: tuple, status: int, words: str, request: pytest.FixtureRequest
) -> None:
    client = request.getfixturevalue(provider)
    world.fault(provider, fault, *args)
    before = len(world.accepted(provider))
    answer = client.send()
    assert (answer.status_code, len(world.accepted(provider))) == (status, before)
    assert words in answer.text
    world.heal(provider)
    assert client.send().status_code in {200, 202}


def test_only_the_named_senders_are_unverified(world: World, client: Client) -> None:
    world.fault(client.provider, "sender_unverified", "@elsewhere.test")
    assert client.send().status_code in {200, 202}


def test_a_limited_rate_says_when_to_come_back(world: World, client: Client) -> None:
    world.fault(client.provider, "api_ratelimit", 2)
    path = "/v4/domains" if client.provider == "mailgun" else "/v3/scopes"
    answers = [client.ask("GET", path) for _ in range(3)]
    assert answers[-1].status_code == 429
    assert answers[-1].headers["x-ratelimit-remaining"] == "0"
    assert int(answers[-1].headers["x-ratelimit-reset"]) > time.time()


def test_a_share_of_messages_fails(world: World, client: Client) -> None:
    world.fault(client.provider, "partial", 0.5)
    statuses = [client.send().status_code for _ in range(20)]
    assert statuses.count(500) == 10


def test_down_and_blackhole_close_the_api_with_the_relay_and_open_it_again(world: World, client: Client) -> None:
    world.fault(client.provider, "down")
    with pytest.raises(httpx2.ConnectError):
        client.send()
    world.heal(client.provider)
    world.fault(client.provider, "blackhole")
    with pytest.raises(httpx2.ConnectTimeout):
        client.http.post("/", timeout=0.5)
    world.heal(client.provider)
    assert client.send().status_code in {200, 202}


def test_the_api_alone_can_be_out_of_order(world: World, mailgun: Client) -> None:
    world.fault("mailgun", "api_down")
    assert mailgun.send().status_code == 503
    assert login_reply(world, "mailgun")[0] == 235


@pytest.mark.parametrize("fault", ["tls_expired", "tls_stripped"])
def test_broken_tls_is_seen(world: World, client: Client, fault: str) -> None:
    world.fault(client.provider, fault)
    with pytest.raises(httpx2.ConnectError):
        client.send()


def test_tarpit_delays_every_answer(world: World, client: Client) -> None:
    world.fault(client.provider, "tarpit", 0.3)
    begun = time.monotonic()
    client.ask("GET", "/v3/scopes" if client.provider == "sendgrid" else "/v4/domains")
    assert time.monotonic() - begun >= 0.3


def test_hanging_without_a_time_loses_the_message_with_the_client(world: World, client: Client) -> None:
    world.fault(client.provider, "hang_data")
    before = len(world.accepted(client.provider))
    with pytest.raises(httpx2.ReadTimeout):
        client.http.request("POST", **request_of(client), timeout=0.3)
    world.heal(client.provider)
    assert client.send().status_code in {200, 202}
    assert len(world.accepted(client.provider)) == before + 1


def test_hanging_with_a_time_takes_the_message_of_a_client_that_has_gone(world: World, client: Client) -> None:
    world.fault(client.provider, "hang_data", 0.5)
    before = len(world.accepted(client.provider))
    with pytest.raises(httpx2.ReadTimeout):
        client.http.request("POST", **request_of(client), timeout=0.2)
    eventually(lambda: len(world.accepted(client.provider)) == before + 1)


def request_of(client: Client) -> dict:
    if client.provider == "mailgun":
        fields = {"from": "probe@example.test", "to": SEED, "subject": "s", "text": "t"}
        return {"url": f"/v3/{DOMAIN}/messages", "data": fields}
    mail = {"personalizations": [{"to": [{"email": SEED}]}], "from": {"email": "probe@example.test"}, "subject": "s"}
    return {"url": "/v3/mail/send", "json": mail | {"content": [{"type": "text/plain", "value": "t"}]}}


@pytest.mark.parametrize(
    ("fault", "fate"), [("drop", "dropped"), ("bounce_later", "returned"), ("spam", "delivered"), ("late", "delivered")]
)
def test_what_becomes_of_mail_is_the_same_as_by_smtp(world: World, client: Client, fault: str, fate: str) -> None:
    world.fault(client.provider, fault, *((0.2,) if fault == "late" else ()))
    client.send("user-9@gmail.test")
    assert eventually(lambda: (r := world.accepted(client.provider)[-1]["fate"]) != "underway" and r) == fate


def test_wrong_keys_and_wrong_paths(world: World, mailgun: Client, sendgrid: Client) -> None:
    stranger = Client(world, "mailgun", key="key-of-nobody")
    assert (stranger.send().status_code, stranger.send().text) == (401, "Forbidden")
    assert stranger.ask("GET", f"/v4/domains/{DOMAIN}").json() == {"message": "Invalid private key"}
    limited = Client(world, "mailgun", key="sending_key")
    assert limited.send().status_code == 200
    assert limited.http.get(f"/v3/{DOMAIN}/events").status_code == 401
    assert mailgun.http.post(f"/{DOMAIN}/messages").text == "Mailgun Magnificent API"
    assert mailgun.http.get("/v3/nothing/here/at/all").status_code == 404
    assert mailgun.http.delete(f"/v3/{DOMAIN}/messages").status_code == 405
    assert mailgun.ask("GET", "/v4/domains/other.test").status_code == 404
    nobody = Client(world, "sendgrid", key="SG.wrong")
    assert "authorization grant" in nobody.send().text
    assert "authorization required" in sendgrid.http.get("/v3/scopes", headers={"Authorization": ""}).text
    assert sendgrid.http.get("/v3/scopes", headers={"Accept": "text/html"}).status_code == 406
    assert sendgrid.http.get("/v3/none").status_code == 404
    assert sendgrid.http.get("/v3/mail/send").status_code == 405
    for client in (stranger, limited, nobody):
        client.http.close()


def test_faults_of_an_api_are_not_for_a_relay_without_one(world: World) -> None:
    with pytest.raises(UnknownFaultError, match="HTTP API"):
        world.fault("acme", "api_down")
